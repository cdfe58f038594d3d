/**
 * Overlays of snapshots in a machine's stored definition, with what they lie on written down as libvirt itself does it while
 * the machine runs: by that it knows the snapshot's disks again when it deletes it.
 */
import { ask } from '../connection.js'
import { domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { parseXml } from '../xml/parse.js'
import { serializeXml } from '../xml/serialize.js'
import type { readSnapshot } from '../xml/snapshot.js'
import { element, find, findAll, type XmlElement, type XmlNode } from '../xml/tree.js'
import type { Machine } from './machines.js'

export interface TakenSnapshot {
  readonly root: XmlElement
  readonly reading: Pick<ReturnType<typeof readSnapshot>, 'overlays'>
}

/**
 * `point`: the snapshot's overlays become the machine's disks. `describe`: only disks that are overlays of it already get what
 * they lie on written down. Nothing else of the definition changes.
 */
export async function writeDisks(
  { host, domain }: Pick<Machine, 'host' | 'domain'>,
  { root: snapshot, reading: { overlays } }: TakenSnapshot,
  how: 'point' | 'describe',
  signal: AbortSignal,
): Promise<void> {
  const flags = domainXmlFlags.inactive | domainXmlFlags.secure
  const root = parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))
  const changed = mapDisks(root, disk => {
    const device = find(disk, 'target')?.attributes.dev ?? ''
    const path = overlays[device]
    if (path === undefined) return disk
    const isThere = find(disk, 'source')?.attributes.file === path
    const isKnown = isThere && find(disk, 'backingStore', 'source') !== undefined
    if (isKnown || (how === 'describe' && !isThere)) return disk
    return overlayDisk(disk, path, diskOf(find(snapshot, 'domain'), device))
  })
  if (changed === root) return
  await ask(host, procedures.domains.define, { xml: serializeXml(changed), flags: 0 }, signal)
}

function overlayDisk(disk: XmlElement, path: string, base: XmlElement | undefined): XmlElement {
  const below = base && find(base, 'source')
  const backing =
    below &&
    element(
      'backingStore',
      { type: base.attributes.type },
      element('format', { type: find(base, 'driver')?.attributes.type ?? 'qcow2' }),
      element('source', { ...below.attributes }),
    )
  return {
    ...disk,
    attributes: { ...disk.attributes, type: 'file' },
    children: disk.children.flatMap((child): XmlNode[] => {
      if (typeof child === 'string') return [child]
      if (child.name === 'backingStore') return []
      if (child.name === 'source') return [element('source', { file: path }), ...(backing ? [backing] : [])]
      return child.name === 'driver'
        ? [{ ...child, attributes: { ...child.attributes, type: 'qcow2' } }]
        : [child]
    }),
  }
}

function diskOf(root: XmlElement | undefined, device: string): XmlElement | undefined {
  return findAll(find(root, 'devices'), 'disk').find(disk => find(disk, 'target')?.attributes.dev === device)
}

/** The tree with its disks changed; the same tree where none was. */
function mapDisks(root: XmlElement, change: (disk: XmlElement) => XmlElement): XmlElement {
  let differs = false
  const children = root.children.map(child => {
    if (typeof child === 'string' || child.name !== 'devices') return child
    const devices = child.children.map(device => {
      if (typeof device === 'string' || device.name !== 'disk') return device
      const next = change(device)
      differs ||= next !== device
      return next
    })
    return { ...child, children: devices }
  })
  return differs ? { ...root, children } : root
}

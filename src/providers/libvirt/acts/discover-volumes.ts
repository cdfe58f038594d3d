/** Volumes that are no machine's own, as drafts of documents: images, and disks that outlive their machines. */
import { ask, type Host } from '../connection.js'
import { objects, present, text } from '../kinds/values.js'
import { volume as volumeKind } from '../kinds/volume.js'
import { serialLog } from '../machine-input.js'
import { bootVolume, dataVolume, ignitionVolume, seedVolume } from '../names.js'
import { poolStates } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { isTrash } from '../trash.js'
import { gone, volumeReading } from '../volume-reading.js'
import { parseXml } from '../xml/parse.js'
import type { Draft } from './draft.js'

/** Volumes that are no machine's own: images, and disks that outlive their machines. */
export async function draftVolumes(
  host: Host,
  pools: readonly { readonly name: string; readonly uuid: string }[],
  machines: readonly Draft[],
  signal: AbortSignal,
): Promise<readonly Draft[]> {
  const found = await Promise.all(
    pools.map(async pool => {
      const info = await ask(host, procedures.pools.info, { pool }, signal)
      if (info.state === poolStates.inactive) return []
      const all = await ask(host, procedures.pools.volumes, { pool, needResults: 1, flags: 0 }, signal)
      const own = new Set(machines.flatMap(machine => ownNames(machine, pool.name)))
      const strange = all.filter(one => !isTrash(one.name) && !own.has(one.name) && !isOverlay(one, own))
      return Promise.all(strange.map(one => readVolume(host, one, signal)))
    }),
  )
  return found.flat().filter(one => one !== undefined)
}

/** Of a machine's own disk, put there by a snapshot. */
function isOverlay({ name }: Volume, own: ReadonlySet<string>): boolean {
  const dot = name.indexOf('.')
  return dot > 0 && own.has(name.slice(0, dot))
}

function ownNames({ name, spec, boot }: Draft, pool: string): string[] {
  const referenced = new Set(objects(spec.dataDisks).flatMap(({ item }) => text(item.volume) ?? []))
  if (spec.storagePool !== pool) return []
  return [
    bootVolume(name),
    ...(boot?.pool === pool ? [boot.name] : []),
    seedVolume(name),
    `${seedVolume(name)}.iso`,
    ignitionVolume(name),
    serialLog(name),
    ...objects(spec.dataDisks).map(({ item }) => dataVolume(name, text(item.device) ?? '')),
  ].filter(volume => !referenced.has(`${pool}:${volume}`))
}

async function readVolume(host: Host, one: Volume, signal: AbortSignal): Promise<Draft | undefined> {
  const xml = await gone(ask(host, procedures.volumes.xml, { volume: one, flags: 0 }, signal))
  if (xml === undefined || parseXml(xml).attributes.type === 'dir') return undefined
  const reading = volumeReading(one, xml)
  const below = reading.backingPath
  const base =
    below === undefined
      ? undefined
      : await gone(ask(host, procedures.volumes.lookupByPath, { path: below }, signal))
  const name = one.name.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9_]+|[^A-Za-z0-9_]+$/g, '')
  return {
    kind: volumeKind,
    name: name === '' ? 'volume' : name,
    labels: {},
    spec: present({
      pool: one.pool,
      volume: one.name,
      size: reading.capacityBytes,
      format: reading.format === 'qcow2' ? 'qcow2' : 'raw',
      backing: base === undefined ? below : `${base.pool}:${base.name}`,
      backingFormat: below === undefined ? undefined : reading.backingFormat,
    }),
    remarks: [],
  }
}

/** The kind VirtualMachine: Foundry's document and what libvirt can do beyond it. */
import type { Attributes } from '../../../../model/value.js'
import type { Kind } from '../../../kind.js'
import { fields, objects, splitReference, text } from '../values.js'
import { canonicalMachine, domainName } from './canonical.js'
import { machineChanges } from './changes.js'
import { checkMachine } from './check.js'
import { virtualMachineSchema } from './schema.js'

export const virtualMachine: Kind = {
  kind: 'VirtualMachine',
  provider: 'libvirt',
  summary: 'A virtual machine of libvirt, with its disks and its first set-up.',
  schema: virtualMachineSchema,
  keyedLists: { dataDisks: 'device', networkInterfaces: 'name', fwCfg: 'name', shares: 'tag' },
  sensitive: [
    'cloudInit.passwordHash',
    'cloudInit.userData',
    'ignition.passwordHash',
    'ignition.config',
    'graphics.password',
    'dataDisks[].source.rbd.key',
  ],
  facts: {
    uuid: 'UUID of the domain.',
    state: 'What it does: running, paused, shut off, saved, ….',
    addresses:
      'IP addresses of the running machine, without prefixes: as its guest agent tells them, else from DHCP leases and its document, else from the host’s neighbours.',
    ipv4: 'Its first IPv4 address.',
    ipv6: 'Its first IPv6 address that is not link-local.',
    macAddresses: 'MAC addresses of its interfaces, in their order.',
    hostname: 'Name that the guest agent tells.',
    serialLog: 'File of the host that holds what the serial console said.',
    console: 'Terminal device of the host that its serial console is on.',
    graphics: 'Where its display is: `vnc://127.0.0.1:5900`.',
    phase: 'Foundry’s word for its state: Pending, Creating, Running, Stopped, Failed, Destroying.',
  },
  changes: machineChanges,
  objectName: domainName,
  canonical: canonicalMachine,
  check: checkMachine,
  implied,
  connection: spec => text(spec.host),
  deletion: () => ({ hazards: ['stops-vm', 'deletes-data'], undo: 'restore' }),
  replacedWith: kind => kind === 'Image' || kind === 'StoragePool' || kind === 'Volume',
}

/** Pools, image, volumes and networks that it names. A volume may be declared with or without its file's extension. */
function implied(spec: Attributes, meta: Parameters<Kind['canonical']>[1]): { kind: string; name: string }[] {
  const canonical = canonicalMachine(spec, meta)
  const found = new Map<string, { kind: string; name: string }>()
  const add = (kind: string, name: string | undefined): void => {
    if (name !== undefined) found.set(`${kind}/${name}`, { kind, name })
  }
  const addVolume = (kind: string, reference: string | undefined): void => {
    const parts = reference === undefined ? undefined : splitReference(reference)
    if (parts === undefined) return
    add('StoragePool', parts.pool)
    add(kind, parts.volume)
    const bare = parts.volume.replace(/\.(qcow2|raw|iso|img)$/, '')
    if (bare !== parts.volume) add(kind, bare)
  }
  add('StoragePool', text(canonical.storagePool))
  addVolume('Image', text(fields(canonical.bootDisk).image))
  addVolume('Image', text(canonical.installIso))
  for (const { item } of objects(canonical.dataDisks)) addVolume('Volume', text(item.volume))
  for (const { item } of objects(canonical.networkInterfaces)) add('Network', text(item.network))
  return [...found.values()]
}

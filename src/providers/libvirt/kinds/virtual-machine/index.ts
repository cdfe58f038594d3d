/** The kind VirtualMachine: Foundry's document and what libvirt can do beyond it. */
import type { Attributes, Json } from '../../../../model/value.js'
import type { Kind } from '../../../kind.js'
import { defaultImagePool, defaultVmPool } from '../../names.js'
import { fields, objects, splitReference, text, volumeReference } from '../values.js'
import { canonicalBootDisk, canonicalMachine, domainName } from './canonical.js'
import { machineChanges } from './changes.js'
import { checkMachine } from './check.js'
import { virtualMachineSchema } from './schema.js'

export const virtualMachine: Kind = {
  kind: 'VirtualMachine',
  provider: 'libvirt',
  summary: 'A virtual machine of libvirt, with its disks and its first set-up.',
  get schema() {
    return virtualMachineSchema()
  },
  keyedLists: { dataDisks: 'device', networkInterfaces: 'name', fwCfg: 'name', shares: 'tag' },
  sensitive: [
    'cloudInit.passwordHash',
    'cloudInit.userData',
    'cloudInit.rawUserData',
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
function implied(spec: Attributes): { kind: string; name: string }[] {
  const storagePool = text(spec.storagePool ?? defaultVmPool)
  const imagePool = text(spec.imagePool ?? defaultImagePool)
  const found = new Map<string, { kind: string; name: string }>()
  const add = (kind: string, name: string | undefined): void => {
    if (name !== undefined) found.set(`${kind}/${name}`, { kind, name })
  }
  const addVolume = (kind: string, value: Json | undefined, pool: string | undefined): void => {
    const said = text(value)
    const reference = said === undefined || pool === undefined ? said : volumeReference(said, pool)
    const parts = reference === undefined ? undefined : splitReference(reference)
    if (parts === undefined) return
    add('StoragePool', parts.pool)
    add(kind, parts.volume)
    add(kind, `${parts.pool}:${parts.volume}`)
    const bare = parts.volume.replace(/\.(qcow2|raw|iso|img)$/, '')
    if (bare !== parts.volume) add(kind, bare)
  }
  add('StoragePool', storagePool)
  const image = fields(canonicalBootDisk(spec.bootDisk, imagePool)).image
  addVolume('Image', image, undefined)
  addVolume('Image', spec.installIso, imagePool)
  for (const { item } of objects(spec.dataDisks)) addVolume('Volume', item.volume, storagePool)
  for (const { item } of objects(spec.networkInterfaces)) add('Network', text(item.network))
  return [...found.values()]
}

/** Samples of every kind, small enough to be made anywhere. */
import type { Kind } from '../../src/providers/kind.js'
import { kinds } from '../../src/session/provider-types.js'
import type { Sample } from './suite.js'

function kindOf(name: string): Kind {
  const kind = kinds.get(name)
  if (!kind) throw new Error(`there is no kind ${name}`)
  return kind
}

/** libvirt's, in a folder of their own; machines are defined and not started. */
export function libvirtSamples(folder: string, suffix: string): readonly Sample[] {
  const pool = `pool-${suffix}`
  return [
    { kind: kindOf('StoragePool'), name: pool, spec: { type: 'dir', path: folder } },
    {
      kind: kindOf('Volume'),
      name: `disk-${suffix}`,
      spec: { pool, size: '16MiB' },
      changed: { pool, size: '32MiB' },
      needs: [0],
    },
    {
      kind: kindOf('VirtualMachine'),
      name: `vm-${suffix}`,
      spec: machine(pool, 1),
      changed: machine(pool, 2),
      needs: [0],
    },
  ]
}

function machine(pool: string, memory: number) {
  return {
    vcpus: 1,
    memoryGiB: memory / 8,
    virtualization: 'qemu',
    firmware: 'bios',
    storagePool: pool,
    powerState: 'stopped',
    autostart: false,
    bootDisk: { sizeGB: 1, empty: true },
    networkInterfaces: [],
  }
}

/** Ceph's: a pool and an image in it, a file system with a group and a volume, a client. */
export function cephSamples(): readonly Sample[] {
  const pool = { size: 1, minSize: 1, pgNum: 8 }
  return [
    {
      kind: kindOf('CephPool'),
      name: 'samples',
      spec: { ...pool, application: 'rbd' },
      changed: { ...pool, application: 'rbd', quota: { maxObjects: 1000 } },
    },
    {
      kind: kindOf('RbdImage'),
      name: 'disk',
      spec: { pool: 'samples', size: '16MiB' },
      changed: { pool: 'samples', size: '32MiB' },
      needs: [0],
    },
    { kind: kindOf('CephFilesystem'), name: 'files', spec: {} },
    { kind: kindOf('CephSubvolumeGroup'), name: 'team', spec: { filesystem: 'files' }, needs: [2] },
    {
      kind: kindOf('CephVolume'),
      name: 'data',
      spec: { filesystem: 'files', group: 'team', size: '64MiB' },
      changed: { filesystem: 'files', group: 'team', size: '128MiB' },
      needs: [3],
    },
    {
      kind: kindOf('CephClient'),
      name: 'reader',
      spec: { caps: { mon: 'allow r' } },
      changed: { caps: { mon: 'allow r', osd: 'allow r' } },
    },
  ]
}

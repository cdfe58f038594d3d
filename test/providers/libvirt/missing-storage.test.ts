/** What a stack names in pools and nobody has is found before anything is made, by few calls. */
import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { libvirtKinds } from '../../../src/providers/libvirt/kinds/index.js'
import { missingStorage } from '../../../src/providers/libvirt/missing-storage.js'
import { type LibvirtCode, LibvirtError, libvirtCodes } from '../../../src/providers/libvirt/rpc/errors.js'
import type { Procedure } from '../../../src/providers/libvirt/rpc/procedure.js'
import type { Target, Wanted } from '../../../src/providers/provider.js'

const signal = new AbortController().signal

/** A host with these pools and volumes; `undefined` for a pool that is stopped. Tells its calls by libvirt's names. */
function hostWith(pools: Readonly<Record<string, readonly string[] | undefined>>) {
  const calls: string[] = []
  const refuse = (name: LibvirtCode, call: string) => new LibvirtError(call, libvirtCodes[name], 18, 'no')
  const call = async ({ name }: Procedure<unknown, unknown>, args: { pool?: { name: string } }) => {
    calls.push(name)
    if (name === 'connectListAllStoragePools') {
      return Object.keys(pools).map(pool => ({ name: pool, uuid: pool }))
    }
    const volumes = pools[args.pool?.name ?? '']
    if (name === 'storagePoolListAllVolumes' && volumes) {
      return volumes.map(volume => ({ pool: args.pool?.name, name: volume, key: volume }))
    }
    throw refuse(name === 'storageVolLookupByPath' ? 'NO_STORAGE_VOL' : 'OPERATION_INVALID', name)
  }
  return { calls, host: { client: { call } } as unknown as Host }
}

function target(kind: string, name: string, spec: Attributes): Target {
  const canonical = libvirtKinds.find(one => one.kind === kind)?.canonical
  const meta = { name, labels: {}, annotations: {} }
  return { address: `${kind}/${name}`, kind, name, spec: canonical?.(spec, meta) ?? spec }
}
const vm = (spec: Attributes = {}, name = 'web') =>
  target('VirtualMachine', name, {
    storagePool: 'vms',
    imagePool: 'images',
    bootDisk: { sizeGB: 1, image: 'debian.qcow2' },
    ...spec,
  })

const there = {
  vms: ['old_boot'],
  images: ['debian.qcow2', 'debian-13.qcow2', 'alpine.qcow2'],
  off: undefined,
}
const boot = (image: string) => ({ bootDisk: { sizeGB: 1, image } })

const rows: readonly {
  readonly reason: string
  readonly wanted: Wanted
  /** Declared beside it. */
  readonly beside?: readonly Target[]
  readonly told: readonly string[]
  readonly why?: string
}[] = [
  { reason: 'all of it is there', wanted: vm(), told: [] },
  {
    reason: 'an image is misspelt: the nearest names are told',
    wanted: vm(boot('debain.qcow2')),
    told: ['There is no image debain.qcow2 in the pool images'],
    why: 'The pool has debian.qcow2, alpine.qcow2, debian-13.qcow2',
  },
  {
    reason: 'the stack makes the image',
    wanted: vm(boot('new.qcow2')),
    beside: [target('Image', 'new.qcow2', { pool: 'images', source: { path: '/new.qcow2' } })],
    told: [],
  },
  {
    reason: 'the stack makes it in another pool',
    wanted: vm(boot('new.qcow2')),
    beside: [target('Image', 'new.qcow2', { pool: 'vms', source: { path: '/new.qcow2' } })],
    told: ['There is no image new.qcow2 in the pool images'],
  },
  {
    reason: 'a pool is misspelt: told once, though the image is in it, too',
    wanted: vm({ storagePool: 'vsm', imagePool: 'vsm' }),
    told: ['There is no pool vsm on the host'],
    why: 'The host has vms, off, images',
  },
  {
    reason: 'the stack makes the pool; what is in its folder is not known yet',
    wanted: vm({ storagePool: 'new', imagePool: 'new' }),
    beside: [target('StoragePool', 'new', { path: '/new' })],
    told: [],
  },
  {
    reason: 'Foundry’s pools are made where they are missing',
    wanted: vm({ storagePool: 'foundry-vms' }),
    told: [],
  },
  { reason: 'what is in a pool that is stopped cannot be told', wanted: vm(boot('off:x.qcow2')), told: [] },
  {
    reason: 'a disk names a volume that is not there',
    wanted: vm({ dataDisks: [{ device: 'vdb', volume: 'odl_boot' }] }),
    told: ['There is no volume odl_boot in the pool vms'],
  },
  {
    reason: 'it is a disk of another machine of the stack',
    wanted: vm({ dataDisks: [{ device: 'vdb', volume: 'db_data-vdb' }] }),
    beside: [vm({ dataDisks: [{ device: 'vdb', sizeGB: 1 }] }, 'db')],
    told: [],
  },
  {
    reason: 'a name that is known only later may be any',
    wanted: vm(boot('images:x.qcow2')),
    beside: [target('Image', 'x', { pool: 'images', volume: { $unresolved: 'a.name' }, format: 'raw' })],
    told: [],
  },
  {
    reason: 'a path that no pool has',
    wanted: vm(boot('/srv/base.qcow2')),
    told: ['There is no image /srv/base.qcow2 on the host'],
  },
  {
    reason: 'a path in a pool that the stack makes',
    wanted: vm(boot('/srv/base.qcow2')),
    beside: [target('StoragePool', 'srv', { path: '/srv' })],
    told: [],
  },
  {
    reason: 'a machine that stays needs its first image no more',
    wanted: { ...vm({ ...boot('gone.qcow2'), memoryGiB: 2 }), from: vm(boot('gone.qcow2')).spec },
    told: [],
  },
  {
    reason: 'but the disk that it gets, and the pool that its own disks are in',
    wanted: {
      ...vm({ storagePool: 'vsm', dataDisks: [{ device: 'vdb', volume: 'vms:gone' }] }),
      from: vm({ storagePool: 'vsm' }).spec,
    },
    told: ['There is no pool vsm on the host', 'There is no volume gone in the pool vms'],
  },
  {
    reason: 'a volume in a pool that is misspelt',
    wanted: target('Volume', 'data', { pool: 'vmz', size: '1GiB' }),
    told: ['There is no pool vmz on the host'],
  },
]

describe('what resources name in pools', () => {
  it.each(rows)('$reason', async ({ wanted, beside = [], told, why }) => {
    const { host } = hostWith(there)
    const errors = await missingStorage(host, [wanted], [wanted, ...beside], signal)
    expect(errors.map(error => error.message)).toEqual(told)
    if (why !== undefined) expect(errors[0]?.why).toBe(why)
    for (const error of errors) expect(error).toMatchObject({ kind: 'validation', address: wanted.address })
  })

  it('costs a call for all pools and one for each pool that is named, however many name it', async () => {
    const { host, calls } = hostWith(there)
    const many = Array.from({ length: 200 }, (_, index) => vm(boot('debain.qcow2'), `web-${index}`))
    expect(await missingStorage(host, many, many, signal)).toHaveLength(200)
    expect(calls).toEqual(['connectListAllStoragePools', 'storagePoolListAllVolumes'])
  })

  it('asks nothing where nothing is named', async () => {
    const { host, calls } = hostWith(there)
    const network = target('Network', 'lab', { mode: 'isolated' })
    expect(await missingStorage(host, [network], [network], signal)).toEqual([])
    expect(calls).toEqual([])
  })
})

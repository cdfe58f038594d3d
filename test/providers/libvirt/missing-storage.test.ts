/** What a stack names in pools and nobody has is found before anything is made, by few calls. */
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { libvirtKinds } from '../../../src/providers/libvirt/kinds/index.js'
import { missingStorage } from '../../../src/providers/libvirt/missing-storage.js'
import { type LibvirtCode, LibvirtError, libvirtCodes } from '../../../src/providers/libvirt/rpc/errors.js'
import type { Procedure } from '../../../src/providers/libvirt/rpc/procedure.js'
import type { Target, Wanted } from '../../../src/providers/provider.js'

const signal = new AbortController().signal

interface Folders {
  /** Names in it, by its path; `undefined` for one that cannot be read. A folder that is not named is not there. */
  readonly folders?: Readonly<Record<string, readonly string[] | undefined>>
  /** What libvirtd's machine is called. */
  readonly called?: string
}

/** A host with these pools and volumes; `undefined` for a pool that is stopped. Tells its calls by libvirt's names. */
function hostWith(
  pools: Readonly<Record<string, readonly string[] | undefined>>,
  { folders = {}, called = hostname() }: Folders = {},
) {
  const calls: string[] = []
  const refuse = (name: LibvirtCode, call: string) => new LibvirtError(call, libvirtCodes[name], 18, 'no')
  const call = async ({ name }: Procedure<unknown, unknown>, args: { pool?: { name: string } }) => {
    calls.push(name)
    if (name === 'connectListAllStoragePools') {
      return Object.keys(pools).map(pool => ({ name: pool, uuid: pool }))
    }
    if (name === 'connectGetHostname') return called
    const volumes = pools[args.pool?.name ?? '']
    if (name === 'storagePoolListAllVolumes' && volumes) {
      return volumes.map(volume => ({ pool: args.pool?.name, name: volume, key: volume }))
    }
    throw refuse(name === 'storageVolLookupByPath' ? 'NO_STORAGE_VOL' : 'OPERATION_INVALID', name)
  }
  const names = async (path: string) => (path in folders ? folders[path] : [])
  return {
    calls,
    host: { client: { call }, files: { names, machine: async () => hostname() } } as unknown as Host,
  }
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
    reason: 'the stack makes another image there, and the plan says which',
    wanted: vm(boot('images:dbian-13.qcow2')),
    beside: [target('Image', 'dbian-12', { pool: 'images', source: { path: '/dbian.qcow2' } })],
    told: ['There is no image dbian-13.qcow2 in the pool images'],
    why: 'The pool has dbian-12.qcow2, debian-13.qcow2, debian.qcow2, alpine.qcow2',
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

const images = '/var/lib/libvirt/images/foundry/images'
const libvirts = { '/var/lib/libvirt': ['images', 'qemu'] }
const misspelt = 'There is no image debain.qcow2 for the pool foundry-images, which is made on first use'

const unmade: readonly {
  readonly reason: string
  readonly image: string
  readonly on: Folders
  readonly told: readonly string[]
  readonly why?: string
}[] = [
  {
    reason: 'the image is in its folder',
    image: 'debian.qcow2',
    on: { folders: { ...libvirts, [images]: ['debian.qcow2'] } },
    told: [],
  },
  {
    reason: 'the folder has others: the nearest names are told',
    image: 'debain.qcow2',
    on: { folders: { ...libvirts, [images]: ['alpine.qcow2', 'debian.qcow2'] } },
    told: [misspelt],
    why: `Its folder ${images} has debian.qcow2, alpine.qcow2`,
  },
  {
    reason: 'there is no folder yet: what other pools have is told',
    image: 'debain.qcow2',
    on: { folders: libvirts },
    told: [misspelt],
    why: `Its folder ${images} has no files; other pools have images:debian.qcow2, images:alpine.qcow2, images:debian-13.qcow2, vms:old_boot`,
  },
  {
    reason: 'libvirtd tells the name of this machine with its domain',
    image: 'debain.qcow2',
    on: { folders: { ...libvirts, [images]: ['debian.qcow2'] }, called: `${hostname()}.example.org` },
    told: [misspelt],
  },
  {
    reason: 'a folder that cannot be read, by rights or from afar, says nothing',
    image: 'debain.qcow2',
    on: { folders: { ...libvirts, [images]: undefined } },
    told: [],
  },
  {
    reason: 'libvirtd runs on another machine than its socket',
    image: 'debain.qcow2',
    on: { folders: { ...libvirts, [images]: [] }, called: 'elsewhere' },
    told: [],
  },
  {
    reason: 'not even what libvirtd makes itself is seen: it runs in other mounts',
    image: 'debain.qcow2',
    on: {},
    told: [],
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

  it.each(unmade)('of a pool that is made on first use: $reason', async ({ image, on, told, why }) => {
    const { host } = hostWith(there, on)
    const wanted = vm({ imagePool: 'foundry-images', ...boot(image) })
    const errors = await missingStorage(host, [wanted], [wanted], signal)
    expect(errors.map(error => error.message)).toEqual(told)
    if (why !== undefined) expect(errors[0]?.why).toBe(why)
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

describe('a pool that the stack makes itself', () => {
  const pool = target('StoragePool', 'own', { path: '/srv/own' })
  const image = target('Image', 'debian', { pool: 'own', source: { path: '/debian.raw' }, convert: 'qcow2' })
  const told = async (
    wanted: Wanted,
    on: Folders,
    beside: readonly Target[] = [pool, image],
    pools = there,
  ) => {
    const { host } = hostWith(pools, on)
    const found = await missingStorage(host, [wanted, ...beside], [wanted, ...beside], signal)
    return found.map(({ message, why }) => [message, why])
  }
  const seen = (...names: string[]) => ({ folders: { ...libvirts, '/srv/own': names } })
  const misspelt = (name: string) => `There is no image ${name} for the pool own, which the stack sees to`

  it.each([
    { reason: 'is what it will be called', image: 'own:debian.qcow2', on: seen(), expected: [] },
    {
      reason: 'is called otherwise: the plan tells how',
      image: 'own:debian.raw',
      on: seen(),
      expected: [
        [misspelt('debian.raw'), 'The stack makes debian.qcow2 there; its folder /srv/own has no files'],
      ],
    },
    {
      reason: 'is misspelt: what is in the folder is told, too',
      image: 'own:debain.qcow2',
      on: seen('alpine.qcow2'),
      expected: [
        [
          misspelt('debain.qcow2'),
          'The stack makes debian.qcow2 there; its folder /srv/own has alpine.qcow2',
        ],
      ],
    },
    { reason: 'is a file of the folder', image: 'own:alpine.qcow2', on: seen('alpine.qcow2'), expected: [] },
    {
      reason: 'may be in a folder that cannot be read',
      image: 'own:debain.qcow2',
      on: { folders: { ...libvirts, '/srv/own': undefined } },
      expected: [],
    },
    {
      reason: 'may be in a folder of another machine',
      image: 'own:debain.qcow2',
      on: { ...seen(), called: 'far' },
      expected: [],
    },
  ])('its image $reason', async ({ image: name, on, expected }) => {
    expect(await told(vm({ storagePool: 'own', ...boot(name) }), on)).toEqual(expected)
  })

  it('is looked into where it is there, and stopped', async () => {
    const wanted = vm(boot('off:x.qcow2'))
    const off = target('StoragePool', 'off', { path: '/srv/own' })
    expect(await told(wanted, seen('y.qcow2'), [off])).toEqual([
      [
        'There is no image x.qcow2 for the pool off, which the stack sees to',
        'Its folder /srv/own has y.qcow2',
      ],
    ])
  })

  it('of another type shows nothing in the folder that it is mounted on', async () => {
    const mounted = target('StoragePool', 'own', {
      type: 'netfs',
      path: '/srv/own',
      source: { host: 'nas', export: '/x' },
    })
    expect(await told(vm({ storagePool: 'own', ...boot('own:x.qcow2') }), seen(), [mounted])).toEqual([])
  })
})

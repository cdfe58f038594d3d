import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Provider } from '../../../src/providers/provider.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'
import { openProvider, Subject } from './harness.js'

const missing = await cephLabMissing()

interface PoolRow {
  readonly pool_name: string
  readonly size: number
  readonly min_size: number
  readonly pg_num_target: number
  readonly flags_names: string
  readonly options: Record<string, unknown>
  readonly application_metadata: Record<string, Record<string, string>>
}

describe.skipIf(missing)(`pools and clients ${missing ?? ''}`, () => {
  let lab: CephLab
  let provider: Provider
  beforeAll(async () => {
    // Bluestore: erasure-coded pools take overwrites only there
    lab = await cephLab({ name: 'pools', port: 16600, osds: 3, mdss: 0, store: 'bluestore' })
    provider = await openProvider(lab)
  })
  afterAll(async () => {
    await provider?.close()
    await lab?.clean()
  })

  const row = async (name: string) =>
    (await lab.cephJson<PoolRow[]>('osd', 'pool', 'ls', 'detail')).find(pool => pool.pool_name === name)

  const base: Attributes = { size: 2, minSize: 1, pgNum: 8 }
  const changes: readonly { readonly reason: string; readonly spec: Attributes }[] = [
    { reason: 'more copies', spec: { ...base, size: 3, minSize: 2 } },
    { reason: 'fewer copies', spec: base },
    { reason: 'a single copy', spec: { ...base, size: 1, minSize: 1 } },
    { reason: 'two again', spec: base },
    { reason: 'placement groups', spec: { ...base, pgNum: 16 } },
    { reason: 'the autoscaler', spec: { size: 2, minSize: 1, autoscale: 'on', pgNumMin: 4, pgNumMax: 64 } },
    { reason: 'warnings only', spec: { size: 2, autoscale: 'warn' } },
    { reason: 'bulk', spec: { ...base, bulk: true } },
    { reason: 'expected size', spec: { ...base, targetSize: '10GiB' } },
    { reason: 'expected share', spec: { ...base, targetSizeRatio: 0.25 } },
    { reason: 'another application', spec: { ...base, application: 'backup' } },
    { reason: 'limits', spec: { ...base, quota: { maxBytes: '1GiB', maxObjects: 1000 } } },
    { reason: 'no limits', spec: base },
    {
      reason: 'compression',
      spec: { ...base, compression: { mode: 'aggressive', algorithm: 'zstd', requiredRatio: 0.7 } },
    },
    { reason: 'no compression', spec: base },
    { reason: 'another placement', spec: { ...base, failureDomain: 'osd', deviceClass: 'hdd' } },
    { reason: 'a rule by name', spec: { ...base, crushRule: 'replicated_rule' } },
    { reason: 'nodelete', spec: { ...base, nodelete: true } },
    { reason: 'may be deleted', spec: base },
  ]

  it('makes a pool that is as declared, and brings every field to what is declared later', async () => {
    const pool = new Subject(provider, 'CephPool', 'all', { ...base, failureDomain: 'host' })
    expect(await pool.observe()).toEqual({ status: 'absent' })
    const made = await pool.create()
    expect(await pool.differences()).toEqual([])
    expect(made.owner?.address).toBe('CephPool/all')
    for (const { reason, spec } of changes) {
      await pool.update(spec)
      expect(await pool.differences(), reason).toEqual([])
    }
    expect(await row('all')).toMatchObject({ size: 2, min_size: 1, flags_names: 'hashpspool' })
    // The owner's tag is still there, though the application changed twice
    expect((await pool.present()).owner).toEqual(made.owner)
    await pool.discard(await pool.remove())
  })

  it('keeps the data of a deleted pool, and gives it back', async () => {
    const pool = new Subject(provider, 'CephPool', 'kept', base)
    await pool.create()
    await lab.rbd('create', '--size', '16M', 'kept/image')
    await expect(pool.remove()).rejects.toMatchObject({
      code: 'ceph-held',
      message: expect.stringContaining('image kept/image'),
    })
    await lab.rbd('rm', 'kept/image')
    const image = new Subject(provider, 'RbdImage', 'disk', { pool: 'kept', size: '16MiB' })
    const { facts } = await image.create()
    await lab.rbd('bench', '--io-type', 'write', '--io-total', '1M', 'kept/disk')
    const before = await lab.imageHash('kept/disk')
    const imageToken = await image.remove()
    const token = await pool.remove('t1')
    expect(await pool.observe()).toEqual({ status: 'absent' })
    expect((await row('infra-kept-t1-kept'))?.flags_names).toContain('nodelete')
    // Deleting what is gone succeeds, and keeps nothing
    expect(await pool.remove()).toBeUndefined()

    await pool.create(token)
    expect(await pool.differences()).toEqual([])
    expect(await row('infra-kept-t1-kept')).toBeUndefined()
    await image.create(imageToken)
    expect((await image.present()).facts.id).toBe(facts.id)
    expect(await lab.imageHash('kept/disk')).toBe(before)

    const again = await image.remove()
    const poolAgain = await pool.remove('t2')
    // The image is found in the pool's other name
    await image.discard(again)
    await pool.discard(poolAgain)
    expect(await lab.cephJson<string[]>('osd', 'pool', 'ls')).not.toContain('infra-kept-t2-kept')
    await pool.discard(poolAgain)
    await expect(pool.create(poolAgain)).rejects.toMatchObject({ code: 'ceph-kept-lost' })
  })

  it('makes an erasure-coded pool, and takes its profile and rule away with it', async () => {
    const erasure = { dataChunks: 2, codingChunks: 1, failureDomain: 'osd' }
    const pool = new Subject(provider, 'CephPool', 'coded', { erasure, pgNum: 8 })
    await pool.create()
    expect(await pool.differences()).toEqual([])
    await pool.update({ erasure: { ...erasure, overwrites: true }, pgNum: 8 })
    expect(await pool.differences()).toEqual([])
    const other = new Subject(provider, 'CephPool', 'coded', {
      erasure: { ...erasure, dataChunks: 3 },
      pgNum: 8,
    })
    await expect(other.create()).rejects.toMatchObject({ code: 'ceph-exists' })
    const images = new Subject(provider, 'CephPool', 'heads', base)
    await images.create()
    const image = new Subject(provider, 'RbdImage', 'd', { pool: 'heads', dataPool: 'coded', size: '8MiB' })
    await image.create()
    expect(await image.differences()).toEqual([])
    await expect(pool.remove()).rejects.toMatchObject({
      message: expect.stringContaining('data of image heads/d'),
    })
    await image.discard(await image.remove())
    await images.discard(await images.remove())
    await pool.discard(await pool.remove())
    expect(await lab.cephJson<string[]>('osd', 'erasure-code-profile', 'ls')).toEqual(['default'])
    expect(await lab.cephJson<string[]>('osd', 'crush', 'rule', 'ls')).not.toContain('coded')
  })

  it('never takes what exists with other attributes for what was to be made', async () => {
    await lab.ceph('osd', 'pool', 'create', 'theirs', '8')
    await lab.ceph('osd', 'pool', 'application', 'enable', 'theirs', 'rbd')
    await lab.ceph(
      'osd',
      'pool',
      'application',
      'set',
      'theirs',
      'rbd',
      'infra.owner',
      'other=20CephPool=2Fx=20u',
    )
    const pool = new Subject(provider, 'CephPool', 'theirs', base)
    await expect(pool.create()).rejects.toMatchObject({ code: 'ceph-exists', address: 'CephPool/theirs' })
    await lab.ceph('osd', 'pool', 'rm', 'theirs', 'theirs', '--yes-i-really-really-mean-it')
  })

  it('refuses to delete a pool with nodelete, and one that took the place of another', async () => {
    const pool = new Subject(provider, 'CephPool', 'guarded', { ...base, nodelete: true })
    await pool.create()
    await expect(pool.remove()).rejects.toMatchObject({ code: 'ceph-nodelete' })
    await pool.update(base)
    pool.identity = { ...pool.identity, id: '9999' }
    await expect(pool.remove()).rejects.toMatchObject({ code: 'ceph-replaced' })
    pool.identity = (await pool.present()).identity
    await pool.discard(await pool.remove())
  })

  it('lists pools that nobody declared, and leaves them alone', async () => {
    await lab.ceph('osd', 'pool', 'create', 'stray', '8')
    const pool = new Subject(provider, 'CephPool', 'mine', base)
    await pool.create()
    const found = await provider.unmanaged?.([pool.target], new AbortController().signal)
    expect(found?.map(one => one.name)).toEqual(['stray'])
    await pool.discard(await pool.remove())
    await lab.ceph('osd', 'pool', 'rm', 'stray', 'stray', '--yes-i-really-really-mean-it')
  })

  it('decides changes that come together at once', async () => {
    const many = Array.from({ length: 8 }, (_, n) => new Subject(provider, 'CephPool', `many-${n}`, base))
    await Promise.all(many.map(pool => pool.create()))
    for (const pool of many) expect(await pool.differences()).toEqual([])
    const tokens = await Promise.all(many.map(pool => pool.remove()))
    await Promise.all(many.map((pool, n) => pool.discard(tokens[n])))
    expect(await lab.cephJson<string[]>('osd', 'pool', 'ls')).toEqual([])
  })

  it('makes clients, changes their caps, and brings a deleted one back with its key', async () => {
    const client = new Subject(provider, 'CephClient', 'app', {
      caps: { mon: 'allow r', osd: 'allow rw pool=a' },
    })
    await client.create()
    expect(await client.differences()).toEqual([])
    const key = await lab.ceph('auth', 'get-key', 'client.app')
    const { facts, ...open } = await client.present()
    expect(facts).toEqual({ entity: 'client.app', key })
    expect(JSON.stringify(open)).not.toContain(key)
    await client.update({ caps: { mon: 'profile rbd', mgr: 'allow r' } })
    expect(await client.differences()).toEqual([])
    const other = new Subject(provider, 'CephClient', 'app', { caps: { mon: 'allow *' } })
    await expect(other.create()).rejects.toMatchObject({ code: 'ceph-exists' })
    const token = await client.remove()
    expect(JSON.stringify(token)).not.toContain(key)
    expect(await client.observe()).toEqual({ status: 'absent' })
    await client.create(token)
    expect(await client.differences()).toEqual([])
    expect(await lab.ceph('auth', 'get-key', 'client.app')).toBe(key)
    const last = await client.remove()
    await client.discard(token)
    await client.discard(last)
    await expect(client.create(last)).rejects.toMatchObject({ code: 'ceph-kept-lost' })
    expect(await lab.ceph('config-key', 'ls')).not.toContain('client.app')
  })
})

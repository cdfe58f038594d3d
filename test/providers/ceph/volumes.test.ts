/** A volume whose delete or return is cut off at each of its commands, on a manager of the test's own. */
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/model/value.js'
import {
  planRollback,
  rollbackId,
  rollbackVolume,
  volumeDetails,
} from '../../../src/providers/ceph/acts/index.js'
import { volumes } from '../../../src/providers/ceph/volumes/index.js'
import { fakeManager } from './fake-manager.js'
import { aCall, lineage } from './harness.js'

const address = 'CephVolume/home'
const target = { address, kind: 'CephVolume', name: 'home', spec: { filesystem: 'files', size: 'infinite' } }
const common = { identity: { uuid: '0c6f5f0e-0000-4000-8000-000000000001' }, owner: { lineage, address } }

const remove = async ({ ceph }: ReturnType<typeof fakeManager>, trash = 't'): Promise<Json> => {
  const { call, kept } = aCall()
  await volumes.delete(ceph, { ...target, ...common, trash }, call)
  return kept.at(-1) ?? null
}
const create = ({ ceph }: ReturnType<typeof fakeManager>, restore?: Json) => {
  const request = { ...target, ...common, labels: {}, ...(restore !== undefined && { restore }) }
  return volumes.create(ceph, request, aCall().call)
}

/** A volume with data and a note of its user's. */
async function aVolume() {
  const manager = fakeManager()
  await create(manager)
  manager.write('home', 'first')
  manager.note('home', 'their.note', 'theirs')
  return manager
}

const whole = (manager: ReturnType<typeof fakeManager>, content: string) => {
  const volume = manager.volumes.get('home')
  expect(volume?.live?.content).toBe(content)
  expect([...(volume?.live?.metadata.keys() ?? [])].sort()).toEqual(['infra.owner', 'their.note'])
  expect([...(volume?.snapshots.keys() ?? [])]).toEqual([])
}

/** How many changes it takes. */
async function countOf(manager: ReturnType<typeof fakeManager>, work: () => Promise<unknown>) {
  manager.cutAfter(Number.POSITIVE_INFINITY, false)
  await work()
  return manager.changes()
}

const deleting = await aVolume().then(manager => countOf(manager, () => remove(manager)))
const returning = await aVolume().then(async manager => {
  const token = await remove(manager)
  return countOf(manager, () => create(manager, token))
})
const cuts = (count: number) =>
  Array.from({ length: count }, (_, index) => [false, true].map(made => ({ after: index, made }))).flat()
const told = (made: boolean) => (made ? 'once it is made' : 'before it is made')

describe('a volume comes back as it was last', () => {
  for (const { after, made } of cuts(deleting)) {
    it(`where its delete was cut off at change ${after + 1}, ${told(made)}, and it was written to before the next try`, async () => {
      const manager = await aVolume()
      manager.cutAfter(after, made)
      const first = aCall()
      await expect(
        volumes.delete(manager.ceph, { ...target, ...common, trash: 't' }, first.call),
      ).rejects.toThrow()
      const { live } = manager.volumes.get('home') ?? {}
      manager.write('home', 'last')
      const token = (await remove(manager)) ?? first.kept.at(-1) ?? null
      expect(manager.volumes.get('home')?.live).toBeUndefined()
      await create(manager, token)
      whole(manager, live ? 'last' : 'first')
    })
  }

  for (const { after, made } of cuts(returning)) {
    it(`where its return was cut off at change ${after + 1}, ${told(made)}`, async () => {
      const manager = await aVolume()
      const token = await remove(manager)
      manager.cutAfter(after, made)
      await expect(create(manager, token)).rejects.toThrow()
      await create(manager, token)
      whole(manager, 'first')
    })
  }

  it('where its return failed once, or was taken back while it was at work', async () => {
    const manager = await aVolume()
    const token = await remove(manager)
    manager.clone('failed')
    await expect(create(manager, token)).rejects.toMatchObject({ code: 'ceph-clone-failed' })
    manager.clone('in-progress')
    manager.cutAfter(0, true)
    await expect(create(manager, token)).rejects.toMatchObject({ code: 'ceph-no-answer' })
    await remove(manager, 'another')
    expect([...(manager.volumes.get('home')?.snapshots.keys() ?? [])]).toEqual(['infra-kept-t'])
    manager.clone('complete')
    await create(manager, token)
    whole(manager, 'first')
  })

  it('and not over one that somebody else has made in its place: what was kept stays', async () => {
    const manager = await aVolume()
    const token = await remove(manager)
    await manager.ceph.connection.mgr(
      { prefix: 'fs subvolume create', vol_name: 'files', sub_name: 'home' },
      { signal: new AbortController().signal },
    )
    await expect(create(manager, token)).rejects.toMatchObject({ code: 'ceph-exists' })
    expect([...(manager.volumes.get('home')?.snapshots.keys() ?? [])]).toEqual(['infra-kept-t'])
  })
})

const place = { filesystem: 'files', group: undefined, volume: 'home' }
const options = { signal: new AbortController().signal }
let ids = 0
const random = { uuid: () => `${++ids}-rollback` } as unknown as Parameters<typeof rollbackId>[2]
const back = async ({ ceph }: ReturnType<typeof fakeManager>) => {
  const id = await rollbackId(ceph, place, random, options)
  const plan = await planRollback(ceph, place, 'good', id, options)
  await rollbackVolume(ceph, plan, aCall().call)
}
const toGoBack = async () => {
  const manager = await aVolume()
  const command = { prefix: 'fs subvolume snapshot create', sub_name: 'home', snap_name: 'good' }
  await manager.ceph.connection.mgr(command, options)
  manager.write('home', 'second')
  return manager
}
const changes = await toGoBack().then(manager => countOf(manager, () => back(manager)))

describe('a volume of no stack that goes back to a snapshot', () => {
  for (const { after, made } of cuts(changes)) {
    it(`has what was noted on it, and what it was is kept, where that was cut off at change ${after + 1}, ${told(made)}`, async () => {
      const manager = await toGoBack()
      manager.cutAfter(after, made)
      await expect(back(manager)).rejects.toThrow()
      await back(manager)
      const { live, snapshots } = manager.volumes.get('home') ?? {}
      expect(live?.content).toBe('first')
      expect([...(live?.metadata.keys() ?? [])].sort()).toEqual(['infra.owner', 'their.note'])
      expect([...(snapshots?.values() ?? [])].map(one => one.content)).toContain('second')
    })
  }

  it('is shown while it is copied, and not rolled back again until that is done', async () => {
    const manager = await toGoBack()
    manager.clone('in-progress')
    manager.cutAfter(changes - 3, true)
    await expect(back(manager)).rejects.toMatchObject({ code: 'ceph-no-answer' })
    await expect(back(manager)).rejects.toMatchObject({ code: 'ceph-cloning' })
    expect(await volumeDetails(manager.ceph, place, options)).toMatchObject({
      state: 'cloning',
      snapshots: [],
    })
    manager.settle()
    await back(manager)
    expect(manager.volumes.get('home')?.live?.metadata.get('their.note')).toBe('theirs')
  })
})

/** A file system whose delete or return is cut off at each of its commands, on monitors of the test's own. */
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/model/value.js'
import { filesystems } from '../../../src/providers/ceph/filesystems/index.js'
import { fakeCluster } from './fake-cluster.js'
import { aCall, lineage } from './harness.js'

type Cluster = ReturnType<typeof fakeCluster>

const address = 'CephFilesystem/files'
const spec = { maxMds: 1, standbyReplay: false }
const target = { address, kind: 'CephFilesystem', name: 'files', spec }
const common = { identity: { uuid: '0c6f5f0e-0000-4000-8000-000000000001' }, owner: { lineage, address } }
const trash = '0123456789ab'

const remove = ({ ceph }: Cluster, { call } = aCall()) =>
  filesystems.delete(ceph, { ...target, ...common, trash }, call)
const create = ({ ceph }: Cluster, restore?: Json) => {
  const request = { ...target, ...common, labels: {}, ...(restore !== undefined && { restore }) }
  return filesystems.create(ceph, request, aCall().call)
}
/** What the engine asks for on the way back of a delete that was cut off. */
const again = ({ ceph }: Cluster) => {
  const request = { ...target, ...common, labels: {}, from: spec, changes: [], restart: false }
  return filesystems.update(ceph, request, aCall().call)
}

async function aFilesystem() {
  const cluster = fakeCluster()
  await create(cluster)
  const data = cluster.pools.find(pool => pool.name === 'cephfs.files.data')
  if (data) data.content = 'the bytes'
  return cluster
}

const whole = ({ systems, pools }: Cluster) => {
  expect([...systems.values()].map(fs => fs.joinable)).toEqual([true])
  expect(pools.map(({ name, content, flags }) => [name, content, flags.size])).toEqual([
    ['cephfs.files.meta', 'its folders', 0],
    ['cephfs.files.data', 'the bytes', 0],
  ])
}

async function deleted() {
  const cluster = await aFilesystem()
  const asked = aCall()
  cluster.cutAfter(Number.POSITIVE_INFINITY, false)
  await remove(cluster, asked)
  return { cluster, token: asked.kept.at(-1) ?? null, changes: cluster.changes() }
}
const deleting = (await deleted()).changes
const returning = await deleted().then(async ({ cluster, token }) => {
  cluster.cutAfter(Number.POSITIVE_INFINITY, false)
  await create(cluster, token)
  return cluster.changes()
})
const cuts = (count: number) =>
  Array.from({ length: count }, (_, index) => [false, true].map(made => ({ after: index, made }))).flat()
const told = (made: boolean) => (made ? 'once it is made' : 'before it is made')

describe('a file system', () => {
  for (const { after, made } of cuts(deleting)) {
    const at = `where its delete was cut off at change ${after + 1}, ${told(made)}`
    const cutOff = async () => {
      const cluster = await aFilesystem()
      cluster.cutAfter(after, made)
      const asked = aCall()
      await expect(remove(cluster, asked)).rejects.toThrow()
      return { cluster, token: asked.kept.at(-1) ?? null }
    }

    it(`is put aside whole ${at}, and comes back`, async () => {
      const { cluster, token } = await cutOff()
      // The engine does not ask again for what it sees gone
      if (cluster.systems.size > 0) await remove(cluster)
      expect(cluster.systems.size).toBe(0)
      expect(cluster.pools.map(({ name, flags }) => [name, [...flags]])).toEqual([
        [`infra-kept-${trash}-cephfs.files.meta`, ['nodelete']],
        [`infra-kept-${trash}-cephfs.files.data`, ['nodelete']],
      ])
      await create(cluster, token)
      whole(cluster)
    })

    it(`is served again on the way back ${at}`, async () => {
      const { cluster, token } = await cutOff()
      if (cluster.systems.size > 0) await again(cluster)
      else await create(cluster, token)
      whole(cluster)
    })
  }

  for (const { after, made } of cuts(returning)) {
    it(`is back whole where its return was cut off at change ${after + 1}, ${told(made)}`, async () => {
      const { cluster, token } = await deleted()
      cluster.cutAfter(after, made)
      await expect(create(cluster, token)).rejects.toThrow()
      await create(cluster, token)
      whole(cluster)
    })
  }

  it('that somebody took out of service stays so while another field of it changes, or it is taken over', async () => {
    const cluster = await aFilesystem()
    for (const fs of cluster.systems.values()) fs.joinable = false
    const change = { path: 'maxMds', how: 'live' } as const
    const request = { ...target, ...common, labels: {}, from: spec, changes: [change], restart: false }
    await filesystems.update(cluster.ceph, request, aCall().call)
    const owner = { ...common.owner, address: 'CephFilesystem/other' }
    await filesystems.update(cluster.ceph, { ...request, owner, changes: [] }, aCall().call)
    expect([...cluster.systems.values()].map(fs => fs.joinable)).toEqual([false])
  })

  const theirs = [
    { name: 'cephfs.files.meta', apps: {}, content: 'theirs', why: 'is not empty' },
    { name: 'cephfs.files.data', apps: {}, content: 'theirs', why: 'is not empty' },
    { name: 'cephfs.files.data', apps: { rgw: {} }, content: '', why: 'is there, for rgw' },
  ]
  for (const { why, ...pool } of theirs) {
    it(`is not made over a pool ${pool.name} that ${why}: the manager would take or destroy it`, async () => {
      const cluster = fakeCluster()
      cluster.pools.push({ id: 70, flags: new Set(), ...pool })
      await expect(create(cluster)).rejects.toMatchObject({ why: expect.stringContaining(why) })
      expect(cluster.pools.map(({ content }) => content)).toEqual([pool.content])
      expect(cluster.told).toEqual([])
    })
  }

  it('is made over empty pools that a manager had begun with', async () => {
    const cluster = fakeCluster()
    cluster.pools.push({ id: 70, name: 'cephfs.files.meta', apps: {}, flags: new Set(), content: '' })
    await create(cluster)
    expect([...cluster.systems.keys()]).toEqual(['files'])
  })
})

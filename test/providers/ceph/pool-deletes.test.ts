/** A pool whose delete or return is cut off at each of its commands, on monitors of the test's own. */
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/model/value.js'
import { pools } from '../../../src/providers/ceph/pools/index.js'
import { fakeCluster } from './fake-cluster.js'
import { aCall, lineage } from './harness.js'

type Cluster = ReturnType<typeof fakeCluster>

const address = 'CephPool/files'
const spec = { type: 'replicated', application: 'cephfs', nodelete: false }
const target = { address, kind: 'CephPool', name: 'files', spec }
const common = { identity: { uuid: '0c6f5f0e-0000-4000-8000-000000000001' }, owner: { lineage, address } }

const remove = ({ ceph }: Cluster, trash = '0123456789ab', { call } = aCall()) =>
  pools.delete(ceph, { ...target, ...common, trash }, call)
const create = ({ ceph }: Cluster, restore?: Json) => {
  const request = { ...target, ...common, labels: {}, ...(restore !== undefined && { restore }) }
  return pools.create(ceph, request, aCall().call)
}

async function aPool() {
  const cluster = fakeCluster()
  await create(cluster)
  for (const pool of cluster.pools) pool.content = 'the bytes'
  return cluster
}
const asItWas = { name: 'files', flags: [], apps: { cephfs: ['infra.owner'] }, content: 'the bytes' }
const seen = ({ pools: [pool] }: Cluster) => ({
  ...{ name: pool?.name, flags: [...(pool?.flags ?? [])], content: pool?.content },
  apps: Object.fromEntries(Object.entries(pool?.apps ?? {}).map(([app, of]) => [app, Object.keys(of)])),
})

const cuts = [0, 1, 2].flatMap(after => [false, true].map(made => ({ after, made })))

describe('a pool', () => {
  for (const { after, made } of cuts) {
    it(`is guarded and comes back where its delete was cut off at change ${after + 1}, ${made ? 'once' : 'before'} it is made`, async () => {
      const cluster = await aPool()
      cluster.cutAfter(after, made)
      const asked = aCall()
      await expect(remove(cluster, undefined, asked)).rejects.toThrow()
      // The engine does not ask again for what it sees gone
      if (seen(cluster).name === 'files') await remove(cluster)
      expect(seen(cluster)).toMatchObject({ name: 'infra-kept-0123456789ab-files', flags: ['nodelete'] })
      await create(cluster, asked.kept.at(-1) ?? null)
      expect(seen(cluster)).toEqual(asItWas)
    })
  }

  it('of which a delete that was cut off has set nodelete is refused to another delete', async () => {
    const cluster = await aPool()
    cluster.cutAfter(1, true)
    await expect(remove(cluster)).rejects.toThrow()
    await expect(remove(cluster, 'ba9876543210')).rejects.toMatchObject({ code: 'ceph-nodelete' })
    expect(seen(cluster)).toMatchObject({ name: 'files', flags: ['nodelete'] })
  })
})

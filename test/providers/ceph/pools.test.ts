/** A pool that is there when it is to be made: by a command that a monitor's client repeated, or by somebody else. */
import { describe, expect, it } from 'vitest'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import type { PoolJson } from '../../../src/providers/ceph/pools/read.js'
import { createPool } from '../../../src/providers/ceph/pools/write.js'
import { aCall } from './harness.js'

const replicated: PoolJson = {
  pool_id: 4,
  pool_name: 'images',
  type: 1,
  size: 3,
  min_size: 2,
  crush_rule: 0,
  flags_names: 'hashpspool',
  pg_num: 8,
  pg_autoscale_mode: 'off',
  quota_max_bytes: 0,
  quota_max_objects: 0,
  erasure_code_profile: '',
  options: {},
  application_metadata: {},
}
const erasure: PoolJson = { ...replicated, type: 3 }
const others: PoolJson = {
  ...replicated,
  application_metadata: { rbd: { 'infra.owner': 'another-lineage CephPool=2Fimages -' } },
}

/** A cluster whose monitor says that the pool exists, where there was none before. */
function repeated(there: readonly PoolJson[]) {
  const told: string[] = []
  let pools: readonly PoolJson[] = []
  const mon = async ({ prefix }: { readonly prefix: string }) => {
    if (prefix === 'osd pool ls') return { output: JSON.stringify(pools), status: '' }
    if (prefix === 'osd crush rule dump') return { output: '[]', status: '' }
    told.push(prefix)
    if (prefix === 'osd pool create') pools = there
    return { output: '', status: "pool 'images' already exists" }
  }
  return { ceph: { connection: { mon, offers: () => true } } as unknown as Ceph, told }
}

const request = {
  address: 'CephPool/images',
  kind: 'CephPool',
  name: 'images',
  spec: { type: 'replicated', size: 3, application: 'rbd' },
  identity: { uuid: '0c6f5f0e-0000-4000-8000-000000000001' },
  owner: { lineage: 'lineage', address: 'CephPool/images' },
  labels: {},
}

describe('a pool that exists when it is to be made', () => {
  it('is tagged where it is the one just made: the command was repeated', async () => {
    const { ceph, told } = repeated([replicated])
    await createPool(ceph, request, aCall().call)
    expect(told).toEqual(['osd pool create', 'osd pool application enable', 'osd pool application set'])
  })

  const refused = [
    { reason: 'it is of another type', there: [erasure], why: /its type is "erasure"/ },
    { reason: 'it is another stack’s', there: [others], why: /belongs to CephPool\/images of the stack/ },
    { reason: 'it went again', there: [], why: undefined },
  ]
  for (const { reason, there, why } of refused) {
    it(`is refused where ${reason}, and nothing is set`, async () => {
      const { ceph, told } = repeated(there)
      const failed = await createPool(ceph, request, aCall().call).catch(thrown => thrown)
      expect(failed).toMatchObject({ name: 'InfraError' })
      if (why) expect(failed.why).toMatch(why)
      expect(told).toEqual(['osd pool create'])
    })
  }
})

/** What a change of a pool tells the monitors, and what it leaves alone. */
import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import type { CephCommand } from '../../../src/providers/ceph/client/connection.js'
import { updatePool } from '../../../src/providers/ceph/pools/write.js'
import { aCall, kindOf, lineage } from './harness.js'

const owner = { lineage, address: 'CephPool/files' }

/** Monitors with one pool, and what they were told. */
function monitors(pool: object) {
  const told: string[] = []
  const answers: Readonly<Record<string, unknown>> = {
    'osd pool ls': [
      {
        ...{ pool_id: 4, pool_name: 'files', type: 1, size: 3, min_size: 2, crush_rule: 0, pg_num: 8 },
        ...{ flags_names: '', pg_autoscale_mode: 'on', quota_max_bytes: 0, quota_max_objects: 0 },
        ...{ erasure_code_profile: '', options: {}, application_metadata: {}, ...pool },
      },
    ],
    'osd crush rule dump': [{ rule_id: 0, rule_name: 'first', steps: [] }],
    'osd erasure-code-profile get': { k: '2', m: '1', plugin: 'jerasure', 'crush-failure-domain': 'host' },
  }
  const mon = async ({ prefix, pool: _, ...rest }: CephCommand) => {
    if (prefix in answers) return { output: JSON.stringify(answers[prefix]), status: '' }
    if (rest.key === undefined) told.push([prefix, ...Object.values(rest)].join(' '))
    return { output: '', status: '' }
  }
  return { ceph: { connection: { mon, offers: () => true } } as unknown as Ceph, told }
}

describe('a change of a pool', () => {
  const erasure = { dataChunks: 2, codingChunks: 1 }
  const apps = { rbd: {}, cephfs: { data: 'files' }, theirs: {} }
  const cases: readonly {
    readonly reason: string
    readonly pool: object
    readonly from: Attributes
    readonly spec: Attributes
    readonly told: readonly string[]
  }[] = [
    {
      reason: 'leaves alone what a file system and somebody else have added to it',
      pool: { application_metadata: apps },
      from: { application: 'rbd' },
      spec: { quota: { maxObjects: 5 } },
      told: ['osd pool set-quota max_objects 5'],
    },
    {
      reason: 'of its application takes away the one that was declared, and no other',
      pool: { application_metadata: apps },
      from: { application: 'rbd' },
      spec: { application: 'rgw' },
      told: ['osd pool application enable rgw true', 'osd pool application disable rbd true'],
    },
    {
      reason: 'of the rule of an erasure-coded one is made',
      pool: { type: 3, erasure_code_profile: 'own', application_metadata: { rbd: {} } },
      from: { application: 'rbd' },
      spec: { type: 'erasure', erasure, crushRule: 'second' },
      told: ['osd pool set crush_rule second'],
    },
    {
      reason: 'of another field of an erasure-coded one leaves its rule',
      pool: { type: 3, erasure_code_profile: 'own', application_metadata: { rbd: {} } },
      from: { application: 'rbd' },
      spec: { type: 'erasure', erasure, nodelete: true },
      told: ['osd pool set nodelete true'],
    },
  ]
  for (const { reason, pool, from, spec, told } of cases) {
    it(reason, async () => {
      const at = monitors(pool)
      const meta = { name: 'files', labels: {}, annotations: {} }
      const request = {
        ...{ address: owner.address, kind: 'CephPool', name: 'files', identity: { uuid: 'u' }, owner },
        ...{ spec: kindOf('CephPool').canonical(spec, meta), from, labels: {}, changes: [], restart: false },
      }
      await updatePool(at.ceph, request, aCall().call)
      expect(at.told).toEqual(told)
    })
  }
})

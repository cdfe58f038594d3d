/** What a Ceph of another version lacks is told before anything is made. */
import { describe, expect, it } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import type { Attributes } from '../../../src/model/value.js'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import { makeProvider } from '../../../src/providers/ceph/provider.js'
import { kindOf } from './harness.js'

/** A Ceph without these: `osd pool create bulk`. */
function without(...missing: readonly string[]) {
  const connection = {
    transport: 'library',
    description: 'ceph',
    version: { major: 15, minor: 2, patch: 0, text: '15.2.0 octopus' },
    offers: (prefix: string, argument?: string) =>
      ![prefix, `${prefix} ${argument}`].some(one => missing.includes(one)),
  }
  return makeProvider({ connection, clock: nodePorts.clock } as unknown as Ceph)
}

describe('what a Ceph lacks', () => {
  const cases: readonly {
    readonly reason: string
    readonly kind: string
    readonly spec: Attributes
    readonly missing: string
    readonly told?: string
  }[] = [
    {
      reason: 'bulk pools are newer',
      kind: 'CephPool',
      ...{ spec: { bulk: true }, missing: 'osd pool create bulk', told: 'needed for bulk' },
    },
    {
      reason: 'a pool that is not bulk needs no such flag',
      kind: 'CephPool',
      spec: {},
      missing: 'osd pool create bulk',
    },
    {
      reason: 'the upper bound of the autoscaler is newer',
      kind: 'CephPool',
      ...{ spec: { pgNumMax: 64 }, missing: 'osd pool create pg_num_max', told: 'needed for pgNumMax' },
    },
    {
      reason: 'there was a Ceph without the autoscaler',
      kind: 'CephPool',
      ...{ spec: {}, missing: 'osd pool create autoscale_mode', told: 'needed for autoscale' },
    },
    {
      reason: 'groups had no size',
      kind: 'CephSubvolumeGroup',
      spec: { filesystem: 'files', size: '1GiB' },
      ...{ missing: 'fs subvolumegroup create size', told: 'needed for a group’s size' },
    },
    {
      reason: 'a group without a limit needs none',
      kind: 'CephSubvolumeGroup',
      ...{ spec: { filesystem: 'files' }, missing: 'fs subvolumegroup create size' },
    },
    {
      reason: 'namespaces of volumes are newer',
      kind: 'CephVolume',
      spec: { filesystem: 'files', isolatedNamespace: true },
      ...{ missing: 'fs subvolume create namespace_isolated', told: 'needed for isolatedNamespace' },
    },
    {
      reason: 'snapshots had no metadata',
      kind: 'CephSnapshot',
      spec: { filesystem: 'files', volume: 'home', retention: { keepLast: 2 } },
      ...{ missing: 'fs subvolume snapshot metadata set', told: 'needed for a snapshot’s retention' },
    },
  ]
  for (const { reason, kind, spec, missing, told } of cases) {
    it(`${kind}: ${reason}`, async () => {
      const address = `${kind}/it`
      const canonical = kindOf(kind).canonical(spec, { name: 'it', labels: {}, annotations: {} })
      const target = { address, kind, name: 'it', spec: canonical }
      const { signal } = new AbortController()
      const found = await without(missing).lacks?.([target], [target], signal)
      expect(found).toMatchObject(
        told === undefined
          ? []
          : [{ code: 'ceph-not-offered', address, message: expect.stringContaining(told) }],
      )
      expect(await without().lacks?.([target], [target], signal)).toEqual([])
    })
  }
})

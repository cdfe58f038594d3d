/** The kind CephSnapshot, and what its retention means. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import type { Attributes, Json } from '../../../model/value.js'
import type { Kind, Problem } from '../../kind.js'
import { checkName, cluster, clusterRule, fields, filled, name, present, text } from './values.js'

const durationPattern = /^0*[1-9]\d*[hdw]$/

const schema = once(() =>
  z.strictObject({
    cluster,
    filesystem: name.describe('The file system of the volume.'),
    group: name.optional().describe('Group of the volume. By default none.'),
    volume: name.describe('The volume that it is of.'),
    retention: z
      .strictObject({
        keepLast: z
          .int()
          .min(1)
          .max(1000)
          .optional()
          .describe('How many later snapshots of the same series are kept: `NAME-TIME`.'),
        keepFor: z
          .string()
          .regex(durationPattern, 'must be hours, days or weeks: 12h, 7d, 4w')
          .optional()
          .describe('How long later snapshots of the same series are kept: `7d`.'),
      })
      .optional()
      .describe('What `infra volume snapshot` keeps when it takes further snapshots of this series.'),
  }),
)

export const cephSnapshot: Kind = {
  kind: 'CephSnapshot',
  provider: 'ceph',
  summary: 'A snapshot of a CephFS volume, and how many of its series are kept.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: [],
  facts: { createdAt: 'When it was taken, as the manager writes it.' },
  changes: [
    { path: 'retention', how: 'live' },
    {
      path: 'volume',
      how: 'replace',
      why: 'it would be taken anew, of the other volume',
      hazards: ['deletes-data', 'irreversible'],
    },
    {
      path: 'group',
      how: 'replace',
      why: 'it would be taken anew',
      hazards: ['deletes-data', 'irreversible'],
    },
    {
      path: 'filesystem',
      how: 'replace',
      why: 'it would be taken anew',
      hazards: ['deletes-data', 'irreversible'],
    },
    clusterRule,
  ],
  objectName: meta => meta.name,
  canonical: spec =>
    present(spec, {
      ...(spec.retention !== undefined && { retention: filled(spec.retention, known => present(known)) }),
    }),
  check: (spec, meta) => [...checkName(meta.name, 'a snapshot'), ...checkRetention(spec)],
  implied: spec =>
    impliedBy([
      ['CephFilesystem', spec.filesystem],
      ['CephSubvolumeGroup', spec.group],
      ['CephVolume', spec.volume],
      ['CephClone', spec.volume],
    ]),
  connection: spec => text(spec.cluster),
  deletion: () => ({ hazards: ['deletes-data', 'irreversible'], undo: 'none' }),
  replacedWith: kind => ['CephFilesystem', 'CephSubvolumeGroup', 'CephVolume', 'CephClone'].includes(kind),
}

function impliedBy(pairs: readonly (readonly [kind: string, name: Json | undefined])[]) {
  return pairs.flatMap(([kind, value]) => (typeof value === 'string' ? [{ kind, name: value }] : []))
}

function checkRetention(spec: Attributes): Problem[] {
  if (spec.retention === undefined || Object.keys(fields(spec.retention)).length > 0) return []
  return [
    {
      path: ['spec', 'retention'],
      code: 'empty-retention',
      message: 'The retention says nothing',
      hint: 'Say keepLast or keepFor, or remove it.',
    },
  ]
}

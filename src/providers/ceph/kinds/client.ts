/** The kind CephClient. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import type { Kind } from '../../kind.js'
import { checkName, cluster, clusterRule, fields, filled, present, text } from './values.js'

const cap = z.string().min(1)

const schema = once(() =>
  z.strictObject({
    cluster,
    caps: z
      .strictObject({
        mon: cap.optional().describe('On the monitors: `allow r`, `profile rbd`.'),
        mgr: cap.optional().describe('On the managers: `profile rbd pool=images`.'),
        osd: cap
          .optional()
          .describe('On the OSDs: `profile rbd pool=images`, `allow rw tag cephfs data=files`.'),
        mds: cap.optional().describe('On the metadata servers: `allow rw path=/volumes/a`.'),
      })
      .describe('What it may do, as `ceph auth` writes it.'),
  }),
)

export const cephClient: Kind = {
  kind: 'CephClient',
  provider: 'ceph',
  summary: 'Someone who may use the cluster (`client.NAME`), and what they may do. Their key is never shown.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: ['key'],
  facts: {
    entity: '`client.NAME`.',
    key: 'Their key: a secret, for a machine that mounts a volume. It is recorded nowhere, and a new one shows as a change.',
  },
  changes: [
    { path: 'caps', how: 'live', why: 'a client at work sees it when it connects again' },
    clusterRule,
  ],
  objectName: meta => meta.name.replace(/^client\./, ''),
  canonical: spec => present(spec, { caps: filled(spec.caps, caps => present(caps)) }),
  check: (spec, meta) => [
    ...checkName(meta.name.replace(/^client\./, ''), 'a client'),
    ...(spec.caps !== undefined && Object.keys(fields(spec.caps)).length === 0
      ? [
          {
            path: ['spec', 'caps'],
            code: 'no-caps',
            message: 'The client may do nothing',
            hint: 'Say at least `mon: allow r`.',
          },
        ]
      : []),
    ...(meta.name === 'admin' || meta.name === 'client.admin'
      ? [
          {
            path: ['metadata', 'name'],
            code: 'admin-client',
            message: 'client.admin is not for infra to manage',
            hint: 'Use another name.',
          },
        ]
      : []),
  ],
  connection: spec => text(spec.cluster),
  deletion: () => ({ hazards: ['interrupts-service'], undo: 'restore' }),
}

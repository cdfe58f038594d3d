/** The kind CephSubvolumeGroup. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import type { Attributes } from '../../../model/value.js'
import type { ChangeRule, Kind } from '../../kind.js'
import {
  canonicalBytes,
  canonicalMode,
  checkName,
  cluster,
  clusterRule,
  grows,
  id,
  mode,
  name,
  present,
  sizeOrInfinite,
  text,
  undeclared,
} from './values.js'

const schema = once(() =>
  z.strictObject({
    cluster,
    filesystem: name.describe('The file system that it is in.'),
    size: sizeOrInfinite
      .optional()
      .describe('What its volumes may hold together: `1TiB`, or `infinite` (default).'),
    mode: mode.optional().describe('Permissions of its folder. `755` by default.'),
    uid: id.optional().describe('Owner of its folder. 0 by default.'),
    gid: id.optional().describe('Group of its folder. 0 by default.'),
    dataPool: name
      .optional()
      .describe('Data pool of its volumes, one of the file system’s. The first by default.'),
  }),
)

const changes: readonly ChangeRule[] = [
  ...undeclared('dataPool'),
  { path: 'size', when: grows, how: 'live' },
  { path: 'size', how: 'live', why: 'only where what is used fits' },
  { path: 'mode', how: 'live' },
  { path: 'uid', how: 'live' },
  { path: 'gid', how: 'live' },
  {
    path: 'dataPool',
    how: 'refuse',
    why: 'what is there would stay in the other pool',
    hint: 'Make another group with the pool.',
  },
  { path: 'filesystem', how: 'replace', why: 'it would be made anew in the other file system' },
  clusterRule,
]

export const cephSubvolumeGroup: Kind = {
  kind: 'CephSubvolumeGroup',
  provider: 'ceph',
  summary: 'A group of CephFS volumes, a folder of its own with a quota of its own.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: [],
  facts: { path: 'Its path in the file system.' },
  changes,
  objectName: meta => meta.name,
  canonical: (spec: Attributes) =>
    present(spec, {
      size: canonicalBytes(spec.size) ?? 'infinite',
      mode: canonicalMode(spec.mode),
      uid: spec.uid ?? 0,
      gid: spec.gid ?? 0,
    }),
  check: (_, meta) => checkName(meta.name, 'a group'),
  implied: spec => [
    ...(text(spec.filesystem) ? [{ kind: 'CephFilesystem', name: text(spec.filesystem) ?? '' }] : []),
    ...(text(spec.dataPool) ? [{ kind: 'CephPool', name: text(spec.dataPool) ?? '' }] : []),
  ],
  connection: spec => text(spec.cluster),
  deletion: () => ({ hazards: [], undo: 'recreate' }),
  replacedWith: kind => kind === 'CephFilesystem',
}

/** The kind CephFilesystem. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import { type Attributes, isUnresolved, type Json } from '../../../model/value.js'
import type { ChangeRule, Kind, KindMeta, Problem } from '../../kind.js'
import {
  canonicalBytes,
  checkName,
  cluster,
  clusterRule,
  data,
  list,
  name,
  present,
  size,
  text,
  texts,
  undeclared,
} from './values.js'

const schema = once(() =>
  z.strictObject({
    cluster,
    metadataPool: name
      .optional()
      .describe(
        'Pool of the metadata, which must be there. With dataPools. By default one is made with the file system.',
      ),
    dataPools: z
      .array(name)
      .min(1)
      .optional()
      .describe(
        'Pools of the data, the first for all that says no other. By default one is made with the file system.',
      ),
    placement: name
      .optional()
      .describe(
        'Where an orchestrator puts its metadata servers, as it writes it: `2 host1 host2`. Used when it is made.',
      ),
    maxMds: z.int().min(1).max(64).optional().describe('Metadata servers at work at once. 1 by default.'),
    standbyReplay: z.boolean().optional().describe('Whether standbys follow the journal. False by default.'),
    standbyCount: z.int().min(0).optional().describe('Fewer standbys than this are a health warning.'),
    maxFileSize: size.optional().describe('The largest file: `1TiB`. Ceph’s default where it is left out.'),
  }),
)

const grown = {
  text: 'pools are added at the end',
  holds: (from: Json | undefined, to: Json | undefined): boolean =>
    list(to).length > list(from).length && list(from).every((pool, index) => list(to)[index] === pool),
}

const changes: readonly ChangeRule[] = [
  ...undeclared('metadataPool', 'dataPools', 'placement', 'standbyCount', 'maxFileSize'),
  { path: 'maxMds', how: 'live' },
  { path: 'standbyReplay', how: 'live' },
  { path: 'standbyCount', how: 'live' },
  { path: 'maxFileSize', how: 'live', why: 'files that are larger stay' },
  { path: 'placement', how: 'live', why: 'it counts only when the file system is made' },
  { path: 'dataPools', when: grown, how: 'live' },
  {
    path: 'dataPools',
    how: 'refuse',
    why: 'files lie in the pool that would go, and the first pool cannot change',
    hint: 'Keep the pools in their order; add new ones at the end.',
  },
  { path: 'metadataPool', how: 'replace', why: 'the file system would be made anew', hazards: data },
  clusterRule,
]

export const cephFilesystem: Kind = {
  kind: 'CephFilesystem',
  provider: 'ceph',
  summary: 'A CephFS file system with its pools and how many metadata servers serve it.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: [],
  facts: {
    id: 'Ceph’s number of the file system.',
    name: 'Its name.',
    metadataPool: 'Pool of the metadata.',
    dataPools: 'Pools of the data, the default first.',
    monitors: 'Addresses of the monitors, for a mount.',
  },
  changes,
  objectName: meta => meta.name,
  canonical: spec =>
    present(spec, {
      maxMds: spec.maxMds ?? 1,
      standbyReplay: spec.standbyReplay ?? false,
      maxFileSize: canonicalBytes(spec.maxFileSize),
    }),
  check,
  implied: spec =>
    [text(spec.metadataPool), ...texts(spec.dataPools)]
      .filter(pool => pool !== undefined)
      .map(pool => ({ kind: 'CephPool', name: pool })),
  connection: spec => text(spec.cluster),
  deletion: () => ({ hazards: data, undo: 'restore' }),
  replacedWith: kind => kind === 'CephPool',
}

function check(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems = checkName(meta.name, 'a file system')
  if ((spec.metadataPool === undefined) !== (spec.dataPools === undefined)) {
    problems.push({
      path: ['spec', spec.metadataPool === undefined ? 'dataPools' : 'metadataPool'],
      code: 'half-the-pools',
      message: 'metadataPool and dataPools go together',
      hint: 'Say both, or neither to have them made with the file system.',
    })
  }
  const pools = list(spec.dataPools).filter(pool => !isUnresolved(pool))
  if (new Set([...pools, text(spec.metadataPool) ?? '']).size < pools.length + 1) {
    problems.push({
      path: ['spec', 'dataPools'],
      code: 'pool-twice',
      message: 'A pool is named twice',
      hint: 'Metadata and data lie in pools of their own.',
    })
  }
  return problems
}

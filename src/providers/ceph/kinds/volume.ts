/** The kinds CephVolume and CephClone: subvolumes, made empty or from a snapshot. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import { type Attributes, isUnresolved, type Json } from '../../../model/value.js'
import type { ChangeRule, Kind, Problem } from '../../kind.js'
import {
  canonicalBytes,
  canonicalMode,
  checkName,
  cluster,
  clusterRule,
  data,
  fields,
  filled,
  grows,
  id,
  mode,
  name,
  present,
  shrinks,
  sizeOrInfinite,
  text,
  undeclared,
} from './values.js'

const place = {
  cluster,
  filesystem: name.describe('The file system that it is in.'),
  group: name.optional().describe('The group that it is in. By default none.'),
  dataPool: name
    .optional()
    .describe('Data pool, one of the file system’s. The group’s or the first by default.'),
}

const volumeSchema = once(() =>
  z.strictObject({
    ...place,
    size: sizeOrInfinite.optional().describe('Its quota: `10GiB`, or `infinite` (default). Grows in place.'),
    mode: mode.optional().describe('Permissions of its folder. `755` by default.'),
    uid: id.optional().describe('Owner of its folder. 0 by default.'),
    gid: id.optional().describe('Group of its folder. 0 by default.'),
    isolatedNamespace: z
      .boolean()
      .optional()
      .describe(
        'Keeps its objects in a RADOS namespace of their own, for caps that reach no other. False by default.',
      ),
  }),
)

const cloneSchema = once(() =>
  z.strictObject({
    ...place,
    source: z
      .strictObject({
        group: name.optional().describe('Group of the volume. By default none.'),
        volume: name.describe('The volume that the snapshot is of.'),
        snapshot: name.describe('The snapshot.'),
      })
      .describe('The snapshot that it begins as.'),
    size: sizeOrInfinite.optional().describe('Its quota. The source’s where it is left out. Grows in place.'),
  }),
)

const anew = 'it would be made anew, without its data'

const sizes: readonly ChangeRule[] = [
  { path: 'size', when: grows, how: 'live' },
  {
    path: 'size',
    when: shrinks,
    how: 'live',
    why: 'Ceph refuses it where more is used',
    hazards: ['shrinks-data'],
  },
  { path: 'size', how: 'live' },
]

const placeRules: readonly ChangeRule[] = [
  { path: 'dataPool', how: 'replace', why: anew, hazards: data },
  { path: 'group', how: 'replace', why: anew, hazards: data },
  { path: 'filesystem', how: 'replace', why: anew, hazards: data },
  clusterRule,
]

const facts = {
  path: 'Its path in the file system, to be mounted.',
  monitors: 'Addresses of the monitors, for a mount.',
  dataPool: 'Pool of its data.',
  namespace: 'RADOS namespace of its data, where it is isolated.',
}

/** The size, as an in-place `create` or `resize` takes it. */
const canonicalSize = (value: Json | undefined) => canonicalBytes(value) ?? 'infinite'

export const cephVolume: Kind = {
  kind: 'CephVolume',
  provider: 'ceph',
  summary: 'A volume of CephFS (a subvolume): a folder with an owner and a quota.',
  get schema() {
    return volumeSchema()
  },
  keyedLists: {},
  sensitive: [],
  facts,
  changes: [
    ...undeclared('dataPool'),
    ...sizes,
    { path: 'mode', how: 'live' },
    { path: 'uid', how: 'live' },
    { path: 'gid', how: 'live' },
    { path: 'isolatedNamespace', how: 'replace', why: anew, hazards: data },
    ...placeRules,
  ],
  objectName: meta => meta.name,
  canonical: spec =>
    present(spec, {
      size: canonicalSize(spec.size),
      mode: canonicalMode(spec.mode),
      uid: spec.uid ?? 0,
      gid: spec.gid ?? 0,
      isolatedNamespace: spec.isolatedNamespace ?? false,
    }),
  check: (_, meta) => checkName(meta.name, 'a volume'),
  implied: impliedPlace,
  connection: spec => text(spec.cluster),
  deletion: () => ({ hazards: data, undo: 'restore' }),
  replacedWith: kind => kind === 'CephFilesystem' || kind === 'CephSubvolumeGroup',
}

export const cephClone: Kind = {
  kind: 'CephClone',
  provider: 'ceph',
  summary: 'A volume of CephFS that begins as a snapshot of another. It is waited for.',
  get schema() {
    return cloneSchema()
  },
  keyedLists: {},
  sensitive: [],
  facts,
  changes: [
    ...undeclared('dataPool', 'size'),
    ...sizes,
    { path: 'source', how: 'replace', why: 'it would be cloned anew', hazards: data },
    ...placeRules,
  ],
  objectName: meta => meta.name,
  canonical: spec =>
    present(spec, {
      size: canonicalBytes(spec.size),
      source: filled(spec.source, source => present(source)),
    }),
  check: (spec, meta) => [...checkName(meta.name, 'a volume'), ...checkSource(spec, meta.name)],
  implied: spec => {
    const source = fields(spec.source)
    const names = (kind: string, value: Json | undefined) =>
      text(value) === undefined ? [] : [{ kind, name: text(value) ?? '' }]
    return [
      ...impliedPlace(spec),
      ...names('CephSnapshot', source.snapshot),
      ...names('CephVolume', source.volume),
      ...names('CephClone', source.volume),
    ]
  },
  connection: spec => text(spec.cluster),
  deletion: () => ({ hazards: data, undo: 'restore' }),
  replacedWith: kind => kind === 'CephFilesystem' || kind === 'CephSubvolumeGroup',
}

function impliedPlace(spec: Attributes) {
  const found: { kind: string; name: string }[] = []
  const add = (kind: string, value: Json | undefined) => {
    if (typeof value === 'string') found.push({ kind, name: value })
  }
  add('CephFilesystem', spec.filesystem)
  add('CephSubvolumeGroup', spec.group)
  add('CephPool', spec.dataPool)
  return found
}

function checkSource(spec: Attributes, own: string): Problem[] {
  const source = fields(spec.source)
  if (isUnresolved(spec.group) || source.volume !== own || source.group !== spec.group) return []
  return [
    {
      path: ['spec', 'source', 'volume'],
      code: 'clone-of-itself',
      message: 'The clone has the name of its source',
      hint: 'Give it another name.',
    },
  ]
}

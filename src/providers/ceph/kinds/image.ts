/** The kind RbdImage. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import { type Attributes, canonicalJson, type Json } from '../../../model/value.js'
import type { ChangeRule, Kind, KindMeta, Problem } from '../../kind.js'
import {
  bytesOf,
  canonicalBytes,
  checkName,
  cluster,
  clusterRule,
  data,
  fields,
  filled,
  grows,
  name,
  number,
  objects,
  present,
  shrinks,
  size,
  text,
  texts,
  undeclared,
} from './values.js'

/** Features that can be declared. Others follow from other fields: striping, data-pool. */
export const imageFeatures = [
  'deep-flatten',
  'exclusive-lock',
  'fast-diff',
  'journaling',
  'layering',
  'object-map',
] as const

/** Features that can be turned on and off on an image. */
export const changeableFeatures: readonly string[] = [
  'exclusive-lock',
  'fast-diff',
  'journaling',
  'object-map',
]

const schema = once(() =>
  z.strictObject({
    cluster,
    pool: name.describe('The pool that it is in.'),
    size: size
      .optional()
      .describe(
        'Size: `10GiB`, or bytes. Grows in place. May be left out of a clone, which has its parent’s.',
      ),
    from: z
      .strictObject({
        pool: name.optional().describe('Pool of the parent. The image’s own by default.'),
        image: name.describe('The parent.'),
        snapshot: name.describe('Its snapshot.'),
      })
      .optional()
      .describe('The snapshot that it begins as: a clone, which shares what is not written.'),
    dataPool: name.optional().describe('Pool of its data, where that is not `pool`: an erasure-coded one.'),
    objectSize: size
      .optional()
      .describe('Size of its objects, a power of two from 4KiB to 32MiB. `4MiB` by default.'),
    stripeUnit: size
      .optional()
      .describe('How much goes to one object before the next. The object size by default.'),
    stripeCount: z.int().min(1).optional().describe('Over how many objects it is striped. 1 by default.'),
    features: z
      .array(z.enum(imageFeatures))
      .optional()
      .describe(
        'Features. By default layering, exclusive-lock, object-map, fast-diff and deep-flatten. object-map and fast-diff go together.',
      ),
    snapshots: z
      .array(
        z.strictObject({
          name: name.describe('Name of the snapshot.'),
          protected: z
            .boolean()
            .optional()
            .describe('Whether it is kept from deletion, for clones. False by default.'),
        }),
      )
      .optional()
      .describe('Snapshots of it. Those that infra did not make are left alone.'),
  }),
)

const anew = 'it would be made anew, without its data'

const onlyChangeable = {
  text: 'only exclusive-lock, object-map, fast-diff or journaling change, or deep-flatten goes',
  holds: (from: Json | undefined, to: Json | undefined): boolean => {
    const before = texts(from)
    const after = texts(to)
    const added = after.filter(feature => !before.includes(feature))
    const gone = before.filter(feature => !after.includes(feature))
    return (
      added.every(feature => changeableFeatures.includes(feature)) &&
      gone.every(feature => feature === 'deep-flatten' || changeableFeatures.includes(feature))
    )
  },
}

const changes: readonly ChangeRule[] = [
  ...undeclared('size', 'dataPool', 'stripeUnit', 'stripeCount'),
  { path: 'size', when: grows, how: 'live' },
  {
    path: 'size',
    when: shrinks,
    how: 'live',
    // No look at its objects proves that nothing is there: a machine that has it open writes between the look and the cut,
    // and what its guest holds back is in no object yet
    why: 'what lies beyond the new end is lost; also where it goes back to what it was before it grew, as a machine that has it may have written there',
    hazards: ['shrinks-data', 'irreversible'],
  },
  { path: 'size', how: 'live' },
  { path: 'features', when: onlyChangeable, how: 'live' },
  { path: 'features', how: 'replace', why: anew, hazards: data },
  { path: 'snapshots[].protected', how: 'live' },
  {
    path: 'snapshots[]',
    op: 'remove',
    how: 'live',
    hazards: ['deletes-data', 'irreversible'],
    why: 'the snapshot is deleted',
  },
  { path: 'snapshots', how: 'live' },
  { path: 'from', op: 'remove', how: 'live', why: 'where it began is no longer declared' },
  { path: 'from', how: 'replace', why: 'it would be cloned anew', hazards: data },
  { path: 'dataPool', how: 'replace', why: anew, hazards: data },
  { path: 'objectSize', how: 'replace', why: anew, hazards: data },
  { path: 'stripeUnit', how: 'replace', why: anew, hazards: data },
  { path: 'stripeCount', how: 'replace', why: anew, hazards: data },
  { path: 'pool', how: 'replace', why: anew, hazards: data },
  clusterRule,
]

export const rbdImage: Kind = {
  kind: 'RbdImage',
  provider: 'ceph',
  summary: 'A block device image, which a machine can have as a disk.',
  get schema() {
    return schema()
  },
  keyedLists: { snapshots: 'name' },
  sensitive: [],
  facts: {
    id: 'Ceph’s own name of the image.',
    pool: 'The pool that it is in.',
    name: 'Its name.',
    spec: '`POOL/NAME`, as the rbd client and QEMU write it.',
    monitors: 'Addresses of the monitors, for a machine’s disk.',
    disk: 'All that a machine’s `source.rbd` needs: pool, image, monitors, the connection’s user and the path of its keyring.',
  },
  changes,
  objectName: meta => meta.name,
  canonical,
  check,
  implied: spec => [
    ...[spec.pool, spec.dataPool, fields(spec.from).pool]
      .filter(pool => typeof pool === 'string')
      .map(pool => ({ kind: 'CephPool', name: pool })),
    ...(text(fields(spec.from).image)
      ? [{ kind: 'RbdImage', name: text(fields(spec.from).image) ?? '' }]
      : []),
  ],
  connection: spec => text(spec.cluster),
  deletion: () => ({ hazards: data, undo: 'restore' }),
  replacedWith: kind => kind === 'CephPool',
}

/** object-map and fast-diff are one to Ceph, and both need the lock; journaling needs it, too. Sorted. */
export function completeFeatures(declared: readonly string[]): string[] {
  const all = new Set(declared)
  if (all.has('object-map') || all.has('fast-diff')) all.add('object-map').add('fast-diff')
  if (all.has('object-map') || all.has('journaling')) all.add('exclusive-lock')
  return [...all].sort()
}

function canonical(spec: Attributes): Attributes {
  return present(spec, {
    size: canonicalBytes(spec.size),
    objectSize: canonicalBytes(spec.objectSize) ?? 2 ** 22,
    stripeUnit: canonicalBytes(spec.stripeUnit),
    features: Array.isArray(spec.features)
      ? completeFeatures(texts(spec.features))
      : (spec.features ?? completeFeatures(['layering', 'object-map', 'deep-flatten'])),
    ...(spec.from !== undefined && {
      from: filled(spec.from, from => present(from, { pool: from.pool ?? spec.pool })),
    }),
    ...(spec.snapshots !== undefined && {
      snapshots: Array.isArray(spec.snapshots)
        ? spec.snapshots
            .map(snapshot => filled(snapshot, known => ({ ...known, protected: known.protected ?? false })))
            .sort((a, b) => ((text(fields(a).name) ?? '') < (text(fields(b).name) ?? '') ? -1 : 1))
        : spec.snapshots,
    }),
  })
}

function check(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems = checkName(meta.name, 'an image')
  const add = (path: readonly (string | number)[], code: string, message: string, hint: string) =>
    problems.push({ path: ['spec', ...path], code, message, hint })
  if (spec.size === undefined && spec.from === undefined) {
    add(['size'], 'missing-size', 'The image has no size', 'Say one, such as `size: 10GiB`.')
  }
  const object = bytesOf(spec.objectSize)
  if (object !== undefined && (object < 4096 || object > 2 ** 25 || Math.log2(object) % 1 !== 0)) {
    add(['objectSize'], 'object-size', 'The object size is no power of two from 4KiB to 32MiB', 'Use 4MiB.')
  }
  if ((spec.stripeUnit === undefined) !== (spec.stripeCount === undefined)) {
    add(['stripeUnit'], 'half-the-stripes', 'stripeUnit and stripeCount go together', 'Say both, or neither.')
  }
  const unit = number(spec.stripeUnit)
  if (unit !== undefined && object !== undefined && object % unit !== 0) {
    add(
      ['stripeUnit'],
      'stripe-unit',
      'The stripe unit does not divide the object size',
      'Use a power of two.',
    )
  }
  const names = objects(spec.snapshots).map(snapshot => snapshot.name ?? '')
  if (new Set(names.map(canonicalJson)).size < names.length) {
    add(['snapshots'], 'snapshot-twice', 'A snapshot is named twice', 'Remove one.')
  }
  return problems
}

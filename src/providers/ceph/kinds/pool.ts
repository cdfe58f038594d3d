/** The kind CephPool. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import type { Attributes } from '../../../model/value.js'
import type { ChangeRule, Kind, KindMeta, Problem } from '../../kind.js'
import {
  canonicalBytes,
  checkName,
  cluster,
  clusterRule,
  data,
  fields,
  filled,
  name,
  number,
  present,
  size,
  text,
  undeclared,
} from './values.js'

const erasure = once(() =>
  z.strictObject({
    dataChunks: z.int().min(2).describe('Into how many chunks an object is cut (k).'),
    codingChunks: z.int().min(1).describe('How many more chunks are kept, and how many may be lost (m).'),
    plugin: name.optional().describe('`jerasure` by default.'),
    failureDomain: name.optional().describe('No two chunks lie in the same one. `host` by default.'),
    deviceClass: name
      .optional()
      .describe('Only on OSDs of this class: `hdd`, `ssd`, `nvme`. Any by default.'),
    overwrites: z
      .boolean()
      .optional()
      .describe('Whether objects may be written in part, as images and file systems do. False by default.'),
  }),
)

const schema = once(() =>
  z.strictObject({
    cluster,
    type: z.enum(['replicated', 'erasure']).optional().describe('`replicated` by default.'),
    size: z
      .int()
      .min(1)
      .max(10)
      .optional()
      .describe('Copies of every object, of a replicated pool. The cluster’s default where it is left out.'),
    minSize: z
      .int()
      .min(1)
      .max(32)
      .optional()
      .describe(
        'Below so many copies or chunks nothing is written. The cluster’s default where it is left out.',
      ),
    erasure: erasure().optional().describe('How an erasure-coded pool cuts its objects.'),
    autoscale: z
      .enum(['on', 'off', 'warn'])
      .optional()
      .describe('Whether the manager chooses pgNum. `on` by default, `off` where pgNum is given.'),
    pgNum: z.int().min(1).max(65536).optional().describe('Placement groups, where autoscale is off or warn.'),
    pgNumMin: z.int().min(1).max(65536).optional().describe('The autoscaler keeps at least so many.'),
    pgNumMax: z.int().min(1).max(65536).optional().describe('The autoscaler keeps at most so many.'),
    bulk: z
      .boolean()
      .optional()
      .describe('Starts with many placement groups: a large pool. False by default.'),
    targetSizeRatio: z
      .number()
      .min(0)
      .optional()
      .describe('Its expected share of the cluster, for the autoscaler.'),
    targetSize: size.optional().describe('Its expected size, for the autoscaler: `10TiB`.'),
    application: name
      .optional()
      .describe('What it is for: `rbd` (default), `cephfs`, `rgw` or a name of your own.'),
    quota: z
      .strictObject({
        maxBytes: z
          .union([size, z.literal(0)])
          .optional()
          .describe('`10GiB` or bytes. 0: no limit, the default.'),
        maxObjects: z.int().min(0).optional().describe('0: no limit, the default.'),
      })
      .optional()
      .describe('Limits; writes beyond them fail.'),
    compression: z
      .strictObject({
        mode: z.enum(['none', 'passive', 'aggressive', 'force']).optional().describe('`none` by default.'),
        algorithm: z
          .enum(['snappy', 'zlib', 'zstd', 'lz4'])
          .optional()
          .describe('The OSDs’ default where it is left out.'),
        requiredRatio: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .describe('A chunk is kept compressed only below this.'),
      })
      .optional()
      .describe('Compression on the OSDs.'),
    crushRule: name
      .optional()
      .describe(
        'Name of the CRUSH rule that places it. Or leave it out and say failureDomain or deviceClass.',
      ),
    failureDomain: name
      .optional()
      .describe('No two copies lie in the same one: `osd`, `host`, `rack`. `host` by default.'),
    deviceClass: name
      .optional()
      .describe('Only on OSDs of this class: `hdd`, `ssd`, `nvme`. Any by default.'),
    nodelete: z
      .boolean()
      .optional()
      .describe('Ceph refuses to delete it while this is true. False by default.'),
  }),
)

const anew = 'the pool would be made anew, and be empty'
const moves = 'data moves to other OSDs in the background'

const changes: readonly ChangeRule[] = [
  ...undeclared(
    'size',
    'minSize',
    'pgNum',
    'pgNumMin',
    'pgNumMax',
    'targetSizeRatio',
    'targetSize',
    'crushRule',
    'failureDomain',
    'deviceClass',
  ),
  { path: 'size', how: 'live', why: moves },
  { path: 'minSize', how: 'live' },
  { path: 'autoscale', how: 'live' },
  { path: 'pgNum', how: 'live', why: 'placement groups are split or merged in the background' },
  { path: 'pgNumMin', how: 'live' },
  { path: 'pgNumMax', how: 'live' },
  { path: 'bulk', how: 'live' },
  { path: 'targetSizeRatio', how: 'live' },
  { path: 'targetSize', how: 'live' },
  { path: 'application', how: 'live' },
  { path: 'quota', how: 'live' },
  { path: 'compression', how: 'live', why: 'it holds for what is written from now on' },
  { path: 'crushRule', how: 'live', why: moves },
  { path: 'failureDomain', how: 'live', why: moves },
  { path: 'deviceClass', how: 'live', why: moves },
  { path: 'nodelete', how: 'live' },
  {
    path: 'erasure.overwrites',
    op: 'change',
    when: { text: 'becomes false', holds: (_, to) => to === false },
    how: 'refuse',
    why: 'Ceph cannot take it back',
    hint: 'Leave overwrites true.',
  },
  { path: 'erasure.overwrites', how: 'live' },
  { path: 'erasure', how: 'replace', why: anew, hazards: data },
  { path: 'type', how: 'replace', why: anew, hazards: data },
  clusterRule,
]

export const cephPool: Kind = {
  kind: 'CephPool',
  provider: 'ceph',
  summary: 'A pool: replicated or erasure-coded, with its placement, limits and purpose.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: [],
  facts: { id: 'Ceph’s number of the pool.', name: 'Its name.' },
  changes,
  objectName: meta => meta.name,
  canonical,
  check,
  connection: spec => text(spec.cluster),
  deletion: () => ({ hazards: data, undo: 'restore' }),
}

function canonical(spec: Attributes): Attributes {
  const type = spec.type ?? (spec.erasure === undefined ? 'replicated' : 'erasure')
  return present(spec, {
    type,
    autoscale: spec.autoscale ?? (spec.pgNum === undefined ? 'on' : 'off'),
    bulk: spec.bulk ?? false,
    targetSize: canonicalBytes(spec.targetSize),
    application: spec.application ?? 'rbd',
    quota: filled(spec.quota, quota => ({
      maxBytes: canonicalBytes(quota.maxBytes) ?? 0,
      maxObjects: quota.maxObjects ?? 0,
    })),
    compression: filled(spec.compression, compression =>
      present(compression, { mode: compression.mode ?? 'none' }),
    ),
    ...(spec.erasure !== undefined && {
      erasure: filled(spec.erasure, code =>
        present(code, {
          plugin: code.plugin ?? 'jerasure',
          failureDomain: code.failureDomain ?? 'host',
          overwrites: code.overwrites ?? false,
        }),
      ),
    }),
    nodelete: spec.nodelete ?? false,
  })
}

function check(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems = checkName(meta.name, 'a pool')
  const add = (path: readonly string[], code: string, message: string, hint: string) =>
    problems.push({ path: ['spec', ...path], code, message, hint })
  if (spec.type === 'erasure' && spec.erasure === undefined) {
    add(
      ['erasure'],
      'missing-erasure',
      'An erasure-coded pool needs `erasure`',
      'Say dataChunks and codingChunks.',
    )
  }
  if (spec.type === 'replicated' && spec.erasure !== undefined) {
    add(
      ['erasure'],
      'needless-erasure',
      'A replicated pool has no `erasure`',
      'Remove it, or set `type: erasure`.',
    )
  }
  if (spec.type === 'erasure') {
    for (const field of ['size', 'failureDomain', 'deviceClass']) {
      if (spec[field] !== undefined) {
        add([field], 'not-for-erasure', `An erasure-coded pool has no ${field}`, 'Say it within `erasure`.')
      }
    }
  }
  const copies = number(spec.size) ?? chunks(spec)
  const least = number(spec.minSize)
  if (copies !== undefined && least !== undefined && least > copies) {
    add(
      ['minSize'],
      'min-size-above-size',
      `minSize ${least} is above ${copies}`,
      'Nothing could be written.',
    )
  }
  if (spec.autoscale === 'on' && spec.pgNum !== undefined) {
    add(
      ['pgNum'],
      'pg-num-autoscaled',
      'The autoscaler changes pgNum',
      'Remove pgNum, or set `autoscale: off`.',
    )
  }
  const [fewest, most] = [number(spec.pgNumMin), number(spec.pgNumMax)]
  if (fewest !== undefined && most !== undefined && fewest > most) {
    add(
      ['pgNumMin'],
      'pg-num-bounds',
      `pgNumMin ${fewest} is above pgNumMax ${most}`,
      'Lower one, or raise the other.',
    )
  }
  const groups = number(spec.pgNum)
  if (groups !== undefined && (groups < (fewest ?? groups) || groups > (most ?? groups))) {
    add(
      ['pgNum'],
      'pg-num-bounds',
      `pgNum ${groups} is beyond pgNumMin or pgNumMax`,
      'Choose one between the two.',
    )
  }
  if (spec.crushRule !== undefined && (spec.failureDomain ?? spec.deviceClass) !== undefined) {
    add(
      ['crushRule'],
      'two-placements',
      'crushRule already says where it lies',
      'Keep it, or the other fields.',
    )
  }
  return problems
}

function chunks(spec: Attributes): number | undefined {
  const { dataChunks, codingChunks } = fields(spec.erasure)
  return typeof dataChunks === 'number' && typeof codingChunks === 'number'
    ? dataChunks + codingChunks
    : undefined
}

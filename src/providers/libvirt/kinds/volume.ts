/** The kind Volume: a disk of its own, which outlives the machines that use it. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import type { Attributes } from '../../../model/value.js'
import type { ChangeRule, Hazard, Kind, KindMeta, Problem } from '../../kind.js'
import { defaultVmPool } from '../names.js'
import {
  canonicalChecksum,
  checkContent,
  checksum,
  content,
  contentOf,
  contentSource,
  localFiles,
} from './content.js'
import { hostField } from './host-field.js'
import { nameProblems } from './object-name.js'
import { parseSize, sizePattern, sizeText } from './units.js'
import {
  grows,
  mapText,
  present,
  shrinks,
  splitReference,
  text,
  volumeCalled,
  volumeReference,
} from './values.js'

const schema = once(() =>
  z.strictObject({
    host: hostField(),
    pool: z.string().min(1).optional().describe('Storage pool that it is in. `foundry-vms` by default.'),
    volume: z
      .string()
      .min(1)
      .optional()
      .describe('Name of the volume in the pool. The resource’s name by default.'),
    size: z
      .union([
        z
          .number()
          .int('must be whole bytes')
          .positive('must be above 0')
          .max(2 ** 50, 'is more than 1 PiB'),
        z.string().regex(sizePattern, sizeText),
      ])
      .optional()
      .describe(
        'Size: `10GiB`, `512MiB`, or bytes. Kept as bytes, rounded up to whole KiB. Grows in place. May be left out where `source` or `backing` gives it.',
      ),
    format: z.enum(['qcow2', 'raw']).optional().describe('`qcow2` by default.'),
    backing: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A volume that it starts from and reads through: `VOLUME` in the same pool, or `POOL:VOLUME`. Only for qcow2.',
      ),
    backingFormat: z
      .enum(['qcow2', 'raw'])
      .optional()
      .describe('Format of `backing`. `qcow2` by default, `raw` where its name ends so.'),
    source: contentSource().optional().describe('What it is filled with when it is made.'),
    checksum,
    content,
  }),
)

const data: readonly Hazard[] = ['deletes-data']

const changes: readonly ChangeRule[] = [
  { path: 'size', op: 'change', when: grows, how: 'live', why: 'a running guest sees it at once' },
  {
    path: 'size',
    op: 'change',
    when: shrinks,
    how: 'refuse',
    why: 'libvirt would cut the data off without a warning',
    hint: 'Keep the size, or ask for a new volume with `--replace`, which deletes its data.',
  },
  { path: 'size', how: 'live' },
  { path: 'content', how: 'replace', why: 'it would be filled anew', hazards: data },
  { path: 'source', how: 'live', why: 'only where it came from is written down anew' },
  { path: 'checksum', how: 'live', why: 'only what it is known by is written down anew' },
  { path: 'format', how: 'replace', why: 'it would be made anew', hazards: data },
  {
    path: 'backing',
    how: 'replace',
    why: 'it holds only what differs from what it is based on',
    hazards: data,
  },
  {
    path: 'backingFormat',
    how: 'replace',
    why: 'it holds only what differs from what it is based on',
    hazards: data,
  },
  { path: 'pool', how: 'replace', why: 'it would be made anew in the other pool', hazards: data },
  { path: 'volume', how: 'replace', why: 'it would be made anew under the other name', hazards: data },
  { path: 'host', how: 'replace', why: 'it would be made anew on the other host', hazards: data },
]

export const volume: Kind = {
  kind: 'Volume',
  provider: 'libvirt',
  summary: 'A volume in a storage pool, a disk that outlives its machines.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: [],
  facts: {
    path: 'Where it is on the host.',
    key: 'libvirt’s key of it.',
    reference: 'How a machine names it: `POOL:VOLUME`.',
    capacityBytes: 'Size that a guest sees.',
    allocationBytes: 'Space that it takes.',
    usedBy:
      'Who has it as a disk or is based on it: `VirtualMachine/web`, or `POOL:VOLUME` where no machine has that volume. Left out where only a few things are looked at on a host with very many.',
  },
  changes,
  objectName: meta => meta.name,
  canonical,
  check,
  localFiles,
  implied,
  alsoCalled: spec => volumeCalled(spec, defaultVmPool),
  connection: spec => text(spec.host),
  deletion: () => ({ hazards: data, undo: 'restore' }),
  replacedWith: kind => kind === 'StoragePool' || kind === 'Image',
}

function canonical(spec: Attributes, meta: KindMeta): Attributes {
  const pool = spec.pool ?? defaultVmPool
  const size =
    typeof spec.size === 'string' || typeof spec.size === 'number' ? parseSize(spec.size) : undefined
  const inPool = text(pool)
  const backing = mapText(spec.backing, name => (inPool === undefined ? name : volumeReference(name, inPool)))
  return present(spec, {
    pool,
    volume: spec.volume ?? meta.name,
    size: size !== undefined && validSize(size) ? size : spec.size,
    format: spec.format ?? 'qcow2',
    backing,
    backingFormat: spec.backingFormat ?? mapText(backing, name => (name.endsWith('.raw') ? 'raw' : 'qcow2')),
    checksum: canonicalChecksum(spec.checksum),
    content: contentOf(spec),
  })
}

function validSize(bytes: number): boolean {
  return bytes > 0 && bytes <= 2 ** 50
}

function check(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems = checkContent(spec)
  const name = text(spec.volume) ?? meta.name
  const named = spec.volume === undefined ? ['metadata', 'name'] : ['spec', 'volume']
  problems.push(...nameProblems(name, 'volume', named))
  if (spec.size === undefined && spec.source === undefined && spec.backing === undefined) {
    problems.push({
      path: ['spec', 'size'],
      code: 'missing-size',
      message: 'The volume has no size',
      hint: 'Say one, such as `size: 10GiB`.',
    })
  }
  if (
    (typeof spec.size === 'string' || typeof spec.size === 'number') &&
    !validSize(parseSize(spec.size) ?? 0)
  ) {
    problems.push({
      path: ['spec', 'size'],
      code: 'invalid-size',
      message: `“${spec.size}” is no size that a volume can have`,
      hint: 'Write a size above 0 and up to 1 PiB, such as `10GiB`.',
    })
  }
  if (spec.backing !== undefined && spec.format === 'raw') {
    problems.push({
      path: ['spec', 'backing'],
      code: 'backing-needs-qcow2',
      message: 'A raw volume cannot be based on another',
      hint: 'Say `format: qcow2`.',
    })
  }
  if (spec.backing !== undefined && spec.source !== undefined) {
    problems.push({
      path: ['spec', 'backing'],
      code: 'backing-and-source',
      message: 'The volume is based on another and filled from a source',
      hint: 'Keep one.',
    })
  }
  return problems
}

function implied(spec: Attributes, meta: KindMeta): { kind: string; name: string }[] {
  const filled = canonical(spec, meta)
  const pool = text(filled.pool)
  const backing = splitReference(text(filled.backing) ?? '')
  const bare = backing?.volume.replace(/\.(qcow2|raw)$/, '')
  return [
    ...(pool === undefined ? [] : [{ kind: 'StoragePool', name: pool }]),
    ...(backing === undefined
      ? []
      : [
          ...(backing.pool === pool ? [] : [{ kind: 'StoragePool', name: backing.pool }]),
          { kind: 'Volume', name: backing.volume },
          { kind: 'Image', name: backing.volume },
          ...['Volume', 'Image'].map(kind => ({ kind, name: `${backing.pool}:${backing.volume}` })),
          ...(bare === undefined || bare === backing.volume ? [] : [{ kind: 'Image', name: bare }]),
        ]),
  ]
}

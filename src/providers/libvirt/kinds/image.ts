/** The kind Image: a disk image that machines start from, as Foundry imports and names it. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import { type Attributes, isUnresolved, type Json } from '../../../model/value.js'
import type { ChangeRule, Kind, KindMeta, Problem } from '../../kind.js'
import { defaultImagePool } from '../names.js'
import {
  canonicalChecksum,
  checkContent,
  checksum,
  content,
  contentOf,
  contentSource,
  formatOfName,
  localFiles,
  sourceName,
} from './content.js'
import { hostField } from './host-field.js'
import { nameProblems } from './object-name.js'
import { present, text, volumeCalled } from './values.js'

const schema = once(() =>
  z.strictObject({
    host: hostField(),
    pool: z
      .string()
      .min(1)
      .optional()
      .describe('Storage pool that it is put in. `foundry-images` by default.'),
    volume: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Name of the volume; it ends in `.qcow2` or `.raw`, as its content is. The resource’s name and that ending by default.',
      ),
    source: contentSource().describe('Where it comes from.'),
    checksum,
    format: z
      .enum(['qcow2', 'raw'])
      .optional()
      .describe('What the source is; its content must agree. By default as its name ends.'),
    convert: z
      .enum(['qcow2'])
      .optional()
      .describe('Convert a raw source to qcow2; runs of zeros take no space then.'),
    content,
  }),
)

const otherBytes = 'machines’ disks are based on the image; its bytes never change under them'

const changes: readonly ChangeRule[] = [
  { path: 'content', how: 'replace', why: otherBytes, hazards: ['deletes-data'] },
  { path: 'source', how: 'live', why: 'only where it comes from is written down anew' },
  { path: 'checksum', how: 'live', why: 'only what it is known by is written down anew' },
  { path: 'format', how: 'replace', why: otherBytes, hazards: ['deletes-data'] },
  { path: 'convert', how: 'replace', why: otherBytes, hazards: ['deletes-data'] },
  { path: 'volume', how: 'replace', why: 'machines’ disks name it', hazards: ['deletes-data'] },
  { path: 'pool', how: 'replace', why: 'machines’ disks name it', hazards: ['deletes-data'] },
]

export const image: Kind = {
  kind: 'Image',
  provider: 'libvirt',
  summary: 'A disk image in a storage pool, from a file or a download.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: [],
  facts: {
    path: 'Where it is on the host.',
    reference: 'How a machine names it: `POOL:VOLUME`.',
    format: 'Format of the stored volume.',
    virtualSizeBytes: 'Size of the disk that a guest sees.',
    allocationBytes: 'Space that it takes.',
    sha256:
      'SHA-256 that its bytes were verified against when they were put there, where the document has one.',
    usedBy:
      'Who is based on it: `VirtualMachine/web`, or `POOL:VOLUME` where no machine has that volume. Left out where only a few things are looked at on a host with very many.',
  },
  changes,
  objectName: meta => meta.name,
  canonical,
  check,
  localFiles,
  alsoCalled: spec => volumeCalled(spec, defaultImagePool),
  implied: spec => [{ kind: 'StoragePool', name: text(spec.pool) ?? defaultImagePool }],
  connection: spec => text(spec.host),
  deletion: () => ({ hazards: ['deletes-data'], undo: 'restore' }),
  replacedWith: kind => kind === 'StoragePool',
}

function canonical(spec: Attributes, meta: KindMeta): Attributes {
  const format = spec.format ?? sourceFormat(spec) ?? formatOfName(meta.name)
  return present(spec, {
    pool: spec.pool ?? defaultImagePool,
    volume: spec.volume ?? volumeName(meta.name, spec.convert ?? format),
    checksum: canonicalChecksum(spec.checksum),
    format,
    content: contentOf(spec),
  })
}

function sourceFormat(spec: Attributes): 'qcow2' | 'raw' | undefined {
  const name = sourceName(spec)
  return name === undefined ? undefined : formatOfName(name)
}

function volumeName(name: string, format: Json | undefined): string | undefined {
  if (formatOfName(name) !== undefined) return name
  return typeof format === 'string' ? `${name}.${format}` : undefined
}

function check(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems = checkContent(spec)
  const filled = canonical(spec, meta)
  if (filled.format === undefined && !isUnresolved(spec.source)) {
    problems.push({
      path: ['spec', 'format'],
      code: 'unknown-format',
      message: 'The name of the source does not tell its format',
      hint: 'Say `format: qcow2` or `format: raw`.',
    })
  }
  if (spec.convert !== undefined && filled.format === 'qcow2') {
    problems.push({
      path: ['spec', 'convert'],
      code: 'nothing-to-convert',
      message: 'The source is qcow2 already',
      hint: 'Take `convert` out.',
    })
  }
  const volume = text(filled.volume)
  const stored = filled.convert ?? filled.format
  if (volume !== undefined) {
    const named = spec.volume === undefined ? ['metadata', 'name'] : ['spec', 'volume']
    const ending = formatOfName(volume)
    if (ending === undefined || (typeof stored === 'string' && ending !== stored)) {
      problems.push({
        path: named,
        code: 'wrong-extension',
        message: `The volume ${volume} holds ${typeof stored === 'string' ? stored : 'an image'} and must end in .${typeof stored === 'string' ? stored : 'qcow2 or .raw'}`,
        hint: 'Rename it, or say its `format`.',
      })
    }
    problems.push(...nameProblems(volume, 'volume', named))
  }
  return problems
}

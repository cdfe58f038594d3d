import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Attributes, Json } from '../../../src/model/value.js'
import { expired, snapshotName, timeOf } from '../../../src/providers/ceph/acts/snapshot.js'
import { cephKinds } from '../../../src/providers/ceph/kinds/index.js'
import { bytesOf } from '../../../src/providers/ceph/kinds/values.js'
import type { Kind } from '../../../src/providers/kind.js'

function kindOf(name: string): Kind {
  const kind = cephKinds.find(one => one.kind === name)
  if (!kind) throw new Error(`no kind ${name}`)
  return kind
}
const meta = (name = 'a') => ({ name, labels: {}, annotations: {} })

const samples: Readonly<Record<string, Attributes>> = {
  CephPool: { size: 3, quota: { maxBytes: '10GiB' }, compression: { mode: 'passive' } },
  CephFilesystem: { metadataPool: 'm', dataPools: ['d'], maxFileSize: '1TiB' },
  CephSubvolumeGroup: { filesystem: 'f', size: '1TiB', mode: '0750' },
  CephVolume: { filesystem: 'f', group: 'g', size: '1G', uid: 1 },
  CephSnapshot: { filesystem: 'f', volume: 'v', retention: { keepLast: 3 } },
  CephClone: { filesystem: 'f', source: { volume: 'v', snapshot: 's' } },
  RbdImage: { pool: 'p', size: '1GiB', snapshots: [{ name: 'b' }, { name: 'a' }] },
  CephClient: { caps: { mon: 'allow r' } },
}

describe('the kinds of Ceph', () => {
  for (const kind of cephKinds) {
    const sample = samples[kind.kind] ?? {}
    it(`${kind.kind}: a sample fits the schema, and its canonical form is stable and fits, too`, () => {
      kind.schema.parse(sample)
      const canonical = kind.canonical(sample, meta())
      expect(kind.canonical(canonical, meta())).toEqual(canonical)
      kind.schema.parse(canonical)
      expect(kind.check?.(canonical, meta()) ?? []).toEqual([])
    })
    it(`${kind.kind}: every field is described, and an unknown one refused`, () => {
      const schema = z.toJSONSchema(kind.schema) as { properties: Record<string, { description?: string }> }
      for (const [field, value] of Object.entries(schema.properties))
        expect(value.description, field).toBeTruthy()
      expect(kind.schema.safeParse({ ...sample, frobnicate: 1 }).success).toBe(false)
    })
    it(`${kind.kind}: every field has a rule for its change`, () => {
      const schema = z.toJSONSchema(kind.schema) as { properties: Record<string, unknown> }
      const ruled = kind.changes.map(rule => rule.path.split(/[.[]/)[0])
      for (const field of Object.keys(schema.properties)) expect(ruled, field).toContain(field)
    })
    it(`${kind.kind}: values that are not known yet pass through`, () => {
      const unresolved = Object.fromEntries(Object.keys(sample).map(key => [key, { $unresolved: 'A.b.c' }]))
      const canonical = kind.canonical(unresolved, meta())
      for (const key of Object.keys(sample)) expect(canonical[key]).toEqual({ $unresolved: 'A.b.c' })
      kind.check?.(canonical, meta())
      kind.implied?.(canonical, meta())
    })
  }

  const wrong: readonly { kind: string; reason: string; spec: Attributes; code: string; name?: string }[] = [
    {
      kind: 'CephPool',
      reason: 'more needed than there are',
      spec: { size: 2, minSize: 3 },
      code: 'min-size-above-size',
    },
    {
      kind: 'CephPool',
      reason: 'two who choose',
      spec: { autoscale: 'on', pgNum: 8 },
      code: 'pg-num-autoscaled',
    },
    {
      kind: 'CephPool',
      reason: 'no number between',
      spec: { pgNumMin: 64, pgNumMax: 32 },
      code: 'pg-num-bounds',
    },
    {
      kind: 'CephPool',
      reason: 'a number beyond',
      spec: { pgNum: 8, pgNumMin: 16 },
      code: 'pg-num-bounds',
    },
    {
      kind: 'RbdImage',
      reason: 'a snapshot twice',
      spec: { pool: 'p', size: 1, snapshots: [{ name: 'a' }, { name: 'b' }, { name: 'a' }] },
      code: 'snapshot-twice',
    },
    { kind: 'CephPool', reason: 'coded without a code', spec: { type: 'erasure' }, code: 'missing-erasure' },
    {
      kind: 'CephPool',
      reason: 'copies of a coded pool',
      spec: { erasure: { dataChunks: 2, codingChunks: 1 }, size: 3 },
      code: 'not-for-erasure',
    },
    {
      kind: 'CephPool',
      reason: 'two placements',
      spec: { crushRule: 'r', deviceClass: 'ssd' },
      code: 'two-placements',
    },
    { kind: 'CephPool', reason: 'no name', spec: {}, code: 'invalid-name', name: 'a/b' },
    { kind: 'CephFilesystem', reason: 'one of two', spec: { metadataPool: 'm' }, code: 'half-the-pools' },
    {
      kind: 'CephFilesystem',
      reason: 'twice',
      spec: { metadataPool: 'm', dataPools: ['m'] },
      code: 'pool-twice',
    },
    {
      kind: 'CephClone',
      reason: 'of itself',
      spec: { filesystem: 'f', source: { volume: 'a', snapshot: 's' } },
      code: 'clone-of-itself',
    },
    {
      kind: 'CephSnapshot',
      reason: 'nothing',
      spec: { filesystem: 'f', volume: 'v', retention: {} },
      code: 'empty-retention',
    },
    { kind: 'RbdImage', reason: 'no size', spec: { pool: 'p' }, code: 'missing-size' },
    {
      kind: 'RbdImage',
      reason: 'no power of two',
      spec: { pool: 'p', size: 1, objectSize: 5000 },
      code: 'object-size',
    },
    {
      kind: 'RbdImage',
      reason: 'half',
      spec: { pool: 'p', size: 1, stripeUnit: 4096 },
      code: 'half-the-stripes',
    },
    { kind: 'CephClient', reason: 'may do nothing', spec: { caps: {} }, code: 'no-caps' },
    {
      kind: 'CephClient',
      reason: 'not ours',
      spec: { caps: { mon: 'allow r' } },
      code: 'admin-client',
      name: 'admin',
    },
  ]
  for (const { kind, reason, spec, code, name } of wrong) {
    it(`${kind}: refuses ${reason} (${code})`, () => {
      const known = kindOf(kind)
      const problems = known.check?.(known.canonical(spec, meta(name)), meta(name)) ?? []
      expect(problems.map(problem => problem.code)).toContain(code)
    })
  }

  const rules: readonly {
    kind: string
    path: string
    from?: Json
    to?: Json
    how: string
    reason: string
  }[] = [
    {
      kind: 'CephPool',
      path: 'size',
      from: 2,
      to: 3,
      how: 'live',
      reason: 'copies are made in the background',
    },
    {
      kind: 'CephPool',
      path: 'type',
      from: 'replicated',
      to: 'erasure',
      how: 'replace',
      reason: 'another pool',
    },
    {
      kind: 'CephPool',
      path: 'erasure.overwrites',
      from: true,
      to: false,
      how: 'refuse',
      reason: 'for ever',
    },
    {
      kind: 'CephFilesystem',
      path: 'dataPools',
      from: ['a'],
      to: ['a', 'b'],
      how: 'live',
      reason: 'one more',
    },
    {
      kind: 'CephFilesystem',
      path: 'dataPools',
      from: ['a', 'b'],
      to: ['a'],
      how: 'refuse',
      reason: 'files in it',
    },
    { kind: 'CephVolume', path: 'size', from: 1, to: 'infinite', how: 'live', reason: 'growth' },
    { kind: 'CephVolume', path: 'filesystem', from: 'a', to: 'b', how: 'replace', reason: 'elsewhere' },
    {
      kind: 'RbdImage',
      path: 'features',
      from: ['layering'],
      to: ['exclusive-lock', 'layering'],
      how: 'live',
      reason: 'on',
    },
    {
      kind: 'RbdImage',
      path: 'features',
      from: ['layering'],
      to: [],
      how: 'replace',
      reason: 'fixed when made',
    },
    { kind: 'RbdImage', path: 'features', from: ['deep-flatten'], to: [], how: 'live', reason: 'may go' },
    {
      kind: 'RbdImage',
      path: 'features',
      from: [],
      to: ['deep-flatten'],
      how: 'replace',
      reason: 'may not come',
    },
    { kind: 'CephClient', path: 'caps', from: {}, to: { mon: 'allow r' }, how: 'live', reason: 'caps' },
  ]
  for (const { kind, path, from, to, how, reason } of rules) {
    it(`${kind}.${path} from ${JSON.stringify(from)} to ${JSON.stringify(to)} is ${how}: ${reason}`, () => {
      const rule = kindOf(kind).changes.find(
        one => one.path === path && (one.op ?? 'change') === 'change' && (one.when?.holds(from, to) ?? true),
      )
      expect(rule?.how).toBe(how)
    })
  }

  it('shrinking is a hazard, and growing none', () => {
    const hazards = (kind: string, from: Json, to: Json) =>
      kindOf(kind).changes.find(
        rule => rule.path === 'size' && rule.op !== 'remove' && (rule.when?.holds(from, to) ?? true),
      )?.hazards ?? []
    expect(hazards('CephVolume', 2, 1)).toContain('shrinks-data')
    expect(hazards('CephVolume', 'infinite', 1)).toContain('shrinks-data')
    expect(hazards('CephVolume', 1, 2)).toEqual([])
    expect(hazards('RbdImage', 2, 1)).toEqual(['shrinks-data', 'irreversible'])
  })

  it.each([
    { reason: 'nothing', kind: 'RbdImage', spec: { pool: 'p', size: '0GiB' }, fits: false },
    {
      reason: 'more than can be counted',
      kind: 'RbdImage',
      spec: { pool: 'p', size: '9999999P' },
      fits: false,
    },
    { reason: 'no octal digits', kind: 'CephVolume', spec: { filesystem: 'f', mode: 789 }, fits: false },
    { reason: 'the value of 0o755', kind: 'CephVolume', spec: { filesystem: 'f', mode: 0o755 }, fits: false },
    { reason: 'octal digits', kind: 'CephVolume', spec: { filesystem: 'f', mode: 1777 }, fits: true },
    {
      reason: 'no time at all',
      kind: 'CephSnapshot',
      spec: { filesystem: 'f', volume: 'v', retention: { keepFor: '0d' } },
      fits: false,
    },
    {
      reason: 'a week',
      kind: 'CephSnapshot',
      spec: { filesystem: 'f', volume: 'v', retention: { keepFor: '7d' } },
      fits: true,
    },
  ])('a value of $kind: $reason', ({ kind, spec, fits }) => {
    expect(cephKinds.find(one => one.kind === kind)?.schema.safeParse(spec).success).toBe(fits)
  })

  it.each([
    [7, '007'],
    ['007', '007'],
    ['0070', '070'],
    [755, '755'],
    ['01777', '1777'],
  ])('permissions %j are as they are read back: %s', (mode, read) => {
    const kind = cephKinds.find(one => one.kind === 'CephVolume')
    expect(kind?.canonical({ filesystem: 'f', mode }, meta()).mode).toBe(read)
  })

  it('reads sizes as Ceph’s own clients do', () => {
    const sizes = ['10GiB', '10G', '10GB', '1.5M', '512', 7, 'x'].map(bytesOf)
    expect(sizes).toEqual([10 * 2 ** 30, 10 * 2 ** 30, 10 * 2 ** 30, 1.5 * 2 ** 20, 512, 7, undefined])
  })
})

describe('a series of snapshots', () => {
  const hour = 3_600_000
  const start = Date.UTC(2026, 10, 21, 8)
  const names = [0, 1, 2, 3].map(n => snapshotName('nightly', start + n * 24 * hour))

  it('has the time in its names', () => {
    expect(names[0]).toBe('nightly-20261121T080000Z')
    expect(timeOf('nightly', names[1] ?? '')).toBe(start + 24 * hour)
    expect(timeOf('nightly', 'nightly-by-hand')).toBeUndefined()
  })
  const rows = [
    { reason: 'nothing said, nothing goes', retention: {}, gone: 0 },
    { reason: 'the last two stay', retention: { keepLast: 2 }, gone: 2 },
    { reason: 'two days are kept', retention: { keepFor: '2d' }, gone: 1 },
    { reason: 'either lets go', retention: { keepLast: 3, keepFor: '1d' }, gone: 2 },
    { reason: 'more kept than there are', retention: { keepLast: 9 }, gone: 0 },
  ]
  for (const { reason, retention, gone } of rows) {
    it(reason, () => {
      const all = ['other-20200101T000000Z', 'nightly', ...names]
      expect(expired('nightly', all, retention, start + 72 * hour)).toEqual(names.slice(0, gone))
    })
  }
})

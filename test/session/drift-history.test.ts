import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import type { FileSystem } from '../../src/model/ports.js'
import type { DriftReport } from '../../src/report/drift/model.js'
import { readDriftHistory, withScan, writeDriftHistory } from '../../src/session/drift-history.js'

/** A report of one resource, at a day of January. */
function scan(day: number, status: 'in-sync' | 'modified' | 'unreadable'): DriftReport {
  const attributes =
    status === 'modified' ? [{ path: 'size', status: 'modified' as const, from: 1, to: 2 }] : []
  return {
    format: 'infra.drift/v1',
    stack: 's',
    at: `2026-01-0${day}T00:00:00.000Z`,
    milliseconds: 1,
    base: { lineage: 'l', serial: 1 },
    connections: {},
    outcome: 'none',
    counts: {
      resources: 1,
      inSync: 0,
      modified: 0,
      deleted: 0,
      unreadable: 0,
      unmanaged: 0,
      attributes: 0,
      ignored: 0,
    },
    resources: [
      {
        address: 'Volume/a',
        kind: 'Volume',
        name: 'a',
        connection: 'embedded',
        status,
        ...(status === 'unreadable' && { why: 'no answer' }),
        attributes,
        source: { file: 's.yaml', line: 1 },
      },
    ],
    unmanaged: [],
    unlisted: [],
    ignores: { expired: [], unused: [] },
  }
}

const day = (number: number) => `2026-01-0${number}T00:00:00.000Z`

describe('the history of drift', () => {
  const rows = [
    {
      reason: 'what is seen again keeps its first day',
      scans: [scan(1, 'modified'), scan(3, 'modified')],
      ends: [{ first: day(1), last: day(3) }],
    },
    {
      reason: 'what is put back is gone from then on',
      scans: [scan(1, 'modified'), scan(2, 'in-sync')],
      ends: [{ first: day(1), last: day(1), gone: day(2) }],
    },
    {
      reason: 'what cannot be read is neither seen nor gone',
      scans: [scan(1, 'modified'), scan(2, 'unreadable')],
      ends: [{ first: day(1), last: day(1) }],
    },
    {
      reason: 'what comes again is a new sighting',
      scans: [scan(1, 'modified'), scan(2, 'in-sync'), scan(4, 'modified')],
      ends: [
        { first: day(1), last: day(1), gone: day(2) },
        { first: day(4), last: day(4) },
      ],
    },
  ]
  test.each(rows)('$reason', ({ scans, ends }) => {
    const history = scans.reduce(
      (before, report) => withScan(before, report),
      [] as ReturnType<typeof withScan>,
    )
    expect(history).toEqual(
      ends.map(end => ({
        subject: 'Volume/a',
        connection: 'embedded',
        rule: 'modified',
        path: 'size',
        ...end,
      })),
    )
  })

  test('a look at a part leaves the rest as it was', () => {
    const seen = withScan([], scan(1, 'modified'))
    expect(withScan(seen, scan(2, 'in-sync'), subject => subject !== 'Volume/a')).toEqual(seen)
    expect(withScan([], scan(2, 'modified'), subject => subject !== 'Volume/a')).toEqual([])
  })

  test('what nobody declared is not gone where it could not be listed', () => {
    const found = { kind: 'Volume', name: 'x', connection: 'embedded', place: 'in pool vms' }
    const seen = withScan([], { ...scan(1, 'in-sync'), unmanaged: [found] })
    expect(seen).toMatchObject([{ subject: 'Volume/x', rule: 'unmanaged', first: day(1) }])
    const unlisted = [{ connection: 'embedded', why: 'no answer' }]
    expect(withScan(seen, { ...scan(2, 'in-sync'), unlisted })).toEqual(seen)
    expect(withScan(seen, scan(3, 'in-sync'))).toMatchObject([{ gone: day(3) }])
  })

  test('what two hosts have of one name are two', () => {
    const on = (connection: string) => ({ kind: 'Volume', name: 'x', connection, place: 'in pool vms' })
    const both = withScan([], { ...scan(1, 'in-sync'), unmanaged: [on('one'), on('two')] })
    expect(both).toMatchObject([{ connection: 'one' }, { connection: 'two' }])
    const left = withScan(both, { ...scan(2, 'in-sync'), unmanaged: [on('two')] })
    expect(left.map(({ gone, last }) => [gone, last])).toEqual([
      [day(2), day(1)],
      [undefined, day(2)],
    ])
  })

  test('what was written before its connection was is the same on any', () => {
    const old = { subject: 'Volume/x', rule: 'unmanaged' as const, first: day(1), last: day(1) }
    const found = { kind: 'Volume', name: 'x', connection: 'two', place: 'in pool vms' }
    expect(withScan([old], { ...scan(2, 'in-sync'), unmanaged: [found] })).toEqual([{ ...old, last: day(2) }])
  })
})

test('what is still there is not forgotten, however much was seen since', () => {
  const seen = (subject: string) => ({ subject, rule: 'modified' as const, first: day(1), last: day(1) })
  const gone = Array.from({ length: 10_000 }, (_, index) => ({ ...seen(`Volume/${index}`), gone: day(2) }))
  const there = { ...seen('Volume/a'), path: 'size' }
  const after = withScan([there, ...gone], scan(3, 'modified'))
  expect(after).toHaveLength(10_000)
  expect(after[0]).toEqual({ ...there, last: day(3) })
  expect(after[1]?.subject).toBe('Volume/1')
})

describe('what is written while an apply begins', () => {
  const files = nodePorts.files
  /** Removes what is half written just before it is renamed, so many times: as whoever takes the lock does. */
  const swept = (times: number): FileSystem => ({
    ...files,
    async replace(path, bytes, mode) {
      times -= 1
      if (times < 0) return files.replace(path, bytes, mode)
      throw Object.assign(new Error('ENOENT: no such file or directory, rename'), { code: 'ENOENT' })
    },
  })
  const written = async (times: number) => {
    const folder = await mkdtemp(join(tmpdir(), 'infra-history-'))
    try {
      await writeDriftHistory(swept(times), folder, [])
      return await readDriftHistory(files, folder)
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  test('is written again', async () => {
    expect(await written(2)).toEqual([])
  })

  test('is an error of the family where it never comes through', async () => {
    await expect(written(100)).rejects.toMatchObject({
      kind: 'storage',
      message: expect.stringContaining('history of drift'),
    })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InfraErrors } from '../../../src/model/error.js'
import { globMatches } from '../../../src/report/drift/glob.js'
import { applyIgnores, driftIgnoreFileName, readIgnores } from '../../../src/report/drift/ignores.js'
import { cpuMilliseconds } from '../../cpu.js'

const read = (body: string) =>
  readIgnores({
    name: driftIgnoreFileName,
    text: `apiVersion: infra/v1\nkind: DriftIgnores\nignores:\n${body}`,
  })
const noon = (day: string) => Date.parse(`${day}T12:00:00Z`)

describe('a file of ignores', () => {
  it('gives each its line', () => {
    expect(
      read('  - address: A/*\n    reason: r\n  - {address: B/b, path: x.y, reason: s, until: 2026-12-31}\n'),
    ).toEqual([
      { address: 'A/*', reason: 'r', line: 4 },
      { address: 'B/b', path: 'x.y', reason: 's', until: '2026-12-31', line: 6 },
    ])
  })

  it.each([
    ['no reason', '  - {address: A/a}', 'missing-field'],
    ['an empty reason', '  - {address: A/a, reason: ""}', 'invalid-value'],
    ['a day that is none', '  - {address: A/a, reason: r, until: 2026-02-30}', 'invalid-value'],
    ['a misspelt field', '  - {address: A/a, reason: r, untill: 2026-02-20}', 'unknown-field'],
  ])('is refused for %s', (_reason, body, code) => {
    try {
      read(body)
      expect.unreachable()
    } catch (thrown) {
      const errors = (thrown as InfraErrors).errors
      expect(thrown).toBeInstanceOf(InfraErrors)
      expect(errors.map(error => error.code)).toEqual([code])
      expect(errors[0]?.place).toMatchObject({ file: driftIgnoreFileName, line: 4 })
    }
  })
})

describe('an ignore', () => {
  it.each([
    ['the attribute', { address: 'A/a', path: 'x.y' }, 'A/a', 'x.y', true],
    ['what is below it', { address: 'A/a', path: 'x' }, 'A/a', 'x.y.z', true],
    ['an element of a list below it', { address: 'A/a', path: 'disks' }, 'A/a', 'disks[vdb].size', true],
    ['any element', { address: 'A/a', path: 'disks[*].size' }, 'A/a', 'disks[vdb].size', true],
    ['not another field that begins alike', { address: 'A/a', path: 'x' }, 'A/a', 'xy', false],
    ['not what is above it', { address: 'A/a', path: 'x.y' }, 'A/a', 'x', false],
    ['not another resource', { address: 'A/a', path: 'x' }, 'A/ab', 'x', false],
    ['all of a resource', { address: 'A/*' }, 'A/web[a]', 'x', true],
    ['its being gone', { address: 'A/a' }, 'A/a', undefined, true],
    [
      'its being gone only when it is about all of it',
      { address: 'A/a', path: '*' },
      'A/a',
      undefined,
      false,
    ],
  ])('covers %s', (_reason, ignore, address, path, expected) => {
    const { of } = applyIgnores([{ reason: 'r', line: 1, ...ignore }], 0)
    expect(of(address, path) !== undefined).toBe(expected)
  })

  it.each([
    ['2026-05-09', false],
    ['2026-05-10', true],
    ['2026-05-11', true],
    [undefined, true],
  ])('until %s holds on 2026-05-10: %s', (until, holds) => {
    const ignore = { address: '*', reason: 'r', line: 1, ...(until && { until }) }
    const { of, expired, unused } = applyIgnores([ignore], noon('2026-05-10'))
    expect(unused()).toHaveLength(holds ? 1 : 0)
    expect(of('A/a') !== undefined).toBe(holds)
    expect(expired).toHaveLength(holds ? 0 : 1)
    expect(unused()).toHaveLength(0)
  })
})

describe('a pattern', () => {
  it('means the same as its regular expression', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
    fc.assert(
      fc.property(word, word, (pattern, raw) => {
        const text = raw.replaceAll('*', 'c')
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
        expect(globMatches(pattern, text)).toBe(expression.test(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('is quick, however it is made', () => {
    const milliseconds = cpuMilliseconds(() => {
      expect(globMatches(`${'*a'.repeat(250)}b`, 'a'.repeat(5000))).toBe(false)
    })
    expect(milliseconds).toBeLessThan(1000)
  })
})

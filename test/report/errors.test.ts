import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InfraError, InfraErrors } from '../../src/model/error.js'
import { errorData, renderError } from '../../src/report/errors.js'
import { controls, hostileText } from './hostile.js'

const unknownField = new InfraError({
  kind: 'validation',
  code: 'unknown-field',
  address: 'VirtualMachine/web',
  message: 'spec has no field `vcpu`',
  why: 'the kind’s fields are fixed',
  hint: 'Did you mean `vcpus`?',
  place: { file: 'stack.yaml', line: 12, column: 5, text: '    vcpu: 2', length: 4 },
})

describe('an error on a terminal', () => {
  it('tells what, where with the line and a mark, why, and what to do', () => {
    expect(renderError(unknownField, { colour: false })).toBe(
      [
        'error: spec has no field `vcpu`',
        '  resource: VirtualMachine/web',
        '  at: stack.yaml:12:5',
        '  12 |     vcpu: 2',
        '     |     ^^^^',
        '  why: the kind’s fields are fixed',
        '  do: Did you mean `vcpus`?',
        '',
      ].join('\n'),
    )
  })

  it('says the same in colour', () => {
    const coloured = renderError(unknownField, { colour: true })
    expect(coloured).toContain('\u001b[')
    expect(stripVTControlCharacters(coloured)).toBe(renderError(unknownField, { colour: false }))
  })

  it.each([
    [
      'a mark below wide characters',
      { line: 1, column: 3, text: '日本x', length: 1 },
      '  1 | 日本x\n    |     ^\n',
    ],
    [
      'a mark below an escaped character',
      { line: 1, column: 2, text: '\tx', length: 1 },
      '  1 | \\tx\n    |   ^\n',
    ],
    ['a mark behind the end of the line', { line: 1, column: 4, text: 'abc' }, '  1 | abc\n    |    ^\n'],
  ])('puts %s', (_reason, place, shown) => {
    const error = new InfraError({
      kind: 'validation',
      code: 'x',
      message: 'm',
      place: { file: 'f', ...place },
    })
    expect(renderError(error, { colour: false })).toContain(shown)
  })

  it('keeps the mark in view on a line of any length', () => {
    const text = `${'a'.repeat(100_000)}HERE${'b'.repeat(100_000)}`
    const place = { file: 'f', line: 1, column: 100_001, text, length: 4 }
    const shown = renderError(new InfraError({ kind: 'validation', code: 'x', message: 'm', place }), {
      colour: false,
      width: 60,
    })
    const [line = '', mark = ''] = shown.split('\n').slice(2, 4)
    expect(line.length).toBeLessThanOrEqual(60)
    expect(line.slice(mark.indexOf('^'), mark.lastIndexOf('^') + 1)).toBe('HERE')
  })

  it('lists all of many up to a hundred, and counts them', () => {
    const errors = (count: number) => new InfraErrors(Array.from({ length: count }, () => unknownField))
    expect(renderError(errors(3), { colour: false }).match(/^error:/gm)).toHaveLength(3)
    expect(renderError(errors(3), { colour: false })).toMatch(/^3 errors$/m)
    expect(renderError(errors(500), { colour: false }).match(/^error:/gm)).toHaveLength(100)
    expect(renderError(errors(500), { colour: false })).toContain(
      '500 errors, of which the first 100 are listed',
    )
  })

  it('tells the system’s own words only when asked to', () => {
    const error = new InfraError({
      kind: 'connection',
      code: 'x',
      message: 'm',
      why: 'w',
      cause: new Error('ECONN 7'),
    })
    expect(renderError(error, { colour: false })).not.toContain('ECONN')
    expect(renderError(error, { colour: false, verbose: true })).toContain('  said: ECONN 7')
  })

  it('calls what was not raised on purpose a defect', () => {
    expect(renderError(new TypeError('x is undefined'), { colour: false })).toContain('defect')
    expect(errorData('thrown text').errors).toEqual([{ code: 'bug', message: 'thrown text' }])
  })

  it('is plain data for scripts, without what only makes sense inside', () => {
    expect(errorData(unknownField).errors[0]).toEqual(unknownField.details())
  })

  it('cannot be written over by what it is about', () => {
    fc.assert(
      fc.property(hostileText, fc.nat(20), (text, column) => {
        const place = { file: text, line: 1, column: column + 1, text, length: 3 }
        const error = new InfraError({
          kind: 'validation',
          code: 'x',
          message: text,
          why: text,
          hint: text,
          address: text,
          place,
        })
        expect(renderError(error, { colour: false, width: 60 })).not.toMatch(controls)
      }),
    )
  })
})

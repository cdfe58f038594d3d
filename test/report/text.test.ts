import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { columns, cut, duration, gibibytes, pad, visible, wrap } from '../../src/report/text.js'
import { attacks } from './hostile.js'

describe('visible', () => {
  it.each([
    ['plain text stays', 'web-1 $x', 'web-1 $x'],
    ['line ends cannot start a new line', 'a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['escape sequences cannot colour', '\u001b[31m', '\\u{1b}[31m'],
    ['text cannot be turned around', '\u202egnp', '\\u{202e}gnp'],
    ['names cannot differ by what is not seen', 'a\u200bb', 'a\\u{200b}b'],
    ['other scripts are text', 'größe 日本', 'größe 日本'],
    ['half a character is told', '\ud800', '\\u{d800}'],
  ])('%s', (_reason, text, expected) => {
    expect(visible(text)).toBe(expected)
  })

  it('leaves nothing that moves the cursor or ends a line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...attacks), fc.string({ unit: 'binary' })), text => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(visible(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/)
        expect(visible(visible(text))).toBe(visible(text))
      }),
    )
  })
})

describe('cut, pad and wrap', () => {
  it('keep to the columns they were given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (raw, width) => {
        const text = visible(raw)
        expect(columns(cut(text, width))).toBeLessThanOrEqual(width)
        expect(columns(pad(text, width))).toBeGreaterThanOrEqual(width)
        for (const line of wrap(text, width))
          expect(columns(line)).toBeLessThanOrEqual(Math.max(width, 10) + 1)
        expect(wrap(text, width).join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
    )
  })

  it('counts wide characters twice', () => {
    expect(columns('日本')).toBe(4)
    expect(cut('日本語', 4)).toBe('日…')
  })
})

describe('amounts', () => {
  it.each([
    [999, '999 ms'],
    [12_345, '12.3 s'],
    [59_999, '60.0 s'],
    [245_000, '4 min 5 s'],
    [7_800_000, '2 h 10 min'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(duration(milliseconds)).toBe(text)
  })

  it.each([
    [20, '20 GiB'],
    [1536, '1.5 TiB'],
    [0.5, '512 MiB'],
    [1 / 2 ** 30, '1 bytes'],
  ])('%d GiB is %s', (gib, text) => {
    expect(gibibytes(gib)).toBe(text)
  })
})

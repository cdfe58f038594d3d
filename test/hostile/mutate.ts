/** Valid samples made hostile: bytes and structure changed by chance, which a seed decides. */
import { isObject, type Json } from '../../src/model/value.js'
import type { Dice } from '../sim/dice.js'

/** What stands where something else is expected. */
const strangers: readonly (() => Json)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1e308,
  () => 2 ** 53,
  () => 0.5,
  () => '',
  () => 'x',
  () => '__proto__',
  () => '../../../etc/passwd',
  () => '\u0000\u001b[2J\u202e',
  () => 'x'.repeat(100_000),
  () => [],
  () => [null],
  () => ({}),
  () => ({ toString: 1, length: -1, size: null }),
  () => JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": 1}}'),
  () => Array.from({ length: 1000 }, () => 'x'),
  () => nested(500),
]

function nested(depth: number): Json {
  let value: Json = 1
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

type Place = { readonly holder: Json[] | Record<string, Json>; readonly key: string | number }

function places(value: Json, found: Place[] = []): Place[] {
  if (Array.isArray(value))
    for (const [key, one] of value.entries()) {
      found.push({ holder: value as Json[], key })
      places(one, found)
    }
  else if (isObject(value))
    for (const [key, one] of Object.entries(value)) {
      found.push({ holder: value as Record<string, Json>, key })
      places(one, found)
    }
  return found
}

/** A copy of a value with one to three places of it changed, taken out, repeated or put elsewhere. */
export function mutatedJson(sample: Json, dice: Dice): Json {
  const root: Record<string, Json> = { value: structuredClone(sample) }
  for (let left = 1 + dice.roll(3); left > 0; left -= 1) {
    const all = places(root)
    const { holder, key } = dice.pick(all)
    const slots = holder as Record<string | number, Json>
    const stranger = dice.pick(strangers)
    const change = dice.roll(8)
    if (change < 4) slots[key] = stranger()
    else if (change === 4 && !Array.isArray(holder) && holder !== root) delete slots[key]
    else if (change === 5 && Array.isArray(holder)) holder.push(structuredClone(slots[key] as Json))
    else if (change === 6) {
      const other = dice.pick(all)
      slots[key] = structuredClone((other.holder as Record<string | number, Json>)[other.key] as Json)
    } else if (!Array.isArray(holder)) slots[dice.pick(['x', 'kind', 'name', 'length'])] = stranger()
    else slots[key] = stranger()
  }
  return root.value ?? null
}

/** A copy of bytes with one to four runs of them changed, cut out, repeated or put in. */
export function mutatedBytes(sample: Uint8Array, dice: Dice): Buffer {
  let bytes: Buffer = Buffer.from(sample)
  for (let left = 1 + dice.roll(4); left > 0; left -= 1) {
    const at = dice.roll(bytes.length + 1)
    const end = Math.min(bytes.length, at + 1 + dice.roll(dice.pick([1, 4, 64, 4096])))
    const [before, run, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
    const noise = Buffer.from(run).map(() => dice.roll(256))
    const change = dice.roll(7)
    if (change === 0) bytes = Buffer.concat([before, after])
    else if (change === 1) bytes = Buffer.concat([before, run, run, run, after])
    else if (change === 2) bytes = Buffer.concat([before, noise, after])
    else if (change === 3) bytes = Buffer.concat([before, noise, run, after])
    else if (change === 4) bytes = before
    else if (change === 5)
      bytes = Buffer.concat([before, Buffer.from(run).map(byte => byte ^ (1 << dice.roll(8))), after])
    else bytes = Buffer.concat([before, Buffer.from(dice.pick(tokens)), after])
  }
  return bytes
}

/** What means something to one reader or another. */
const tokens = [
  ...[
    '\0',
    '\n',
    '\r\n',
    '\t',
    '"',
    "'",
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '&a',
    '*a',
    '- ',
    '? ',
    '---\n',
    '<',
    '>',
    '&',
  ],
  ...[
    '</',
    '<![CDATA[',
    ']]>',
    '<!--',
    '&#0;',
    '&#xD800;',
    '<!DOCTYPE a [',
    'null',
    'true',
    '1e999',
    '-0',
    '0x',
    '.nan',
  ],
  ...[
    '!!js/function',
    '$' + '{var.a}',
    '$' + '{',
    '%YAML 9',
    '__proto__',
    '\u202e',
    '\ufeff',
    '\ud800',
    '9'.repeat(400),
  ],
  ...['\xff\xff\xff\xff', '\x7f\xff\xff\xff', '\x80\0\0\0'],
]

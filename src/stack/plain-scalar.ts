/** Plain scalars of YAML 1.2's core schema, in the spellings that leave no doubt. */
import type { Json } from '../model/value.js'

/** Given, or thrown, instead of a value: the full parser has to look. */
export const declined = Symbol('declined')

const integerPattern = /^(?:0|-?[1-9][0-9]{0,14})$/
const decimalPattern = /^-?(?:0|[1-9][0-9]{0,8})\.[0-9]{1,6}$/
/** Every spelling of a number of the core schema; those that are not of the two patterns above are declined. */
const numberPattern =
  /^(?:0o[0-7]+|0x[0-9a-fA-F]+|[-+]?[0-9]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/
/** Whether the key is read as a string, and is one that a plain object can hold. */
export function isPlainKey(key: string): boolean {
  return key !== '__proto__' && key !== 'toString' && typeof scalar(key) === 'string'
}

/** A plain scalar by YAML 1.2's core schema. */
export function scalar(text: string): Json {
  const first = text.charCodeAt(0)
  const digit = (first >= 48 && first <= 57) || first === 45 || first === 43 || first === 46
  if (digit) {
    if (integerPattern.test(text) || decimalPattern.test(text)) return Number(text)
    if (numberPattern.test(text)) throw declined
    return text
  }
  switch (text) {
    case 'true':
    case 'True':
    case 'TRUE':
      return true
    case 'false':
    case 'False':
    case 'FALSE':
      return false
    case '~':
    case 'null':
    case 'Null':
    case 'NULL':
      return null
    default:
      return text
  }
}

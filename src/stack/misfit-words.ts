/** What a schema says of a value, in the words of who writes documents: `must be a number, and is a list`. */

const types: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'empty',
}

/** A message of the schema's library in plain words; any other, such as a kind's own, as it is. */
export function inWords(said: string): string {
  const wrongType = /^(?:Invalid input: )?expected (\w+), received (\w+)$/.exec(said)
  if (wrongType) return typeText(wrongType[1] ?? '', wrongType[2] ?? '')
  const options = /^Invalid option: expected one of (.+)$/.exec(said)?.[1]
  if (options !== undefined) return `must be one of ${options.replaceAll('"', '').split('|').join(', ')}`
  const only = /^(?:Invalid input: )?expected "(.+)"$/.exec(said)?.[1]
  if (only !== undefined) return `must be ${only}`
  const bound = /^Too (?:small|big): expected (\w+) to (?:be|have) ([<>]=?)(-?[\d.]+)/.exec(said)
  if (bound) return boundText(bound[1] ?? '', bound[2] ?? '', bound[3] ?? '')
  return said.replace(/^Invalid (?:input|string): /, '')
}

/** Several of these as one: `must be a number or a text, and is a list`. */
export function anyOf(told: readonly string[]): string {
  const parts = told.map(one => /^must be (.+), and is (.+)$/.exec(one))
  const is = parts[0]?.[2]
  const alike = is !== undefined && parts.every(part => part?.[2] === is)
  return alike ? `must be ${parts.map(part => part?.[1]).join(' or ')}, and is ${is}` : told.join(', or: ')
}

function typeText(expected: string, received: string): string {
  const wanted = `must be ${types[expected] ?? expected}`
  if (expected === 'int' && received === 'number') return wanted
  return types[received] === undefined ? wanted : `${wanted}, and is ${types[received]}`
}

const bounds: Readonly<Record<string, string>> = {
  '>': 'more than',
  '>=': 'at least',
  '<': 'less than',
  '<=': 'at most',
}

function boundText(type: string, sign: string, limit: string): string {
  if (type !== 'string' && type !== 'array') return `must be ${bounds[sign]} ${limit}`
  if (sign === '>=' && limit === '1') return 'must not be empty'
  const unit = type === 'string' ? 'character' : 'item'
  return `must have ${bounds[sign]} ${limit} ${unit}${limit === '1' ? '' : 's'}`
}

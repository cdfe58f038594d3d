/** Plain data: what a stack file, a state, a plan and a provider exchange. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type Attributes = { readonly [key: string]: Json }

/**
 * A value that can be known only once another resource exists: the text with its `${Kind.name.path}` still in it.
 * It stands in a desired resource in the place of the value and is resolved when the step runs.
 */
export type Unresolved = {
  readonly $unresolved: string
  /**
   * It refers to a secret that another resource holds, and stays a reference wherever it is kept: in plan, journal and state.
   * A digest tells a changed secret from an unchanged one; `?` where the secret is not known.
   */
  readonly $secret?: string
}

/** Whether a value is a reference that is known only later. */
export function isUnresolved(value: Json | undefined): value is Unresolved {
  return isObject(value) && typeof value.$unresolved === 'string'
}

/** Whether a value is, or holds, a reference to another resource's secret. */
export function holdsSecret(value: Json | undefined): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (isUnresolved(value)) return value.$secret !== undefined
  return Object.values(value).some(holdsSecret)
}

/** Whether a value is a map. */
export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text, number or boolean as text; undefined for anything else, which may bring a `toString` of its own. */
export function scalarText(value: Json | undefined): string | undefined {
  return typeof value === 'object' || value === undefined ? undefined : String(value)
}

/**
 * What stands in the place of a secret in everything that is shown or saved: a keyed digest that tells a changed secret from
 * an unchanged one to who has the key, or `true` where there was no key.
 */
export type Sensitive = { readonly $sensitive: string | true }

/** Whether a value is a mask and nothing else: a document that only looks like one is still to be masked. */
export function isSensitive(value: Json | undefined): value is Sensitive {
  if (!isObject(value) || Object.keys(value).length !== 1) return false
  const digest = value.$sensitive
  return digest === true || (typeof digest === 'string' && /^[0-9a-f]{16}$/.test(digest))
}

/** Deep equality of plain data, whatever the order of keys. */
export function sameValue(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, index) => sameValue(item, b[index]))
  }
  if (Array.isArray(b)) return false
  const left = a as { readonly [key: string]: Json }
  const right = b as { readonly [key: string]: Json }
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every(key => Object.hasOwn(right, key) && sameValue(left[key], right[key]))
}

/** Most objects are small and in order already; to sort them anyway is a tenth of what a plan allocates. */
function sortedKeys(record: { readonly [key: string]: Json }): string[] {
  const keys = Object.keys(record)
  for (let at = 1; at < keys.length; at += 1) if ((keys[at - 1] ?? '') > (keys[at] ?? '')) return keys.sort()
  return keys
}

/** JSON with sorted keys and no white space: the same bytes for the same value. */
export function canonicalJson(value: Json | undefined): string {
  if (value === undefined) return 'null'
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const record = value as { readonly [key: string]: Json }
  let fields = ''
  for (const key of sortedKeys(record)) {
    if (record[key] === undefined) continue
    fields += `${fields === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(record[key])}`
  }
  return `{${fields}}`
}

/** What stands for a secret in everything that people read. */
export const secretText = '(sensitive)'

/**
 * The fields that have a value, neither undefined nor null, and those of `changes` in their place. Two arguments and not one
 * literal that spreads and overwrites: V8 takes twenty times as long for that.
 */
export function present(record: Fields, changes?: Fields): Attributes {
  const all = changes ? Object.assign({}, record, changes) : record
  const keys = Object.keys(all)
  // Most records lack nothing, and need not be built a second time.
  if (changes && keys.every(key => all[key] !== undefined && all[key] !== null && key !== '__proto__'))
    return all as Attributes
  const known: { [key: string]: Json } = {}
  for (const key of keys) {
    const value = all[key]
    // Assigning that key would set a prototype instead.
    if (value !== undefined && value !== null && key !== '__proto__') known[key] = value
  }
  return known
}

interface Fields {
  readonly [key: string]: Json | undefined
}

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** The elements of a forEach, and values of the metadata: these are known before any resource is. */
import type { Address } from '../model/address.js'
import { isObject, type Json } from '../model/value.js'
import type { RawResource } from './envelope.js'
import { interpolate } from './interpolate.js'
import { isName, nameHint } from './name.js'
import type { Path, Problems } from './problems.js'
import { type Each, lookUpKnown } from './scope.js'
import type { TemplateText } from './template-text.js'
import type { Values } from './variables.js'

/** What the values of metadata can hang on. */
export interface MetadataScope {
  readonly values: Values
  readonly texts: Map<string, TemplateText>
  readonly problems: Problems
}

/** The elements of a forEach; none after a problem. */
export function elementsOf(
  raw: RawResource,
  forEach: Json,
  address: Address,
  context: MetadataScope,
): Each[] {
  const { document } = raw
  const path: Path = ['metadata', 'forEach']
  const told = { document, address }
  let sensitive = false
  const before = context.problems.count
  const value = evaluate(forEach, raw, undefined, path, context, () => {
    sensitive = true
  })
  if (context.problems.count > before || value === failed) return []
  if (sensitive) {
    const message = 'A forEach cannot go over secrets.'
    const why = 'Its keys become part of addresses, which are shown.'
    context.problems.add({ ...told, path, code: 'sensitive-name', message, why })
    return []
  }
  let entries: [Json | undefined, Json][]
  if (Array.isArray(value)) {
    entries = (value as readonly Json[]).map(item => [isObject(item) ? (item.key ?? item.name) : item, item])
  } else if (isObject(value)) {
    entries = Object.entries(value)
  } else {
    const message = '`metadata.forEach` must be a list or a map.'
    context.problems.add({ ...told, path, code: 'invalid-value', message })
    return []
  }
  const seen = new Set<string>()
  const elements: Each[] = []
  for (const [index, [raw, item]] of entries.entries()) {
    const key = typeof raw === 'string' || typeof raw === 'number' ? String(raw) : undefined
    const at = { ...told, path: Array.isArray(forEach) ? [...path, index] : path }
    if (key === undefined) {
      const message = 'An element of a forEach has no key.'
      const hint = 'Use a list of texts, a list of maps that have a `name` or `key`, or a map.'
      context.problems.add({ ...at, code: 'invalid-value', message, hint })
    } else if (!isName(key)) {
      const message = `A key of a forEach cannot be ${JSON.stringify(key.slice(0, 60))}.`
      context.problems.add({ ...at, code: 'invalid-name', message, hint: nameHint })
    } else if (seen.has(key)) {
      const message = `The key \`${key}\` is twice in the forEach.`
      context.problems.add({ ...at, code: 'duplicate-name', message, hint: 'Remove one of them.' })
    } else {
      seen.add(key)
      elements.push({ key, value: item, sensitive: false })
    }
  }
  return elements
}

/** Given instead of a value when something is wrong with it, which was told. */
export const failed = Symbol('failed')

/** A value of the metadata, which may refer to variables, the environment and the instance, but not to resources. */
export function evaluate(
  value: Json,
  raw: RawResource,
  each: Each | undefined,
  at: Path,
  { values, texts, problems }: MetadataScope,
  onSensitive: (path: Path) => void,
): Json | typeof failed {
  let broken = false
  const result = interpolate(
    value,
    {
      texts,
      lookUp: reference =>
        lookUpKnown(
          reference,
          values,
          each,
          'What stands in the metadata must be known before any resource is.',
        ),
      onSensitive,
      onLater: () => {},
      onProblem: (path, find, problem) => {
        broken = true
        if (problem) problems.add({ ...problem, document: raw.document, path, find })
      },
    },
    at,
  )
  return broken ? failed : result
}

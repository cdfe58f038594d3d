// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** The values of a stack's variables: `--var`, then `--var-file`, then `INFRA_VAR_NAME`, then the default. */
import { runInNewContext } from 'node:vm'
import { isObject, type Json } from '../model/value.js'
import { readExact } from './exact-yaml.js'
import { readSource } from './files.js'
import { meant } from './nearest.js'
import { type Found, type ParsedDocument, type Problems, placeAt } from './problems.js'
import type { StackHead, VariableDeclaration } from './stack-document.js'

export interface Variable {
  readonly value: Json
  readonly sensitive: boolean
}

export interface Values {
  readonly variables: ReadonlyMap<string, Variable>
  /** The environment variables that the stack declares; undefined where one is not set. */
  readonly environment: ReadonlyMap<string, string | undefined>
  /** Declared variables without a usable value: told already. */
  readonly broken: ReadonlySet<string>
  readonly secrets: readonly string[]
}

export interface GivenValues {
  readonly variables: Readonly<Record<string, Json>>
  readonly variableFiles: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_-]*$/

/** Reads and checks the value of every declared variable. */
export async function readVariables(
  head: StackHead,
  given: GivenValues,
  problems: Problems,
): Promise<Values> {
  const { document, spec } = head
  const declared = new Map(Object.entries(spec.variables ?? {}))
  const files = await readVariableFiles(given.variableFiles, problems)
  for (const [name, { source }] of files) {
    if (!declared.has(name)) undeclared(name, source, declared.keys(), problems)
  }
  for (const name of Object.keys(given.variables)) {
    if (!declared.has(name)) undeclared(name, '--var', declared.keys(), problems)
  }
  const variables = new Map<string, Variable>()
  const broken = new Set<string>()
  for (const [name, declaration] of declared) {
    const at = { document, path: ['spec', 'variables', name], at: 'key' as const }
    if (!namePattern.test(name)) {
      const hint = 'Use letters, digits, dashes and underscores, and begin with a letter.'
      problems.add({ ...at, code: 'invalid-name', message: 'A variable cannot have that name.', hint })
      continue
    }
    const value = readValue(name, declaration, given, files, at, problems)
    if (value === undefined) broken.add(name)
    else variables.set(name, { value, sensitive: declaration.sensitive === true })
  }
  const secrets = [...variables.values()].flatMap(({ value, sensitive }) => (sensitive ? texts(value) : []))
  return {
    variables,
    broken,
    environment: readEnvironment(head, given, problems),
    secrets: [...new Set(secrets)],
  }
}

function undeclared(name: string, source: string, known: Iterable<string>, problems: Problems): void {
  problems.add({
    kind: 'configuration',
    code: 'unknown-variable',
    message: `The stack declares no variable \`${name}\`, which ${source} gives.`,
    hint: meant(name, known) ?? `Declare it under \`spec.variables\` of the Stack document.`,
  })
}

type At = Pick<Found, 'document' | 'path' | 'at'>
type FileValues = ReadonlyMap<string, { readonly value: Json; readonly source: string }>

function readValue(
  name: string,
  declaration: VariableDeclaration,
  given: GivenValues,
  files: FileValues,
  at: At,
  problems: Problems,
): Json | undefined {
  const type = declaration.type ?? 'string'
  const refuse = (message: string, hint?: string): undefined => {
    problems.add({ ...at, kind: 'configuration', code: 'invalid-variable', message, hint })
    return undefined
  }
  const [raw, source] = rawValue(name, declaration, given, files)
  if (raw === undefined) {
    problems.add({
      ...at,
      kind: 'configuration',
      code: 'missing-variable',
      message: `The variable \`${name}\` has no value.`,
      why: declaration.description,
      hint: `Give one: --var ${name}=VALUE, INFRA_VAR_${name}=VALUE, a --var-file, or a default.`,
    })
    return undefined
  }
  if (source === 'its default' && JSON.stringify(raw).includes('${')) {
    return refuse(`The default of the variable \`${name}\` cannot hold a reference.`, 'Write a plain value.')
  }
  // The value is never named: it may be a secret.
  const asText = source === '--var' || source.startsWith('INFRA_VAR_')
  const value = asText && typeof raw === 'string' ? fromText(raw, type) : raw
  if (value === undefined || !isOfType(value, type)) {
    const told = `The variable \`${name}\` must be a ${type}, which the value from ${source} is not.`
    return refuse(told, asText ? textHints[type] : valueHints[type])
  }
  const misfit = misfitOf(value, declaration)
  if (misfit === undefined) return value
  if (misfit === 'pattern-unusable')
    return refuse(
      `The pattern of the variable \`${name}\` cannot be used.`,
      'Write a simpler regular expression.',
    )
  const why = declaration.description ? ` (${declaration.description})` : ''
  return refuse(
    `The value of \`${name}\`${why} from ${source} ${misfit}.`,
    'Give a value that fits, or change what the variable takes.',
  )
}

/** What a value of the right type breaks of what its variable takes; never names the value, which may be a secret. */
function misfitOf(value: Json, declaration: VariableDeclaration): string | undefined {
  const { pattern, oneOf, minimum, maximum } = declaration
  if (pattern !== undefined && typeof value === 'string') {
    const fits = matches(pattern, value)
    if (fits === undefined) return 'pattern-unusable'
    if (!fits) return `does not match \`${pattern}\``
  }
  if (oneOf !== undefined && !oneOf.some(one => JSON.stringify(one) === JSON.stringify(value)))
    return `is not one of ${oneOf.map(one => JSON.stringify(one)).join(', ')}`
  if (typeof value !== 'number') return undefined
  if (minimum !== undefined && value < minimum) return `is less than ${minimum}`
  if (maximum !== undefined && value > maximum) return `is more than ${maximum}`
  return undefined
}

/** How a value of each type is written in YAML. */
const valueHints: Readonly<Record<string, string>> = {
  string: 'Write it in quotes.',
  number: 'Write a number, such as 2 or 0.5, without quotes.',
  boolean: 'Write true or false, without quotes.',
  list: 'Write a list, such as [a, b].',
  map: 'Write a map, such as {a: 1}.',
}

/** The same on a command line or in the environment, where everything is text. */
const textHints: Readonly<Record<string, string>> = {
  number: 'Write a number, such as 2 or 0.5.',
  boolean: 'Write true or false.',
  list: 'Write it as YAML or JSON, such as [a, b].',
  map: 'Write it as YAML or JSON, such as {a: 1}.',
}

function rawValue(
  name: string,
  declaration: VariableDeclaration,
  given: GivenValues,
  files: FileValues,
): readonly [Json | undefined, string] {
  if (Object.hasOwn(given.variables, name)) return [given.variables[name], '--var']
  const inFile = files.get(name)
  if (inFile) return [inFile.value, inFile.source]
  const exact = `INFRA_VAR_${name}`
  for (const key of [exact, `INFRA_VAR_${name.toUpperCase().replaceAll('-', '_')}`]) {
    const text = Object.hasOwn(given.environment, key) ? given.environment[key] : undefined
    if (text !== undefined) return [text, key]
  }
  return [declaration.default as Json | undefined, 'its default']
}

function fromText(text: string, type: string): Json | undefined {
  if (type === 'string') return text
  if (type === 'number')
    return /^[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?$/.test(text.trim()) ? Number(text) : undefined
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  const parsed = readExact(text)
  return 'value' in parsed ? parsed.value : undefined
}

function isOfType(value: Json, type: string): boolean {
  if (type === 'list') return Array.isArray(value)
  if (type === 'map') return isObject(value)
  if (type === 'number') return typeof value === 'number' && Number.isFinite(value)
  return typeof value === type
}

/** Milliseconds for a match. One that ends takes a thousandth of it, and longer where others have the processor. */
const longestMatch = 3_000

/**
 * Whether the whole text matches. A pattern comes with the stack, maybe a stranger's, and can take for ever: it runs under
 * a limit of time. Undefined where the pattern is none or hits that limit.
 */
function matches(pattern: string, text: string): boolean | undefined {
  try {
    const code = 'new RegExp(`^(?:${pattern})$`, "u").test(text)'
    return runInNewContext(code, { pattern, text }, { timeout: longestMatch }) as boolean
  } catch {
    return undefined
  }
}

async function readVariableFiles(paths: readonly string[], problems: Problems): Promise<FileValues> {
  const values = new Map<string, { value: Json; source: string }>()
  for (const path of paths) {
    const { file } = await readSource(path, path, 1024 * 1024)
    const parsed = readExact(file.text)
    if ('problems' in parsed) {
      for (const { offset, length, ...what } of parsed.problems) {
        // Without the line: it may hold a secret.
        const { text: _text, ...place } = placeAt(file, offset, length)
        problems.add({ ...what, kind: 'configuration', place })
      }
    } else if (isObject(parsed.value)) {
      for (const [name, value] of Object.entries(parsed.value)) values.set(name, { value, source: path })
    } else if (parsed.value !== null) {
      const message = `${path} must be a map of variables and values.`
      const hint = 'It is YAML: write `NAME: VALUE`, one on a line.'
      problems.add({ kind: 'configuration', code: 'invalid-variable', message, hint })
    }
  }
  return values
}

function readEnvironment(
  { document, spec }: { readonly document?: ParsedDocument; readonly spec: StackHead['spec'] },
  given: GivenValues,
  problems: Problems,
): ReadonlyMap<string, string | undefined> {
  const values = new Map<string, string | undefined>()
  for (const [index, name] of (spec.environment ?? []).entries()) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      const path = ['spec', 'environment', index]
      problems.add({
        document,
        path,
        code: 'invalid-name',
        message: 'That is no name of an environment variable.',
        hint: 'Use letters, digits and underscores, no digit first.',
      })
      continue
    }
    values.set(name, Object.hasOwn(given.environment, name) ? given.environment[name] : undefined)
  }
  return values
}

/** The texts in a value, as logs could show them. Short ones would redact half a log. */
function texts(value: Json): string[] {
  if (typeof value === 'string') return value.length >= 3 ? [value] : []
  if (typeof value === 'number') return String(value).length >= 3 ? [String(value)] : []
  if (Array.isArray(value)) return value.flatMap(texts)
  return isObject(value) ? Object.values(value).flatMap(texts) : []
}

/**
 * The full YAML parser, with positions: it decides whatever plain-yaml.ts declines, tells what is wrong and where, and finds
 * the place of a path for every other error. It costs ten times more, and is loaded only when it is needed.
 */
import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'
import type { Json } from '../model/value.js'
import { findTooDeep, maxNesting } from './depth.js'

/** Loaded at once and in a synchronous way, but only on first use: errors are located in synchronous code, too. */
let loaded: typeof Yaml | undefined
/** The YAML library, loaded on first use. */
export function yaml(): typeof Yaml {
  loaded ??= createRequire(import.meta.url)('yaml') as typeof Yaml
  return loaded
}

/** A mark in the text of one document. */
export interface Mark {
  readonly offset: number
  readonly length: number
}

export interface SyntaxProblem extends Mark {
  readonly code: string
  readonly message: string
  readonly why?: string
  readonly hint?: string
}

export type Parsed = { readonly value: Json } | { readonly problems: readonly SyntaxProblem[] }

/** Values that aliases may add to a document before it is taken for a bomb. */
const maxAliasedValues = 10_000

const parseOptions = {
  version: '1.2',
  schema: 'core',
  merge: false,
  // Found by the conversion below, which marks the second key and does not go on comparing all with all.
  uniqueKeys: false,
  stringKeys: false,
  prettyErrors: false,
  strict: true,
  logLevel: 'silent',
  keepSourceTokens: false,
} as const

/** Parses the text of one document. */
export function readExact(text: string): Parsed {
  const deep = findTooDeep(text)
  if (deep) {
    return {
      problems: [
        {
          code: 'too-deep',
          message: `The document nests more than ${maxNesting} levels deep.`,
          hint: 'Flatten it, or quote brackets that are meant as text.',
          offset: deep.offset,
          length: 1,
        },
      ],
    }
  }
  const { parseDocument } = yaml()
  let document: Yaml.Document.Parsed
  try {
    document = parseDocument(text, parseOptions) as Yaml.Document.Parsed
  } catch {
    return { problems: [{ code: 'syntax', message: 'The document is not YAML.', offset: 0, length: 1 }] }
  }
  if (document.errors.length > 0) {
    const told = document.errors.slice(0, 20).map(error => syntaxProblem(error, text))
    // what follows from a mistake is told of its own place; the mistake is what is told first
    return {
      problems: told.filter((one, index) => told.findIndex(other => other.offset === one.offset) === index),
    }
  }
  // An unknown tag is a warning to the parser; to us it is a value that means something else than it seems to.
  const tagged = document.warnings.map(warning => syntaxProblem(warning, text))
  const converter = new Converter(document)
  const value = converter.convert(document.contents, 0)
  const problems = [...tagged, ...converter.problems]
  return problems.length > 0 ? { problems } : { value }
}

const hints: Readonly<Record<string, string>> = {
  BAD_INDENT: 'Indent with the same number of spaces as the lines beside it.',
  TAB_AS_INDENT: 'Indent with spaces; YAML does not allow tabs there.',
  MISSING_CHAR: 'Close the quote or bracket, or quote the text as a whole.',
  BLOCK_AS_IMPLICIT_KEY: 'Quote the text if the colon belongs to it.',
  BLOCK_IN_FLOW: 'Write the brackets on one line, or use indented lines instead.',
  BAD_SCALAR_START: 'Quote the text: it begins with a character that means something in YAML.',
  TAG_RESOLVE_FAILED: 'Remove the tag: only plain values are supported.',
  BAD_ALIAS: 'Quote the text if the * or & belongs to it.',
  UNEXPECTED_TOKEN: 'Quote the text if the character belongs to it.',
  MULTILINE_IMPLICIT_KEY: 'Check for a missing colon on the line before, or a key that spans lines.',
}

function syntaxProblem(error: Yaml.YAMLParseError | Yaml.YAMLWarning, text: string): SyntaxProblem {
  const [from, to] = error.pos
  const lineEnd = text.indexOf('\n', from)
  const end = Math.min(to, lineEnd < 0 ? text.length : lineEnd)
  // a bracket that is never closed is told as an indent, on the line after it
  const open = /must .*end with an? [\]}]$/.test(error.message)
  const hint = hints[open ? 'MISSING_CHAR' : error.code]
  return {
    code: 'syntax',
    message: 'The document is not valid YAML.',
    why: error.message,
    ...(hint !== undefined && { hint }),
    offset: Math.min(from, text.length),
    length: Math.max(1, end - from),
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/

class Converter {
  readonly problems: SyntaxProblem[] = []
  #anchors = new Map<string, Yaml.Node>()
  #aliased = 0
  /** Collections that are being converted. */
  #open = new Set<unknown>()
  #inAlias = 0

  constructor(private readonly document: Yaml.Document.Parsed) {}

  convert(node: unknown, depth: number): Json {
    const { isAlias, isMap, isScalar, isSeq } = yaml()
    if (node === null || node === undefined) return null
    if (this.#inAlias > 0 && ++this.#aliased > maxAliasedValues) {
      if (this.#aliased === maxAliasedValues + 1) {
        this.#problem(
          node as Yaml.Node,
          'alias-bomb',
          'The aliases of the document expand to too many values.',
          {
            hint: 'Write the values out, or use a template or forEach.',
          },
        )
      }
      return null
    }
    if (isAlias(node)) return this.#alias(node, depth)
    const { anchor } = node as { anchor?: string }
    if (anchor && this.#inAlias === 0) this.#anchors.set(anchor, node as Yaml.Node)
    if (depth > maxNesting) {
      this.#problem(node as Yaml.Node, 'too-deep', `The document nests more than ${maxNesting} levels deep.`)
      return null
    }
    if (isScalar(node)) return this.#scalar(node)
    this.#open.add(node)
    const value = isSeq(node)
      ? node.items.map(item => this.convert(item, depth + 1))
      : isMap(node)
        ? this.#map(node, depth)
        : null
    this.#open.delete(node)
    return value
  }

  #alias(node: Yaml.Alias, depth: number): Json {
    const target = this.#anchors.get(node.source)
    if (!target) {
      this.#problem(node, 'syntax', `There is no anchor &${node.source} before this alias.`)
      return null
    }
    if (this.#open.has(target)) {
      this.#problem(node, 'alias-bomb', `The alias *${node.source} stands within what it names.`, {
        hint: 'Write the value out.',
      })
      return null
    }
    this.#inAlias++
    const value = this.convert(target, depth + 1)
    this.#inAlias--
    return value
  }

  #scalar(node: Yaml.Scalar): Json {
    const { value } = node
    if (typeof value === 'string') {
      if (control.test(value)) {
        this.#problem(node, 'control-character', 'The text holds a control character.', {
          hint: 'Remove the escape; only tabs and line ends are allowed.',
        })
      }
      return value
    }
    if (typeof value === 'number') {
      if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
        this.#problem(node, 'bad-number', 'The number is too large to be kept exactly.', {
          hint: 'Quote it if it is meant as text.',
        })
        return null
      }
      return Object.is(value, -0) ? 0 : value
    }
    if (typeof value === 'boolean' || value === null) return value
    this.#problem(node, 'syntax', 'The value is of a type that stacks do not have.', {
      hint: 'Remove the tag.',
    })
    return null
  }

  #map(node: Yaml.YAMLMap, depth: number): Json {
    const { isScalar } = yaml()
    const map: Record<string, Json> = {}
    for (const pair of node.items) {
      const keyNode = pair.key as Yaml.Node | null
      if (!isScalar(keyNode) || keyNode.value === null || typeof keyNode.value === 'object') {
        this.#problem(keyNode ?? node, 'bad-key', 'A key must be a text.', {
          hint: 'Quote it; a text that begins with ${ or { needs quotes to be read as one.',
        })
        continue
      }
      const key = String(keyNode.value)
      // With a `toString` of its own a value could not be told in words, not even by the libraries.
      if (key === '__proto__' || key === '$unresolved' || key === 'toString') {
        this.#problem(keyNode, 'bad-key', `A field cannot be named \`${key}\`.`, { hint: 'Remove it.' })
        continue
      }
      if (control.test(key)) {
        this.#problem(keyNode, 'control-character', 'A key holds a control character.')
        continue
      }
      if (Object.hasOwn(map, key)) {
        this.#problem(keyNode, 'duplicate-key', `The key \`${shorten(key)}\` is there twice.`, {
          why: 'Only one of the two values could count.',
          hint: 'Remove one of them.',
        })
        continue
      }
      map[key] = this.convert(pair.value, depth + 1)
    }
    return map
  }

  #problem(node: Yaml.Node, code: string, message: string, more: { why?: string; hint?: string } = {}): void {
    if (this.problems.length >= 20) return
    this.problems.push({ code, message, ...more, ...marked(node.range ?? this.document.range) })
  }
}

function marked(range: readonly number[] | null | undefined): Mark {
  const [from = 0, to = 1] = range ?? []
  return { offset: from, length: Math.max(1, to - from) }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** A document parsed for the places of its paths. */
export interface Places {
  /**
   * Where a path stands: its value, or with `key` the field's name. A path that is not there gives the nearest that is.
   */
  find(path: readonly (string | number)[], which: 'key' | 'value'): Mark & { readonly found: boolean }
}

/** Parses the text of one document for places. Never fails: at worst every place is the document's beginning. */
export function readPlaces(text: string): Places {
  const beginning = { offset: 0, length: 1, found: false }
  if (findTooDeep(text)) return { find: () => beginning }
  const { isAlias, isCollection, isMap, isScalar, isSeq, parseDocument } = yaml()
  const document = parseDocument(text, parseOptions) as Yaml.Document.Parsed
  const markOf = (node: unknown): Mark => marked((node as Yaml.Node | null)?.range)
  return {
    find(path, which) {
      let node: unknown = document.contents
      let mark = markOf(node)
      for (const [index, segment] of path.entries()) {
        if (isAlias(node)) node = node.resolve(document)
        if (isMap(node)) {
          const pair = node.items.find(
            item => isScalar(item.key) && String(item.key.value) === String(segment),
          )
          if (!pair) return { ...mark, found: false }
          const wantsKey = which === 'key' && index === path.length - 1
          const onKey = wantsKey || !pair.value || isCollection(pair.value)
          mark = markOf(onKey ? pair.key : pair.value)
          node = pair.value
        } else {
          const item: unknown = isSeq(node) ? node.items[Number(segment)] : undefined
          if (item === undefined) return { ...mark, found: false }
          node = item
          mark = markOf(item)
        }
      }
      return { ...mark, found: true }
    },
  }
}

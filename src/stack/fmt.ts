/** Brings the text of a stack file into one form, with its comments, and never changes what it means. */
import type * as Yaml from 'yaml'
import { InfraError, InfraErrors } from '../model/error.js'
import { canonicalJson, type Json } from '../model/value.js'
import { cutDocuments } from './documents.js'
import { readExact, yaml } from './exact-yaml.js'
import { declined, readPlain } from './plain-yaml.js'
import { placeAt } from './problems.js'

const firstKeys = ['apiVersion', 'kind', 'metadata', 'spec']

/**
 * The text in stable form: two spaces, `apiVersion`, `kind`, `metadata` and `spec` first and the rest as written, documents
 * divided by `---` with a blank line before it. What is formatted stays as it is. Throws `InfraErrors` for what is no YAML.
 */
export function formatStackText(text: string, name: string): string {
  const source = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n')
  const meaning = meaningOf(source, name)
  let formatted = source
  // A comment may settle only in a second or third pass; what does not settle at all is left as it is.
  for (let round = 0; round < 5; round++) {
    const before = formatted
    formatted = formatOnce(before)
    if (formatted !== before) continue
    const kept = count(formatted) === count(source) && meaningOf(formatted, name) === meaning
    return kept ? formatted : source
  }
  return source
}

/** Comments are counted by their sign: those within values are the same before and after. */
function count(text: string): number {
  return text.split('#').length
}

/** All documents' values; throws what is wrong with them. */
function meaningOf(text: string, name: string): string {
  const file = { name, text }
  const errors: InfraError[] = []
  const values: Json[] = []
  const { ranges, problems } = cutDocuments(text)
  for (const { message, offset, length } of problems) {
    const place = placeAt(file, offset, length)
    errors.push(new InfraError({ kind: 'validation', code: 'syntax', message, place }))
  }
  for (const { from, to } of ranges) {
    const plain = readPlain(text, from, to)
    const parsed = plain === declined ? readExact(text.slice(from, to)) : { value: plain }
    if ('value' in parsed) {
      values.push(parsed.value)
      continue
    }
    for (const { offset, length, ...what } of parsed.problems) {
      errors.push(
        new InfraError({ kind: 'validation', ...what, place: placeAt(file, from + offset, length) }),
      )
    }
  }
  if (errors.length > 0) throw new InfraErrors(errors)
  return canonicalJson(values)
}

function formatOnce(text: string): string {
  const formatted: string[] = []
  let comments = ''
  for (const chunk of chunksOf(text)) {
    if (/^\s*(?:#.*\s*)*$/.test(chunk)) {
      comments += commentLines(chunk)
      continue
    }
    // Comments that stand in a document of their own belong to the next one.
    formatted.push(formatDocument(comments + chunk))
    comments = ''
  }
  if (comments !== '') formatted.push(`${formatted.pop() ?? ''}\n${comments}`.trim())
  return formatted.length === 0 ? '' : `${formatted.join('\n\n---\n')}\n`
}

function commentLines(chunk: string): string {
  const lines = chunk.split('\n').map(line => line.trim())
  const comments = lines.filter(line => line !== '')
  return comments.length > 0 ? `${comments.join('\n')}\n\n` : ''
}

/** What stands between the markers of documents; directives are left out, they say what holds anyway. */
function chunksOf(text: string): string[] {
  return text
    .split(/^(?:---|\.\.\.)(?=[ \t\n]|$)/m)
    .map(chunk => (/^(?:\s|#.*)*%/.test(chunk) ? chunk.replace(/^%.*$/gm, '') : chunk))
}

function formatDocument(text: string): string {
  const options = { indent: 2, lineWidth: 0, flowCollectionPadding: false } as const
  const print = (ordered: boolean): string => {
    const document = parse(text)
    if (ordered) order(document)
    return document
      .toString(options)
      .replace(/^(?:[ \t]*\n)+/, '')
      .trimEnd()
  }
  try {
    return print(true)
  } catch {
    // An alias cannot be moved before its anchor.
    return print(false)
  }
}

function parse(text: string): Yaml.Document {
  return yaml().parseDocument(text, {
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
    uniqueKeys: false,
    customTags: tags => tags.map(tag => (typeof tag === 'object' ? keepFolds(tag) : tag)),
  })
}

/** Text that was folded by hand is folded again; no other line is ever broken. */
function keepFolds(tag: Yaml.CollectionTag | Yaml.ScalarTag): Yaml.CollectionTag | Yaml.ScalarTag {
  const { stringify } = tag as Yaml.ScalarTag
  if (tag.tag !== 'tag:yaml.org,2002:str' || !stringify) return tag
  const folding: typeof stringify = (item, context, ...rest) => {
    const options = { ...context.options, lineWidth: item.type === 'BLOCK_FOLDED' ? 80 : 0 }
    return stringify(item, { ...context, options }, ...rest)
  }
  return { ...(tag as Yaml.ScalarTag), stringify: folding }
}

/** Puts the first keys first; comments go with the key that they stand before. */
function order(document: Yaml.Document): void {
  const { isMap, isScalar } = yaml()
  const { contents } = document
  if (!isMap(contents) || contents.flow) return
  const rank = (pair: Yaml.Pair): number => {
    const at = isScalar(pair.key) ? firstKeys.indexOf(String(pair.key.value)) : -1
    return at < 0 ? firstKeys.length : at
  }
  const [first] = contents.items
  contents.items.sort((a, b) => rank(a) - rank(b))
  if (first === contents.items[0]) return
  // What stands at the top is about the document, whatever key it stood before: a modeline, a heading.
  const key = first?.key as Yaml.Node | null | undefined
  if (!key?.commentBefore) return
  document.commentBefore = [document.commentBefore, key.commentBefore].filter(Boolean).join('\n\n')
  key.commentBefore = null
  key.spaceBefore = false
}

/** Brings the text of a stack file into one form, with its comments, and never changes what it means. */
import type * as Yaml from 'yaml'
import { InfraError, InfraErrors } from '../model/error.js'
import { canonicalJson, type Json } from '../model/value.js'
import { cutDocuments } from './documents.js'
import { readExact, yaml } from './exact-yaml.js'
import { placeAt } from './problems.js'

const firstKeys = ['apiVersion', 'kind', 'metadata', 'spec']

/**
 * The text in stable form: two spaces, `apiVersion`, `kind`, `metadata` and `spec` first and the rest as written, documents
 * divided by `---` with a blank line before it. What is formatted stays as it is. Throws `InfraErrors` for what is no YAML.
 */
export function formatStackText(text: string, name: string): string {
  const source = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n')
  const meaning = meaningOf(source, name)
  let formatted = pass(source)
  // A comment may settle only in a second pass; what does not settle at all is left as it is.
  for (let round = 0; round < 4; round++) {
    const again = pass(formatted)
    if (again === formatted) break
    formatted = again
  }
  if (pass(formatted) !== formatted || meaningOf(formatted, name) !== meaning) return source
  return formatted
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
    const parsed = readExact(text.slice(from, to))
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

function pass(text: string): string {
  const { parseAllDocuments } = yaml()
  const documents = parseAllDocuments(text, {
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
    uniqueKeys: false,
  })
  if (!Array.isArray(documents)) return text
  const texts = documents.map(document => {
    order(document)
    // Markers between documents are written below; a first `---` says nothing.
    if (document.directives) document.directives.docStart = null
    return document
      .toString({
        indent: 2,
        indentSeq: true,
        lineWidth: 0,
        flowCollectionPadding: false,
        minContentWidth: 0,
      })
      .replace(/^(?:[ \t]*\n)+/, '')
      .replace(/\s*$/, '')
      .replace(/^null$/, '')
  })
  const filled = texts.filter(one => one !== '')
  return filled.length === 0 ? '' : `${filled.join('\n\n---\n')}\n`
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
  contents.items.sort((a, b) => rank(a) - rank(b))
}

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** Texts with `${…}` in them, cut into parts. */

export interface Segment {
  readonly name: string
  /** Written in brackets: an index, or the key of a list's element or of an instance. */
  readonly bracket: boolean
}

export interface Reference {
  /** What stands between `${` and `}`, without white space around it. */
  readonly text: string
  /** As written, `${` and `}` included. */
  readonly raw: string
  /** `var`, `env`, `each`, or a kind. */
  readonly root: string
  readonly segments: readonly Segment[]
}

export type Part = string | Reference

export type TemplateText =
  | { readonly parts: readonly Part[] }
  | { readonly broken: { readonly raw: string; readonly message: string; readonly hint: string } }

const segmentPattern = /\.([A-Za-z0-9_][A-Za-z0-9_-]*)|\[(?:"([^"[\]]+)"|'([^'[\]]+)'|([^"'[\]]+))\]/y
const rootPattern = /^[A-Za-z][A-Za-z0-9]*/

/**
 * Cuts a text at its references; `$${` stands for `${` itself. (Of several dollars before a brace, two stand for one, so that
 * any text can be written: `$$${var.PRICE}` is a dollar and a reference.)
 */
export function parseTemplateText(text: string): TemplateText {
  const parts: Part[] = []
  let literal = ''
  let at = 0
  for (;;) {
    const found = text.indexOf('${', at)
    if (found < 0) break
    let first = found
    while (first > at && text.charAt(first - 1) === '$') first--
    const dollars = found - first + 1
    literal += text.slice(at, first) + '$'.repeat(dollars >> 1)
    if (dollars % 2 === 0) {
      literal += '{'
      at = found + 2
      continue
    }
    const end = text.indexOf('}', found)
    if (end < 0) {
      return {
        broken: {
          raw: text.slice(found),
          message: 'The reference `${` has no closing brace.',
          hint: 'Close it with }, or write $${ for the text itself.',
        },
      }
    }
    const raw = text.slice(found, end + 1)
    const reference = parseReference(raw)
    if (!reference) {
      return {
        broken: {
          raw,
          message: `\`${raw.length > 80 ? `${raw.slice(0, 77)}…` : raw}\` is not a reference.`,
          hint: 'Write ${var.NAME}, ${env.NAME} or ${Kind.name.path}, or $${ for the text itself.',
        },
      }
    }
    if (literal !== '') parts.push(literal)
    literal = ''
    parts.push(reference)
    at = end + 1
  }
  literal += text.slice(at)
  if (literal !== '') parts.push(literal)
  return { parts }
}

function parseReference(raw: string): Reference | undefined {
  const text = raw.slice(2, -1).trim()
  const root = rootPattern.exec(text)?.[0]
  if (!root) return undefined
  const segments: Segment[] = []
  segmentPattern.lastIndex = root.length
  while (segmentPattern.lastIndex < text.length) {
    const match = segmentPattern.exec(text)
    if (!match) return undefined
    const [, plain, double, single, bare] = match
    const name = plain ?? double ?? single ?? bare?.trim() ?? ''
    if (name === '') return undefined
    segments.push({ name, bracket: plain === undefined })
  }
  return segments.length > 0 ? { text, raw, root, segments } : undefined
}

/** The text that comes out as this one, when it stands before a reference or at the end. */
export function escapeReferences(text: string, beforeReference: boolean): string {
  if (!text.includes('$')) return text
  return text.replace(beforeReference ? /\$+(?=\{|$)/g : /\$+(?=\{)/g, dollars => dollars + dollars)
}

/** Segments as they are written in a reference: `.addresses[0]`. */
export function segmentsText(segments: readonly Segment[]): string {
  return segments.map(({ name, bracket }) => (bracket ? `[${name}]` : `.${name}`)).join('')
}

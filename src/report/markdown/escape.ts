/** Foreign text in markdown: names and values can say what they like and stay text. */
import { visible } from '../text.js'

/**
 * Text that means nothing to markdown or HTML, as inline code. Everything that could is written as a numeric entity, which
 * by CommonMark's rules is never structure; within `<code>` no host makes mentions or links of it either.
 */
export function code(text: string): string {
  return `<code>${entities(text)}</code>`
}

function entities(text: string): string {
  return (
    visible(text)
      .replace(/[^\p{L}\p{N} /,;=?%.-]/gu, character => `&#${character.codePointAt(0)};`)
      .replace(/(www)\./gi, '$1&#46;')
      // Addresses of mail are looked for after entities are read: a comment keeps their two sides apart.
      .replaceAll('&#64;', '&#64;<!-- -->')
  )
}

/** A fenced block that its content cannot end: the fence is longer than any run of backticks in it. */
export function fence(language: string, lines: readonly string[]): string {
  let longest = 2
  for (const line of lines) for (const run of line.matchAll(/`+/g)) longest = Math.max(longest, run[0].length)
  const mark = '`'.repeat(longest + 1)
  return `${mark}${language}\n${lines.join('\n')}\n${mark}`
}

/** A link where the address is plain enough to be one, else the address as text. */
export function link(address: string, text: string): string {
  const plain = /^https:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[A-Za-z0-9._~/?=&%+,;#-]*)?$/.test(address)
  return plain ? `<a href="${address.replaceAll('&', '&amp;')}">${entities(text)}</a>` : code(address)
}

/** A word of a POSIX shell command. */
export function shellWord(text: string): string {
  const seen = visible(text)
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(seen) ? seen : `'${seen.replaceAll("'", `'\\''`)}'`
}

// Small pieces of markdown.

export const generated = '<!-- Made from the code by `npm run docs`. -->\n'

/** A cell of a table: one line, with its bars escaped. */
export function cell(text) {
  return String(text ?? '')
    .replace(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
}

export function table(heads, rows) {
  if (rows.length === 0) return ''
  const line = cells => `| ${cells.map(cell).join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
}

export function code(text) {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
}

/** Paragraphs, tables and headings, with one empty line between them. */
export function page(...parts) {
  return `${generated}\n${parts.filter(Boolean).join('\n\n')}\n`
}

/** A text as a sentence: with a capital and a full stop, where it has none. */
export function sentence(text) {
  if (!text) return text
  const begun = /^[a-z]+ /.test(text) ? text[0].toUpperCase() + text.slice(1) : text
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`
}

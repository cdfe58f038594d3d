/** Lines of a terminal, each within its width. */
import type { Style } from './style.js'
import { columns, cut, wrap } from './text.js'

/** Lists of what is changed and created longer than this are cut short; what is destroyed is always listed in full. */
export const longList = 200

export interface Page {
  readonly style: Style
  readonly width: number
  readonly full: boolean
  readonly lines: string[]
}

/** Says how many of a list that was cut short are not shown. */
export function more(count: number, page: Page): void {
  if (!page.full && count > longList)
    page.lines.push(page.style.dim(`  … and ${count - longList} more; --full lists them all`))
}

export function text(styled: string, plain: string, page: Page): void {
  page.lines.push(columns(plain) <= page.width ? styled : cut(plain, page.width))
}

/** A paragraph with a mark before its first line and spaces before the others. */
export function hanging(
  mark: string,
  told: string,
  page: Page,
  colour: (text: string) => string = line => line,
): void {
  const indent = /^ */.exec(mark)?.[0] ?? ''
  const narrow = page.width - mark.length < 24 && mark.trim().length > 2
  const [start, text] = narrow ? [indent, mark.trimStart() + told] : [mark, told]
  const [first = '', ...rest] = wrap(text, page.width - start.length)
  page.lines.push(`${start}${colour(first)}`)
  for (const line of rest) page.lines.push(' '.repeat(start.length) + colour(line))
}

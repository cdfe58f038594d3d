/** Lists of a command: a table that fits the terminal. */
import { styleOf } from './style.js'
import { columns, cut, pad, visible } from './text.js'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string | number | undefined
  /** Numbers read better to the right. */
  readonly right?: true
  /** Keeps its width where the terminal is narrow; others give way. */
  readonly fixed?: true
}

export interface TableOptions {
  readonly colour: boolean
  /** Columns of the terminal; without it nothing is cut. */
  readonly width?: number
  /** Said where there are no rows. */
  readonly empty?: string
}

const gap = 2
const narrowest = 4

/** Rows under titles, aligned; in a narrow terminal the widest column gives way. */
export function renderTable<Row>(
  rows: readonly Row[],
  table: readonly Column<Row>[],
  options: TableOptions,
): string {
  const style = styleOf(options.colour)
  if (rows.length === 0) return options.empty === undefined ? '' : `${options.empty}\n`
  const cells = rows.map(row => table.map(column => visible(String(column.value(row) ?? ''))))
  const titles = table.map(column => column.title.toUpperCase())
  const natural = titles.map((title, index) =>
    cells.reduce((widest, row) => Math.max(widest, columns(row[index] ?? '')), columns(title)),
  )
  const widths = fitted(
    natural,
    table.map(column => column.fixed === true),
    options.width,
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0
        const text = cut(cell, width)
        return table[index]?.right ? ' '.repeat(Math.max(width - columns(text), 0)) + text : pad(text, width)
      })
      .join(' '.repeat(gap))
      .trimEnd()
  return `${[style.bold(line(titles)), ...cells.map(line)].join('\n')}\n`
}

/** Widths that fit: the widest column that may shrink gives way first. */
function fitted(
  natural: readonly number[],
  fixed: readonly boolean[],
  width: number | undefined,
): readonly number[] {
  const widths = [...natural]
  if (width === undefined) return widths
  let over = widths.reduce((sum, one) => sum + one, 0) + gap * (widths.length - 1) - width
  while (over > 0) {
    let widest = -1
    for (const [index, own] of widths.entries())
      if (!fixed[index] && own > narrowest && own > (widths[widest] ?? 0)) widest = index
    if (widest < 0) break
    widths[widest] = (widths[widest] ?? 0) - 1
    over -= 1
  }
  return widths
}

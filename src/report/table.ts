/** Plain tables and YAML for lists and details. */
import { stringify } from 'yaml'
import { styleOf } from './style.js'
import { columns, cut, pad, visible } from './text.js'

export interface TableOptions {
  readonly colour: boolean
  /** Columns of the terminal: the last column is cut to fit. Nothing is cut where it is absent. */
  readonly width?: number
}

const gap = 2

/** Rows below their headings, each column as wide as its widest cell. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { colour, width }: TableOptions,
): string {
  const style = styleOf(colour)
  const clean = rows.map(row => row.map(cell => visible(cell)))
  const widths = headings.map((heading, index) =>
    clean.reduce((widest, row) => Math.max(widest, columns(row[index] ?? '')), columns(heading)),
  )
  const last = headings.length - 1
  const before = widths.slice(0, last).reduce((sum, one) => sum + one + gap, 0)
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => {
        if (index < last) return pad(cell, (widths[index] ?? 0) + gap)
        return width === undefined ? cell : cut(cell, Math.max(10, width - before))
      })
      .join('')
      .trimEnd()
  return `${[style.dim(line(headings)), ...clean.map(line)].join('\n')}\n`
}

/** A value as YAML. */
export function renderYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 })
}

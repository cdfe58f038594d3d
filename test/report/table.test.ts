import { describe, expect, it } from 'vitest'
import { renderTable } from '../../src/report/table.js'
import { columns } from '../../src/report/text.js'
import { renderYaml } from '../../src/report/yaml.js'

interface Machine {
  readonly name: string
  readonly state: string
  readonly memory?: number
}

const table = [
  { title: 'name', value: (one: Machine) => one.name, fixed: true as const },
  { title: 'state', value: (one: Machine) => one.state },
  { title: 'memory', value: (one: Machine) => one.memory, right: true as const },
]
const rows: readonly Machine[] = [
  { name: 'web', state: 'running', memory: 4 },
  { name: 'db\n日本', state: `paused ${'x'.repeat(60)}`, memory: 16 },
  { name: 'gone', state: '' },
]

describe('a table', () => {
  it('lines up its columns, numbers to the right', () => {
    expect(renderTable(rows.slice(0, 1), table, { colour: false })).toBe(
      'NAME  STATE    MEMORY\nweb   running       4\n',
    )
  })

  it.each([30, 50, 80])('fits %d columns, and keeps what is fixed', width => {
    const text = renderTable(rows, table, { colour: false, width })
    for (const line of text.trimEnd().split('\n')) expect(columns(line)).toBeLessThanOrEqual(width)
    expect(text).toContain('db\\n日本')
  })

  it('cuts nothing where there is no terminal', () => {
    expect(renderTable(rows, table, { colour: false })).toContain('x'.repeat(60))
  })

  it('says so where there is nothing', () => {
    expect(renderTable([], table, { colour: false, empty: 'No machines.' })).toBe('No machines.\n')
    expect(renderTable([], table, { colour: false })).toBe('')
  })
})

describe('YAML', () => {
  it('has no anchors and no broken lines', () => {
    const shared = { a: 'x'.repeat(200) }
    const text = renderYaml({ one: shared, two: shared })
    expect(text).not.toMatch(/[&*]/)
    expect(text.trimEnd().split('\n')).toHaveLength(4)
  })
})

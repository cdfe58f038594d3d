import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { policySchema } from '../../src/policy/read.js'
import { variables } from '../../src/policy/variables.js'

const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')

describe('docs/policy.md', () => {
  it.each(Object.entries(variables))('tells of the variable %s what the code does', (name, text) => {
    expect(page).toContain(`| \`${name}\` | ${text} |`)
  })

  it('tells of no variable that is not there', () => {
    const [, table = ''] = page.split('## Variables')
    const told = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(match => match[1])
    expect(told).toEqual(Object.keys(variables))
  })

  it('tells of every field of a rule, with an example that is one', () => {
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
    const value = policySchema.parse(parse(example))
    expect(value.rules).toHaveLength(1)
    for (const field of Object.keys(policySchema.shape.rules.element.shape))
      expect(page).toContain(`| \`${field}\` |`)
  })
})

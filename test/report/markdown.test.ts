import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderMarkdown } from '../../src/report/markdown.js'
import { change, largePlan, mixedPlan, planOf, resource, step } from './fixtures.js'
import { hostileInput, hostileText, planWith } from './hostile.js'

/** The comment outside of its fenced blocks, each of which becomes one line; fails on a block that is not closed. */
function outside(markdown: string): string[] {
  const lines: string[] = []
  let closing: string | undefined
  for (const line of markdown.split('\n')) {
    if (closing === undefined) {
      const opening = /^(`{3,})(\w*)$/.exec(line)
      closing = opening?.[1]
      lines.push(opening ? `fence ${opening[2]}` : line)
    } else if (/^ {0,3}`{3,}\s*$/.test(line) && line.trim().length >= closing.length) {
      expect(line).toBe(closing)
      closing = undefined
    }
  }
  expect(closing).toBeUndefined()
  return lines
}

/** The structure of a comment: what is left of its lines without foreign text. */
function skeleton(markdown: string): string[] {
  return outside(markdown).map(line =>
    line
      .replace(/<code>.*?<\/code>/g, '<code/>')
      .replace(/\| (\d+) \w+ (?=\|)/g, '| $1 ')
      .replace(/<!-- infra plan [\w.]* -->/, ''),
  )
}

describe('a plan as a comment', () => {
  it('is ordered by a reviewer’s worry, and never folds what destroys', () => {
    const policy = {
      evaluated: 2,
      findings: [{ rule: 'r', level: 'deny' as const, reason: 'no', address: 'A/b' }],
    }
    const lines = outside(renderMarkdown(mixedPlan(), { policy }))
    const titles = lines.filter(line => /^(#|<details>)/.test(line))
    expect(titles.map(title => title.replace(/<details><summary>|<\/summary>/g, ''))).toEqual([
      '### Plan of <code>shop</code>: 1 to destroy, 1 to replace, 2 to change, 2 to create, 1 to forget, 12 unchanged',
      '#### Destroy (1)',
      '#### Replace (1)',
      '#### Restarts and downtime',
      '#### Capacity, as declared',
      '#### Drift that this plan meets: changed outside of infra',
      '#### Policy: 2 rules, 1 finding',
      '#### Could not be read',
      'Change (2)',
      'Create (2)',
      'Only recorded (1)',
      'Remarks',
      'Graph',
    ])
  })

  it('ends with what it is bound to and the command that applies it', () => {
    const plan = mixedPlan()
    const text = renderMarkdown(plan, {
      commit: '0a1b2c',
      readAt: '2026-05-01 10:00 UTC',
      path: "it's/stacks",
    })
    expect(text).toContain(
      'commit <code>0a1b2c</code> · state serial 41 · read <code>2026-05-01 10&#58;00 UTC</code>',
    )
    expect(text).toContain(`infra apply --digest ${plan.digest} 'it'\\''s/stacks'\n`)
  })

  it('puts the sign of a diff in the first column', () => {
    const text = renderMarkdown(mixedPlan())
    expect(text).toMatch(/^- VirtualMachine\/legacy {2}\[deletes-data, irreversible\]$/m)
    expect(text).toMatch(/^! {3}vcpus: 2 → 4 {2}\(needs a restart\)$/m)
    expect(text).toMatch(/^\+ {3}memoryGiB: 4$/m)
  })

  it.each([
    ['creates', largePlan(5000), 60_000],
    ['changes', largePlan(5000, 'update'), 60_000],
    ['destroys', largePlan(400, 'delete'), 60_000],
    ['more destroys than fit', largePlan(5000, 'delete'), 60_000],
    ['little room', mixedPlan(), 3500],
  ])('keeps under its budget with %s', (_reason, plan, budget) => {
    const text = renderMarkdown(plan, { budget, whole: 'https://ci.example/run/1' })
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(budget)
    expect(text).toContain('**Left out to fit this comment:**')
    expect(text).toContain('<a href="https://ci.example/run/1">')
    expect(text).toContain(plan.digest)
    outside(text)
  })

  it('drops attributes and middles before any destroy, error or total', () => {
    const destroys = largePlan(300, 'delete').steps
    const creates = largePlan(3000).steps.map(one => ({
      ...one,
      id: `x${one.id}`,
      address: `${one.address}-new`,
    }))
    const unreadable = Array.from({ length: 50 }, (_, index) => ({
      address: `Volume/far-${index}`,
      why: 'refused',
    }))
    const text = renderMarkdown(planOf([...destroys, ...creates], { unreadable, incomplete: true }))
    expect(text.match(/^- VirtualMachine\/vm-\d+ /gm)).toHaveLength(300)
    expect(text.match(/^- Volume\/far-\d+: refused$/gm)).toHaveLength(50)
    expect(text).toContain('300 to destroy, 3000 to create')
    expect(text).toMatch(/! … \d+ more creates, not listed here/)
    expect(text).toMatch(/\d+ of 3000 creates/)
  })

  it('says nothing was left out where nothing was', () => {
    expect(renderMarkdown(mixedPlan())).not.toContain('Left out')
  })

  it('has the same structure whatever names and values are', () => {
    const plain = skeleton(renderMarkdown(planWith('web'), hostileInput('web')))
    fc.assert(
      fc.property(hostileText, text => {
        expect(skeleton(renderMarkdown(planWith(text), hostileInput(text)))).toEqual(plain)
      }),
      { numRuns: 300 },
    )
  })

  it('encodes all that could mean something in a line of prose or a table', () => {
    fc.assert(
      fc.property(hostileText, text => {
        const own = /<\/?(code|details|summary)>|<!-- (infra plan [\w.]* )?-->/g
        for (const line of outside(renderMarkdown(planWith(text), hostileInput(text)))) {
          for (const [, inner = ''] of line.matchAll(/<code>(.*?)<\/code>/g))
            expect(inner).toMatch(/^([\p{L}\p{N}\p{M} /,;=?%.-]|&#\d+;|<!-- -->)*$/u)
          expect(line.replaceAll(own, '')).not.toMatch(/<[a-z/!]/i)
        }
      }),
    )
  })

  it('does not let a label out of the graph', () => {
    const text = renderMarkdown(planWith('"] --> x["<b>`'))
    const [, graph = ''] = /```mermaid\n([\s\S]*?)```/.exec(text) ?? []
    for (const line of graph.trim().split('\n'))
      expect(line).toMatch(
        /^(flowchart LR| {2}n\d+\["[\p{L}\p{N} #;]*"\](:::\w+)?| {2}n\d+ --> n\d+| {2}classDef [\w:#,; -]+)$/u,
      )
  })

  it('cuts a value of any length', () => {
    const long = 'x'.repeat(200_000)
    const plan = planOf([
      step('update', 'A/b', {
        changes: [change('a', long, `${long}y`)],
        desired: resource('A/b', { a: long }),
      }),
      step('delete', `A/${long}`, { cause: long }),
    ])
    expect(Buffer.byteLength(renderMarkdown(plan))).toBeLessThan(60_000)
  })
})

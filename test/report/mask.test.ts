import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maskPlan, maskRendered, maskValue } from '../../src/planner/mask.js'
import type { Plan } from '../../src/planner/plan.js'
import { renderHtml } from '../../src/report/html.js'
import { renderMarkdown } from '../../src/report/markdown.js'
import { renderTerminal } from '../../src/report/terminal.js'
import { change, mixedPlan, planOf, resource, secret, step, token } from './fixtures.js'

const everything = (plan: Plan) =>
  [
    JSON.stringify(maskPlan(plan, { key: 'k' })),
    renderTerminal(plan, { colour: false, full: true }),
    renderTerminal(plan, { colour: true, width: 60 }),
    renderMarkdown(plan),
    renderHtml(plan),
  ].join('\n')

describe('masking a plan', () => {
  it('leaves no secret in anything that is shown or saved', () => {
    const shown = everything(mixedPlan())
    for (const text of [secret, token, 'old-secret-hash', 'correct-horse']) expect(shown).not.toContain(text)
    expect(shown).toContain('(sensitive, changed)')
  })

  it('leaves no secret in what is shown of rendered objects', () => {
    const spec = { values: { env: secret, image: 'a:1' } }
    const plan = planOf([
      step('create', 'VirtualCluster/b', {
        desired: resource('VirtualCluster/b', spec, { sensitive: ['values.env'] }),
      }),
    ])
    const rendered = [
      {
        address: 'VirtualCluster/b',
        objects: [
          {
            object: 'StatefulSet/b',
            op: 'change' as const,
            changes: [
              { path: 'spec.env', from: token, to: `x ${secret} y` },
              { path: 'spec.image', to: 'a:1' },
            ],
          },
          {
            object: 'Secret/b',
            op: 'change' as const,
            changes: [{ path: 'data', from: 'hidden-1', sensitive: true as const }],
          },
        ],
      },
      { address: 'VirtualCluster/c', why: `helm said ${token}`, objects: [] },
    ]
    const options = { rendered, secrets: [token] }
    const shown = [
      renderTerminal(plan, { ...options, colour: false }),
      renderMarkdown(plan, options),
      renderHtml(plan, options),
      JSON.stringify(maskRendered(rendered, plan, options)),
    ]
    for (const text of shown) {
      expect(text).toContain('StatefulSet/b')
      expect(text).toContain('a:1')
      for (const hidden of [secret, token, 'hidden-1']) expect(text).not.toContain(hidden)
    }
    expect(shown[0]).toContain('~   StatefulSet/b')
  })

  it('tells a changed secret from an unchanged one only to who has the key', () => {
    expect(maskValue('a', { key: 'k' })).toEqual(maskValue('a', { key: 'k' }))
    expect(maskValue('a', { key: 'k' })).not.toEqual(maskValue('b', { key: 'k' }))
    expect(maskValue('a', { key: 'k' })).not.toEqual(maskValue('a', { key: 'l' }))
    expect(maskValue('a')).toEqual(maskValue('b'))
  })

  it('changes nothing when it is done twice', () => {
    const once = maskPlan(mixedPlan(), { key: 'k' })
    expect(maskPlan(once, { key: 'k' })).toEqual(once)
  })

  it('masks what only looks like a mask', () => {
    const spec = { password: { $sensitive: 'hunter22', other: 'x' }, pin: { $sensitive: 'hunter23' } }
    const plan = planOf([
      step('create', 'A/b', { desired: resource('A/b', spec, { sensitive: ['password', 'pin'] }) }),
    ])
    expect(everything(plan)).not.toMatch(/hunter2/)
  })

  it.each([
    ['an element by its name', 'dataDisks[vdb].key', { dataDisks: [{ device: 'vdb', key: 'hidden-1' }] }],
    ['any element', 'users[].password', { users: [{ name: 'a', password: 'hidden-1' }] }],
    ['an element by its number', 'users[0].password', { users: [{ password: 'hidden-1' }] }],
    ['all elements where none has the name', 'users[gone].password', { users: [{ password: 'hidden-1' }] }],
    ['a whole object', 'login', { login: { user: 'hidden-1', deep: { more: ['hidden-1'] } } }],
    ['a list that the path does not tell of', 'users.password', { users: [{ password: 'hidden-1' }] }],
  ])('finds %s', (_reason, path, spec) => {
    const before = { spec, sensitive: [path], identity: {} }
    const plan = planOf([
      step('create', 'A/b', { desired: resource('A/b', spec, { sensitive: [path] }) }),
      step('delete', 'A/c', { before }),
    ])
    expect(everything(plan)).not.toContain('hidden-1')
  })

  it('masks a change above or below a secret path, though nobody marked it', () => {
    const desired = resource('A/b', { login: { password: 'hidden-1' } }, { sensitive: ['login.password'] })
    const plan = planOf([
      step('update', 'A/b', {
        desired,
        changes: [change('login', { password: 'hidden-2' }, { password: 'hidden-1' })],
      }),
    ])
    expect(everything(plan)).not.toMatch(/hidden-/)
  })

  it('masks what a delete kept, and secret texts of the stack wherever they occur', () => {
    const restore = { identity: {}, token: { xml: '<passwd>hidden-1</passwd>' } }
    const plan = planOf(
      [step('create', 'A/b', { restore, desired: resource('A/b', { url: 'https://u:hidden-2@host' }) })],
      { remarks: [{ address: 'A/b', text: 'login with hidden-2 failed' }] },
    )
    const shown = JSON.stringify(maskPlan(plan, { secrets: ['hidden-2'] }))
    expect(shown).not.toMatch(/hidden-/)
    expect(shown).toContain('https://u:(sensitive)@host')
  })

  it('holds for any secret at any depth', () => {
    const key = fc.string({ unit: fc.constantFrom(...'abcxyz'), minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 4 }), fc.uuid(), (path, value) => {
        let spec: Record<string, unknown> = { [path.at(-1) ?? 'a']: value }
        for (const name of path.slice(0, -1).reverse()) spec = { [name]: spec, near: 1 }
        const desired = resource('A/b', spec as never, { sensitive: [path.join('.')] })
        const plan = planOf([step('create', 'A/b', { desired, cause: `about ${value}` })])
        expect(JSON.stringify(maskPlan(plan))).not.toContain(value)
      }),
    )
  })
})

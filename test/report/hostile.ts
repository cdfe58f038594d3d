/** Names and values that try to be something else than text. */
import fc from 'fast-check'
import type { Plan, Step } from '../../src/planner/plan.js'
import { change, planOf, resource, step } from './fixtures.js'

export const attacks = [
  '```\n# heading',
  '``````',
  '</details><script>alert(1)</script>',
  '</script><img src=x onerror=alert(1)>',
  '<!-- --> -->',
  ']]><x>',
  '| a | b |\n|---|---|',
  '[link](https://evil.example)',
  '![image](https://evil.example/a.png)',
  'https://evil.example www.evil.example a@b.example',
  '@everyone #1 $x^2$ :boom:',
  '**bold** _it_ ~~no~~ `code`',
  '&lt;script&gt; &#60;b&#62;',
  '> quote\n- list\n1. list\n---',
  '"] --> x["',
  '#quot; %% end',
  '\u001b[31mred\u001b]8;;http://x\u0007',
  '\u202egnp.exe\u200b\u2028line',
  "'; rm -rf / #",
  '$(reboot) `reboot`',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it must not be filled in
  '${{ secrets.TOKEN }}',
  '\\n\\" \\',
  '__proto__',
  'constructor',
]

/** What must be in no text that is shown: anything but a line feed that moves the cursor or turns text around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/

export const hostileText = fc.oneof(
  fc.constantFrom(...attacks),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  fc.tuple(fc.constantFrom(...attacks), fc.constantFrom(...attacks)).map(([a, b]) => a + b),
)

/** A plan of fixed shape whose every foreign text is given: what renderers make of it may differ in that text only. */
export function planWith(text: string): Plan {
  const spec = { image: text, nested: { [text]: text }, list: [text] }
  const address = `VirtualMachine/${text}`
  const of = (action: Step['action'], index: number, more: Partial<Step>): Step => ({
    ...step(action, `${address}${index}`),
    name: text,
    kind: 'VirtualMachine',
    connection: text,
    cause: text,
    ...more,
  })
  return planOf(
    [
      of('delete', 0, {
        hazards: ['deletes-data'],
        undo: { how: 'none', text },
        before: {
          spec: { dataDisks: [{ device: text, sizeGB: 1 }], image: text },
          sensitive: [],
          identity: { uuid: text },
        },
      }),
      of('update', 1, {
        needs: [`delete ${address}0`],
        changes: [
          change('image', text, `${text}!`, { why: text, how: 'restart' }),
          change(`nested.${text}`, text, undefined),
        ],
        desired: resource(`${address}1`, spec, { labels: { [text]: text } }),
        before: { spec, sensitive: [], identity: {} },
      }),
      of('create', 2, { desired: resource(`${address}2`, spec), needs: [`update ${address}1`] }),
    ],
    {
      stack: text,
      connections: {
        [text]: { type: 'embedded', description: text },
        other: { type: 'libvirt', description: text },
      },
      drift: [
        {
          address: `${address}1`,
          kind: text,
          status: 'modified',
          changes: [{ path: text, from: text, to: `${text}?` }],
        },
      ],
      unreadable: [{ address: text, why: text }],
      remarks: [{ address: text, text }],
      pending: [{ address: text, paths: [text] }],
      outputs: { [text]: { value: text, sensitive: false } },
      capacity: [{ place: text, resource: text, unit: text, before: 1, after: 2, limit: 1 }],
    },
  )
}

export const hostileInput = (text: string) => ({
  problems: [{ message: text, address: text, hint: text }],
  policy: { evaluated: 1, findings: [{ rule: text, level: 'deny' as const, reason: text, address: text }] },
})

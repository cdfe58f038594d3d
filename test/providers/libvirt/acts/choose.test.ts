import { describe, expect, test } from 'vitest'
import {
  chooseMachines,
  type MachineChoice,
  requireChoice,
} from '../../../../src/providers/libvirt/acts/choose.js'
import { textCleaner } from '../../../../src/providers/libvirt/acts/logs.js'
import type { MachineView } from '../../../../src/providers/libvirt/acts/machines.js'

function machine(host: string, name: string, more: Partial<MachineView> = {}) {
  const view: MachineView = {
    host,
    name,
    uuid: `${host}-${name}`,
    state: 'running',
    vcpus: 1,
    memoryGiB: 1,
    addresses: [],
    agent: false,
    autostart: true,
    labels: {},
    pending: [],
    unfinished: false,
    rescue: false,
    ...more,
  }
  return { view }
}

const all = [
  machine('one', 'web', { labels: { role: 'web', env: 'lab' }, address: 'VirtualMachine/web' }),
  machine('one', 'db', { labels: { role: 'db' }, state: 'shut off', pending: ['vcpus'] }),
  machine('two', 'web', { labels: { role: 'web' } }),
  machine('two', 'Odd', { state: 'paused' }),
]

function chosen(choice: MachineChoice): string[] {
  return chooseMachines(all, choice).map(({ view }) => `${view.host}/${view.name}`)
}

describe('machines are chosen', () => {
  test.each<{ reason: string; choice: MachineChoice; found: readonly string[] }>([
    { reason: 'all of them', choice: { all: true }, found: ['one/web', 'one/db', 'two/web', 'two/Odd'] },
    { reason: 'by name', choice: { names: ['db'] }, found: ['one/db'] },
    { reason: 'by host and name', choice: { names: ['two/web'] }, found: ['two/web'] },
    {
      reason: 'by the address of their document',
      choice: { names: ['VirtualMachine/web'] },
      found: ['one/web'],
    },
    { reason: 'by a name in other letters', choice: { names: ['ODD'] }, found: ['two/Odd'] },
    { reason: 'once, however often they are named', choice: { names: ['db', 'one/db'] }, found: ['one/db'] },
    { reason: 'by a label', choice: { selectors: ['role=web'] }, found: ['one/web', 'two/web'] },
    { reason: 'by several labels', choice: { selectors: ['role=web,env=lab'] }, found: ['one/web'] },
    { reason: 'by the lack of a label', choice: { selectors: ['role!=web'] }, found: ['one/db', 'two/Odd'] },
    { reason: 'by a label whatever its value', choice: { selectors: ['env'] }, found: ['one/web'] },
    { reason: 'by state', choice: { states: ['paused', 'shut off'] }, found: ['one/db', 'two/Odd'] },
    {
      reason: 'by drift, or what waits for a restart',
      choice: { drifted: new Set(['two/web']) },
      found: ['one/db', 'two/web'],
    },
    { reason: 'by name and label together', choice: { names: ['db'], selectors: ['role=web'] }, found: [] },
  ])('$reason', ({ choice, found }) => expect(chosen(choice)).toEqual(found))

  test.each<{ reason: string; choice: MachineChoice; error: object }>([
    {
      reason: 'a name that is nowhere',
      choice: { names: ['wep'] },
      error: { code: 'no-machine', why: expect.stringContaining('web') },
    },
    {
      reason: 'a name that is on two hosts',
      choice: { names: ['web'] },
      error: { code: 'ambiguous-machine', why: 'one/web, two/web' },
    },
    { reason: 'a selector that is none', choice: { selectors: ['=x'] }, error: { code: 'bad-selector' } },
  ])('$reason is refused', ({ choice, error }) => {
    let thrown: unknown
    try {
      chosen(choice)
    } catch (caught) {
      thrown = caught
    }
    expect(thrown).toMatchObject(error)
  })

  test('an act never means all by accident', () => {
    expect(() => requireChoice({})).toThrow('not said which machines')
    expect(() => requireChoice({ states: ['running'] })).toThrow('not said which machines')
    for (const choice of [
      { all: true },
      { names: ['web'] },
      { selectors: ['a'] },
      { drifted: new Set<string>() },
    ])
      expect(() => requireChoice(choice)).not.toThrow()
  })
})

test('a log loses what moves a terminal’s cursor, even where a sequence comes in two pieces', () => {
  const clean = textCleaner()
  const pieces = [
    '\u001b[H\u001b[Jline one\r\n',
    'colour \u001b[3',
    '1mred\u001b[0m\u0007 \u001b]0;title',
    '\u0007end\u001b(B\n',
  ]
  expect(pieces.map(clean).join('')).toBe('line one\ncolour red end\n')
})

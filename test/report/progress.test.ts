import { describe, expect, it } from 'vitest'
import type { ApplyEvent, ApplyEventBody } from '../../src/apply/event.js'
import { progressOf } from '../../src/report/progress.js'

/** A terminal that understands what the view sends: text, line feeds, cursor up, clear below. */
function terminal() {
  const lines: string[] = ['']
  let row = 0
  return {
    write(text: string) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own codes
      for (const [part, up] of text.matchAll(/\u001b\[(\d+)A|\u001b\[J|\n|[^\u001b\n]+/g)) {
        if (up !== undefined) row -= Number(up)
        else if (part === '\u001b[J') lines.splice(row, lines.length - row, '')
        else if (part === '\n') {
          row += 1
          lines[row] ??= ''
        } else lines[row] = (lines[row] ?? '') + part
      }
    },
    screen: () => lines.join('\n').trimEnd(),
  }
}

function run(form: 'live' | 'lines' | 'ndjson', events: readonly ApplyEventBody[], width = 80) {
  const { write, screen } = terminal()
  let time = 0
  let longest = 0
  const progress = progressOf({ colour: false, write, form, width: () => width, now: () => time })
  for (const event of events) {
    time += 500
    progress.report({ at: time, ...event } as ApplyEvent)
    longest = Math.max(longest, screen().split('\n').length)
  }
  return { progress, screen, longest: () => longest, later: (milliseconds: number) => (time += milliseconds) }
}

const start = (total: number): ApplyEventBody => ({
  type: 'plan-started',
  mode: 'apply',
  direction: 'forward',
  total,
})
const begin = (name: string): ApplyEventBody => ({
  type: 'step-started',
  step: name,
  address: name,
  action: 'create',
})
const done = (name: string, milliseconds = 400): ApplyEventBody => ({
  type: 'step-done',
  step: name,
  address: name,
  action: 'create',
  milliseconds,
})
const failed: ApplyEventBody = {
  type: 'step-failed',
  step: 'A/x',
  address: 'A/x',
  action: 'delete',
  milliseconds: 900,
  error: { kind: 'operation', code: 'x', message: 'it is in use', why: 'EBUSY' },
}
const end = (more: object = {}): ApplyEventBody => ({
  type: 'plan-finished',
  direction: 'forward',
  done: 1,
  failed: 0,
  skipped: 0,
  milliseconds: 4000,
  ...more,
})

describe('progress on a terminal', () => {
  it('shows what runs, for how long, and how far it is', () => {
    const { progress, screen, later } = run('live', [
      start(3),
      begin('A/a'),
      begin('A/b'),
      { type: 'step-progress', step: 'A/b', address: 'A/b', message: 'copying 40 %' },
      done('A/a'),
    ])
    later(2000)
    progress.tick()
    expect(screen()).toBe(
      [
        'Applying: 3 steps',
        '+ created A/a 400 ms',
        '  creating A/b: copying 40 % 3 s',
        '1 of 3 (33 %), 1 running',
      ].join('\n'),
    )
  })

  it('stays calm at a thousand steps', () => {
    const names = Array.from({ length: 1000 }, (_, index) => `A/a${index}`)
    const { progress, screen, longest } = run('live', [
      start(1000),
      ...names.map(begin),
      ...names.map(name => done(name)),
    ])
    progress.tick()
    expect(longest()).toBeLessThanOrEqual(10)
    expect(screen()).toBe('Applying: 1000 steps\n1000 of 1000 (100 %), 0 running')
  })

  it('keeps to narrow terminals, and to the line it is on', () => {
    const { progress, screen } = run('live', [start(1), begin(`A/${'x\n'.repeat(60)}`)], 30)
    progress.tick()
    for (const line of screen().split('\n')) expect(line.length).toBeLessThanOrEqual(30)
  })

  it('leaves failures and the summary, and nothing of the view', () => {
    const { progress, screen } = run('live', [
      start(3),
      begin('A/a'),
      begin('A/x'),
      failed,
      { type: 'stopping', why: 'A/x failed' },
      done('A/a', 3000),
      end({ failed: 1, skipped: 1 }),
    ])
    progress.finish()
    expect(screen()).toBe(
      [
        'Applying: 3 steps',
        'x failed A/x: it is in use',
        '    EBUSY',
        'Stopping: A/x failed; running steps end first',
        '+ created A/a 3.0 s',
        'Failed: 1 created, 1 failed, 1 not begun in 4.0 s',
        'Slowest: A/a 3.0 s',
      ].join('\n'),
    )
  })

  it('counts anew on the way back', () => {
    const back: ApplyEventBody = { type: 'plan-started', mode: 'rollback', direction: 'back', total: 1 }
    const undo: ApplyEventBody = {
      type: 'step-done',
      step: 'd',
      address: 'A/a',
      action: 'delete',
      milliseconds: 1,
    }
    const { progress, screen } = run('live', [start(2), done('A/a'), back, undo, end({ direction: 'back' })])
    progress.finish()
    expect(screen()).toContain(
      'Rolling back: 1 step\n- destroyed A/a 1 ms\nRolled back: 1 destroyed in 4.0 s',
    )
  })
})

describe('progress elsewhere', () => {
  it('is a line an event in a log', () => {
    const { progress, screen } = run('lines', [start(1), begin('A/a'), done('A/a'), end()])
    progress.finish()
    expect(screen()).toBe('Applying: 1 step\n+ created A/a 400 ms\nDone: 1 created in 4.0 s')
  })

  it('is every event for programs', () => {
    const { screen } = run('ndjson', [start(1), begin('A/a'), done('A/a'), end()])
    expect(
      screen()
        .split('\n')
        .map(line => JSON.parse(line).type),
    ).toEqual(['plan-started', 'step-started', 'step-done', 'plan-finished'])
  })
})

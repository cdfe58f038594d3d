import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { InfraError } from '../../src/model/error.js'
import type { PlanResult } from '../../src/planner/input.js'
import type { Plan, Step } from '../../src/planner/plan.js'
import type { Observation } from '../../src/providers/provider.js'
import { type QuietPlanInput, quietPlanOr } from '../../src/session/quiet-plan.js'
import { decodeState, encodeState } from '../../src/state/codec.js'
import type { StateDocument } from '../../src/state/document.js'

let folder: string
let made: number
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-quiet-'))
  made = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Present = Extract<Observation, { status: 'present' }>
const present: Present = {
  status: 'present',
  identity: { uuid: 'a' },
  spec: { size: '1GiB' },
  facts: { free: 1 },
}

function observations(count: number, last: Observation = present): Map<string, Observation> {
  const found = new Map<string, Observation>()
  for (let index = 0; index < count; index += 1) found.set(`Volume/v${index}`, present)
  return found.set('Volume/last', last)
}

/** A state as it is read from its file. */
function state(serial: number): StateDocument {
  const written = { format: 1, lineage: 'one', serial, stack: 'lab', resources: {}, outputs: {} }
  const read = decodeState(encodeState(written))
  if (!read) throw new Error('it cannot be read')
  return read
}

const quiet = {
  ...{ format: 'infra.plan/v1', stack: 'lab', mode: 'apply', base: { lineage: 'one', serial: 1 } },
  ...{ connections: {}, steps: [], drift: [], unreadable: [], incomplete: false, remarks: [], pending: [] },
  counts: { create: 0, update: 0, replace: 0, delete: 0, adopt: 0, forget: 0, unchanged: 1001 },
  ...{ observed: { 'Volume/last': '0123' }, outputs: {}, capacity: [], digest: 'abcd' },
} satisfies Plan

function input(more: Partial<QuietPlanInput> = {}): QuietPlanInput {
  const options = { mode: 'apply', targets: [], replace: [], restart: false } as const
  return {
    ...{ folder, stack: 'a stack', state: state(1), observed: observations(1000), connections: {}, options },
    ...more,
  }
}

type Made = Pick<PlanResult, 'plan' | 'problems'>

async function plan(more: Partial<QuietPlanInput> = {}, result: Made = { plan: quiet, problems: [] }) {
  const asked = input(more)
  const found = await quietPlanOr(asked, () => {
    made += 1
    return { ...result, observed: asked.observed }
  })
  return found.plan
}

it('a plan with nothing to do is made once for the same inputs', async () => {
  expect(await plan()).toEqual(quiet)
  expect(await plan()).toEqual(quiet)
  expect(made).toBe(1)
})

it('what moves by itself, and nothing refers to, makes no other plan', async () => {
  await plan()
  await plan({ observed: observations(1000, { ...present, facts: { free: 2 } }) })
  expect(made).toBe(1)
})

const other: { reason: string; more: Partial<QuietPlanInput> }[] = [
  { reason: 'another stack', more: { stack: 'another' } },
  { reason: 'a stack that may not be kept', more: { stack: undefined } },
  { reason: 'no folder', more: { folder: undefined } },
  { reason: 'another state', more: { state: state(2) } },
  { reason: 'no state', more: { state: undefined } },
  { reason: 'a state that was not read from a file', more: { state: { ...state(1) } } },
  { reason: 'another connection', more: { connections: { a: { type: 'embedded', description: 'b' } } } },
  { reason: 'a destroy', more: { options: { mode: 'destroy' } } },
  { reason: 'a part of it', more: { options: { mode: 'apply', targets: ['Volume/v1'] } } },
  { reason: 'a replacement', more: { options: { mode: 'apply', replace: ['Volume/v1'] } } },
  { reason: 'leave to restart', more: { options: { mode: 'apply', restart: true } } },
  { reason: 'a resource more', more: { observed: observations(1001) } },
  { reason: 'few resources', more: { observed: observations(10) } },
]
it.each(other)('is made anew for $reason', async ({ more }) => {
  await plan()
  await plan(more)
  expect(made).toBe(2)
})

const seen: { reason: string; last: Observation }[] = [
  { reason: 'a value', last: { ...present, spec: { size: '2GiB' } } },
  { reason: 'another object', last: { ...present, identity: { uuid: 'b' } } },
  { reason: 'another owner', last: { ...present, owner: { lineage: 'two', address: 'Volume/last' } } },
  { reason: 'a change that waits', last: { ...present, pending: ['size'] } },
  { reason: 'a remark', last: { ...present, remark: 'it is odd' } },
  { reason: 'half of it', last: { ...present, incomplete: true } },
  { reason: 'its absence', last: { status: 'absent' } },
  { reason: 'that it cannot be read', last: { status: 'unreadable', why: 'it is away' } },
]
it.each(seen)('is made anew where $reason is observed of one of a thousand', async ({ last }) => {
  await plan()
  await plan({ observed: observations(1000, last) })
  expect(made).toBe(2)
})

const problem = new InfraError({ kind: 'validation', code: 'odd', message: 'it is odd' })
const loud: { reason: string; result: Made }[] = [
  { reason: 'steps', result: { plan: { ...quiet, steps: [{} as Step] }, problems: [] } },
  { reason: 'problems', result: { plan: quiet, problems: [problem] } },
  {
    reason: 'drift',
    result: {
      plan: { ...quiet, drift: [{ address: 'a', kind: 'b', status: 'deleted', changes: [] }] },
      problems: [],
    },
  },
  { reason: 'remarks', result: { plan: { ...quiet, remarks: [{ address: 'a', text: 'b' }] }, problems: [] } },
]
it.each(loud)('a plan with $reason is not kept', async ({ result }) => {
  await plan({}, result)
  expect(await readdir(folder)).toEqual([])
})

it.each(['cut off', 'of another plan'])('an entry that is %s is passed over', async reason => {
  await plan()
  const [name = ''] = await readdir(folder)
  const text = await readFile(join(folder, name), 'utf8')
  await writeFile(
    join(folder, name),
    reason === 'cut off' ? text.slice(0, 200) : text.replace('abcd', 'abce'),
  )
  expect(await plan()).toEqual(quiet)
  expect(made).toBe(2)
})

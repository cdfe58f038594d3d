/** What a plan's resources need is asked for once a connection, and only of what is made or changed. */
import { describe, expect, it } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import type { PlanResult } from '../../src/planner/input.js'
import type { Provider, Target, Wanted } from '../../src/providers/provider.js'
import { withLacks } from '../../src/session/lacks.js'
import type { Stack } from '../../src/stack/desired.js'

const address = 'VirtualMachine/web'
const change = { path: 'memoryGiB', from: 1, to: 2, origin: 'stack', how: 'live' }

const rows = [
  { reason: 'what is made has had nothing before', step: { action: 'create' }, from: undefined },
  { reason: 'what is changed has what is recorded', step: { action: 'update', changes: [change] }, from: 1 },
  { reason: 'what is replaced is made', step: { action: 'replace', phase: 'create' }, from: undefined },
  {
    reason: 'what is taken over and changed is there',
    step: { action: 'adopt', changes: [change] },
    from: 1,
  },
]

/** What the provider is asked of, of a plan with one such step. */
async function asked(
  step: object,
): Promise<readonly { wanted: readonly Wanted[]; all: readonly Target[] }[]> {
  const calls: { wanted: readonly Wanted[]; all: readonly Target[] }[] = []
  const desired = { address, kind: 'VirtualMachine', name: 'web', connection: 'here', spec: { memoryGiB: 2 } }
  const before = { spec: { memoryGiB: 1 } }
  const steps = [{ changes: [], desired, before, ...step }]
  const result = { plan: { steps }, problems: [] } as unknown as PlanResult
  const stack = { resources: new Map([[address, desired]]) } as unknown as Stack
  const lacks = async (wanted: readonly Wanted[], all: readonly Target[]) => {
    calls.push({ wanted, all })
    return []
  }
  const providers = new Map([['here', { lacks } as unknown as Provider]])
  await withLacks(result, stack, providers, nodePorts.files, new AbortController().signal)
  return calls
}

describe('what a plan needs of a place', () => {
  it.each(rows)('$reason', async ({ step, from }) => {
    const [call, ...more] = await asked(step)
    expect(more).toEqual([])
    expect(call?.wanted.map(one => one.from?.memoryGiB)).toEqual([from])
    expect(call?.all).toHaveLength(1)
  })

  it.each([
    { reason: 'what stays as it is', step: { action: 'no-op' } },
    { reason: 'what is taken over as it is', step: { action: 'adopt' } },
    { reason: 'what goes', step: { action: 'delete', desired: undefined } },
  ])('$reason is not asked about', async ({ step }) => {
    expect(await asked(step)).toEqual([])
  })
})

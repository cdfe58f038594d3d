/** What is gone from where it is recorded is looked for on the stack's other connections of the same type. */
import { describe, expect, it } from 'vitest'
import { InfraError } from '../../src/model/error.js'
import type { Plan } from '../../src/planner/plan.js'
import type { Identity, Observation, Provider, Target } from '../../src/providers/provider.js'
import { findElsewhere } from '../../src/session/elsewhere.js'
import type { StateDocument } from '../../src/state/document.js'

const lost = new InfraError({ kind: 'connection', code: 'lost', message: 'out of reach' })

function provider(answer: Identity | InfraError | undefined): Provider {
  const seen: Observation =
    answer === undefined || answer instanceof InfraError
      ? { status: 'absent' }
      : { status: 'present', identity: answer, spec: {}, facts: {} }
  return {
    observe: (targets: readonly Target[]) =>
      answer instanceof InfraError
        ? Promise.reject(answer)
        : Promise.resolve(new Map(targets.map(target => [target.address, seen]))),
  } as unknown as Provider
}

const cases: readonly {
  readonly reason: string
  readonly drift?: 'modified' | 'deleted'
  readonly identity?: Identity
  readonly second: Identity | InfraError | undefined
  readonly type?: string
  readonly told: readonly string[]
}[] = [
  {
    reason: 'the same object on the other host is told, with the way to end the move',
    second: { uuid: 'u' },
    told: ['VirtualMachine web is on second, and is recorded on first'],
  },
  { reason: 'another object of its name is another object', second: { uuid: 'v' }, told: [] },
  { reason: 'what is nowhere was deleted', second: undefined, told: [] },
  { reason: 'a host that is away tells of nothing', second: lost, told: [] },
  { reason: 'what is where it is recorded is not looked for', drift: 'modified', second: lost, told: [] },
  { reason: 'what has no UUID cannot be known again', identity: { id: '7' }, second: { id: '7' }, told: [] },
  { reason: 'a connection of another type has other objects', second: { uuid: 'u' }, type: 'ceph', told: [] },
]

describe('what is gone from where it is recorded', () => {
  it.each(cases)('$reason', async ({ drift = 'deleted', identity = { uuid: 'u' }, second, type, told }) => {
    const record = {
      address: 'VirtualMachine/web',
      kind: 'VirtualMachine',
      name: 'web',
      connection: 'first',
      identity,
    }
    const state = { resources: { 'VirtualMachine/web': record } } as unknown as StateDocument
    const plan = { drift: [{ address: 'VirtualMachine/web', status: drift }] } as unknown as Plan
    const providers = new Map([
      ['first', provider(undefined)],
      ['second', provider(second)],
    ])
    const connections = [
      { name: 'first', type: 'libvirt', settings: {} },
      { name: 'second', type: type ?? 'libvirt', settings: {} },
    ]
    const signal = new AbortController().signal
    const input = { connections, signal } as unknown as Parameters<typeof findElsewhere>[3]
    const found = await findElsewhere(plan, state, providers, input)
    expect(found.map(error => error.message)).toEqual(told)
    if (told.length > 0) expect(found[0]?.hint).toBe('End the move: infra vm migrate web --to second')
  })
})

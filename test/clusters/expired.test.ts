/** What a reaping deletes, and what it leaves. */
import { describe, expect, it } from 'vitest'
import { decideDue, lookForExpired } from '../../src/cli/clusters/expired.js'
import type { ClusterHosts } from '../../src/cli/clusters/hosts.js'
import type { Session } from '../../src/session/session.js'
import type { Lifecycle } from '../../src/stack/desired.js'
import { simulatedHost } from '../providers/vcluster/simulated-host.js'

const a = 'VirtualCluster/a'
const b = 'VirtualCluster/b'
const vm = 'VirtualMachine/runner'
const volume = 'Volume/data'

const rows: readonly {
  readonly reason: string
  readonly expired: readonly string[]
  /** Who needs whom. */
  readonly needs?: Readonly<Record<string, readonly string[]>>
  readonly guarded?: readonly string[]
  readonly dependents?: boolean
  readonly due: readonly string[]
  readonly kept?: Readonly<Record<string, string>>
}[] = [
  { reason: 'nothing expired, nothing is due', expired: [], due: [] },
  { reason: 'what expired is due', expired: [a, b], due: [a, b] },
  {
    reason: 'a protected one stays, and hides no other',
    expired: [a, b],
    guarded: [a],
    due: [b],
    kept: { [a]: 'guarded' },
  },
  {
    reason: 'a timer deletes no machine that has no time to live',
    expired: [a, b],
    needs: { [vm]: [a] },
    due: [b],
    kept: { [a]: `${vm} needs it` },
  },
  {
    reason: 'nor one that needs it over another resource',
    expired: [a],
    needs: { [volume]: [a], [vm]: [volume] },
    due: [],
    kept: { [a]: `${volume} needs it` },
  },
  {
    reason: 'unless it was asked to',
    expired: [a],
    needs: { [volume]: [a], [vm]: [volume] },
    dependents: true,
    due: [a, vm, volume],
  },
  {
    reason: 'a protected dependent holds it even then',
    expired: [a, b],
    needs: { [vm]: [a] },
    guarded: [vm],
    dependents: true,
    due: [b],
    kept: { [a]: `${vm} needs it: guarded` },
  },
  { reason: 'a cluster that needs another goes with it', expired: [a, b], needs: { [b]: [a] }, due: [a, b] },
  {
    reason: 'what needs a cluster that stays does not hold it, the other way round it does',
    expired: [a],
    needs: { [a]: [b] },
    due: [a],
  },
  {
    reason: 'two that need each other end the search',
    expired: [a],
    needs: { [vm]: [a, volume], [volume]: [vm] },
    dependents: true,
    due: [a, vm, volume],
  },
]

describe('decideDue', () => {
  it.each(rows)('$reason', ({ expired, needs = {}, guarded = [], dependents = false, due, kept = {} }) => {
    const all = [...new Set([...expired, ...Object.keys(needs), ...Object.values(needs).flat()])]
    const records = Object.fromEntries(all.map(one => [one, { dependencies: needs[one] ?? [] }]))
    const decided = decideDue(
      expired,
      records,
      address => (guarded.includes(address) ? 'guarded' : undefined),
      dependents,
    )
    expect([...decided.due].sort()).toEqual(due)
    expect(Object.fromEntries(decided.kept)).toEqual(kept)
  })
})

describe('an expired cluster of this stack', () => {
  const look = (lifecycles: { readonly declared?: Lifecycle; readonly recorded?: Lifecycle }) => {
    const world = simulatedHost()
    world.put('/apis/apps/v1/namespaces/a/statefulsets/a', {
      metadata: {
        labels: { app: 'vcluster', release: 'a', 'infra/lineage': 'l' },
        annotations: { 'infra/address': a, 'infra/expires-at': '2001-01-01T00:00:00.000Z' },
      },
      spec: { replicas: 1, template: {} },
    })
    const { declared = {}, recorded = {} } = lifecycles
    const record = { address: a, kind: 'VirtualCluster', connection: 'lab', name: 'a', dependencies: [] }
    const session = {
      stack: { resources: new Map([[a, { lifecycle: declared }]]) },
      state: {
        lineage: 'l',
        resources: { [a]: { ...record, spec: { namespace: 'a' }, lifecycle: recorded } },
      },
    } as unknown as Session
    const now = Date.parse('2026-01-01T00:00:00Z')
    const host = { host: { ...world.host, now: () => now }, ports: { clock: { now: () => now } } }
    const hosts = { open: new Map([['lab', host]]), down: [], close: () => undefined }
    return lookForExpired(
      session,
      hosts as unknown as ClusterHosts,
      { dependents: false },
      AbortSignal.timeout(30_000),
    )
  }

  it('is due', async () => {
    expect([...(await look({})).due]).toEqual([a])
  })
  it.each([
    ['by its document', { declared: { preventDestroy: true } }],
    ['by what was recorded', { recorded: { preventDestroy: true } }],
  ])('stays where it is protected %s', async (_reason, lifecycles) => {
    const { due, clusters } = await look(lifecycles)
    expect([...due]).toEqual([])
    expect(clusters).toMatchObject([{ name: 'a', kept: 'it is protected (lifecycle.preventDestroy)' }])
  })
})

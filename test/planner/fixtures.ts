/** Small kinds and builders for tests of planner and engine: every way of changing, in one kind. */
import { z } from 'zod'
import type { Attributes } from '../../src/model/value.js'
import type { PlanInput } from '../../src/planner/input.js'
import type { Kind } from '../../src/providers/kind.js'
import type { Identity, Observation } from '../../src/providers/provider.js'
import type { DesiredResource, Lifecycle } from '../../src/stack/desired.js'
import type { ResourceRecord } from '../../src/state/document.js'

const number = (value: unknown) => (typeof value === 'number' ? value : 0)

/** A machine: `colour` changes live, `mode` at a restart, `shape` by replacement, `size` grows live and never shrinks. */
export const machine: Kind = {
  kind: 'Machine',
  provider: 'test',
  summary: 'A machine for tests.',
  schema: z.record(z.string(), z.unknown()),
  keyedLists: { parts: 'id' },
  sensitive: ['secret'],
  facts: { uuid: 'Its UUID.' },
  changes: [
    {
      path: 'size',
      when: { text: 'it grows', holds: (from, to) => number(to) >= number(from) },
      how: 'live',
    },
    { path: 'size', how: 'refuse', why: 'shrinking loses data', hint: 'Make a new one.' },
    { path: 'colour', how: 'live' },
    { path: 'secret', how: 'live' },
    { path: 'mode', how: 'restart', why: 'it is read at the start' },
    { path: 'parts[]', op: 'add', how: 'live' },
    { path: 'parts[]', op: 'remove', how: 'live', hazards: ['detaches-disk'] },
    { path: 'parts[].length', how: 'live' },
  ],
  canonical: spec => spec,
  deletion: () => ({ hazards: [], undo: 'recreate' }),
  replacedWith: kind => kind === 'Store',
}

/** A store: it holds data, which is kept when it is deleted. */
export const store: Kind = {
  ...machine,
  kind: 'Store',
  summary: 'A store for tests.',
  deletion: () => ({ hazards: ['deletes-data'], undo: 'restore' }),
  replacedWith: () => false,
}

/** A deposit: what is in it cannot come back. */
export const deposit: Kind = {
  ...store,
  kind: 'Deposit',
  deletion: () => ({ hazards: ['deletes-data'], undo: 'none' }),
}

export const testKinds: ReadonlyMap<string, Kind> = new Map(
  [machine, store, deposit].map(kind => [kind.kind, kind]),
)

export const lineage = '11111111-1111-4111-8111-111111111111'

export function desiredOf(
  address: string,
  spec: Attributes = {},
  more: Partial<DesiredResource> & { readonly lifecycle?: Lifecycle } = {},
): DesiredResource {
  const [kind = '', name = ''] = address.split('/')
  return {
    address,
    kind,
    name,
    connection: 'embedded',
    managed: true,
    labels: {},
    annotations: {},
    lifecycle: {},
    spec,
    sensitive: [],
    dependencies: [],
    source: { file: 'stack.yaml', line: 1 },
    ...more,
  }
}

export function recordOf(desired: DesiredResource, more: Partial<ResourceRecord> = {}): ResourceRecord {
  const { managed: _, ...kept } = desired
  return { ...kept, identity: identityOf(desired.address), facts: {}, ...more }
}

export function identityOf(address: string): Identity {
  return { uuid: `uuid-of-${address}` }
}

export function present(
  record: Pick<ResourceRecord, 'address' | 'spec'>,
  more: Partial<Extract<Observation, { status: 'present' }>> = {},
): Observation {
  const owner = { lineage, address: record.address }
  return {
    status: 'present',
    identity: identityOf(record.address),
    owner,
    spec: record.spec,
    facts: {},
    ...more,
  }
}

/** The planner's input; resources that are recorded are observed as recorded, the others as absent, unless said. */
export function inputOf(parts: {
  readonly desired?: readonly DesiredResource[]
  readonly records?: readonly ResourceRecord[]
  readonly observed?: Readonly<Record<string, Observation>>
  readonly options?: Partial<PlanInput['options']>
  readonly restore?: PlanInput['restore']
}): PlanInput {
  const desired = parts.desired ?? []
  const records = parts.records ?? []
  const observed = new Map<string, Observation>()
  for (const resource of desired) observed.set(resource.address, { status: 'absent' })
  for (const record of records) observed.set(record.address, present(record, { identity: record.identity }))
  for (const [address, observation] of Object.entries(parts.observed ?? {}))
    observed.set(address, observation)
  return {
    stack: 'test',
    desired: new Map(desired.map(resource => [resource.address, resource])),
    state: {
      lineage,
      serial: 7,
      resources: Object.fromEntries(records.map(record => [record.address, record])),
    },
    observed,
    kinds: testKinds,
    connections: { embedded: { type: 'embedded', description: 'embedded' } },
    outputs: {},
    ...(parts.restore && { restore: parts.restore }),
    options: { mode: 'apply', ...parts.options },
  }
}

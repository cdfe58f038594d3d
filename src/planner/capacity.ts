/** What hosts and pools hold before and after a plan. Pure; counts what documents declare, not what thin volumes take. */
import type { Address } from '../model/address.js'
import type { Attributes, Json } from '../model/value.js'
import type { Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import type { Capacity, Step } from './plan.js'
import { dataSizes, gibOf, hostNeeds } from './sizes.js'

export interface CapacityInput {
  readonly steps: readonly Step[]
  readonly records: Readonly<Record<Address, ResourceRecord>>
  readonly desired: ReadonlyMap<Address, DesiredResource>
  readonly observed: ReadonlyMap<Address, Observation>
}

interface Line {
  readonly place: string
  readonly resource: string
  readonly unit: string
  before: number
  after: number
  limit?: number
}

/** The places that the plan takes from or gives back to; a place of which nothing changes is left out. */
export function capacityOf(input: CapacityInput): Capacity[] {
  if (input.steps.length === 0) return []
  const pools = poolAddresses(input)
  const lines = new Map<string, Line>()
  const add = (spec: Attributes, connection: string, before: 0 | 1, after: 0 | 1) => {
    for (const use of usesOf(spec, connection, pools)) {
      const line = lineFor(lines, use.place, use.resource, use.unit)
      line.before += before * use.amount
      line.after += after * use.amount
    }
  }
  const moved = new Set<Address>()
  for (const step of input.steps) {
    moved.add(step.address)
    const isThere = input.observed.get(step.address)?.status !== 'absent'
    if (step.before && step.phase !== 'create') {
      const leaves = step.action === 'delete' || step.action === 'forget' || step.phase === 'delete'
      const kept = step.action === 'forget' && isThere
      const connection = input.records[step.address]?.connection ?? step.connection
      if (isThere) add(step.before.spec, connection, 1, 0)
      if (kept || (!leaves && !step.desired)) add(step.before.spec, connection, 0, 1)
    }
    if (step.desired && step.phase !== 'delete') add(step.desired.spec, step.connection, 0, 1)
  }
  for (const [address, record] of Object.entries(input.records)) {
    if (moved.has(address) || input.observed.get(address)?.status === 'absent') continue
    add(record.spec, record.connection, 1, 1)
  }
  limits(input, lines)
  return [...lines.values()]
    .map(line => ({ ...line, before: rounded(line.before), after: rounded(line.after) }))
    .filter(line => line.before !== line.after)
    .sort((a, b) => compare(a.place, b.place) || compare(a.resource, b.resource))
}

function usesOf(spec: Attributes, connection: string, pools: ReadonlyMap<string, Address>) {
  const uses: { place: string; resource: string; unit: string; amount: number }[] = []
  const needs = hostNeeds(spec)
  if (needs) {
    const place = `connection ${connection}`
    uses.push({ place, resource: 'vCPUs', unit: '', amount: needs.vcpus })
    uses.push({ place, resource: 'memory', unit: 'GiB', amount: needs.memoryGib })
  }
  for (const { gib, pool } of dataSizes(spec)) {
    if (pool === undefined) continue
    const place = pools.get(`${connection} ${pool}`) ?? `pool ${pool} of ${connection}`
    uses.push({ place, resource: 'disk', unit: 'GiB', amount: gib })
  }
  return uses
}

const isPool = (kind: string): boolean => kind.endsWith('Pool')

/** Addresses of the pools that the stack declares or has recorded, by connection and name. */
function poolAddresses({ desired, records }: CapacityInput): Map<string, Address> {
  const pools = new Map<string, Address>()
  for (const [address, record] of Object.entries(records))
    if (isPool(record.kind)) pools.set(`${record.connection} ${record.name}`, address)
  for (const one of desired.values())
    if (isPool(one.kind)) pools.set(`${one.connection} ${one.name}`, one.address)
  return pools
}

/** How much each place has, from the facts that were observed of pools and of hosts. */
function limits(input: CapacityInput, lines: ReadonlyMap<string, Line>): void {
  for (const [address, observation] of input.observed) {
    if (observation.status !== 'present') continue
    const { facts } = observation
    const disk = lines.get(key(address, 'disk'))
    const size = sizeFact(facts, ['capacityGiB', 'capacity', 'capacityBytes'])
    if (disk && size !== undefined) disk.limit = size
    const resource = input.desired.get(address) ?? input.records[address]
    if (resource?.kind !== 'Host') continue
    const place = `connection ${resource.connection}`
    const vcpus = lines.get(key(place, 'vCPUs'))
    if (vcpus && typeof facts.vcpus === 'number') vcpus.limit = facts.vcpus
    const memory = lines.get(key(place, 'memory'))
    const total = sizeFact(facts, ['memoryGiB', 'memory', 'memoryBytes'])
    if (memory && total !== undefined) memory.limit = total
  }
}

function sizeFact(facts: Attributes, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value: Json | undefined = facts[name]
    const amount = name.endsWith('GiB') && typeof value === 'number' ? value : gibOf(value)
    if (amount !== undefined) return rounded(amount)
  }
  return undefined
}

function lineFor(lines: Map<string, Line>, place: string, resource: string, unit: string): Line {
  const known = lines.get(key(place, resource))
  if (known) return known
  const line: Line = { place, resource, unit, before: 0, after: 0 }
  lines.set(key(place, resource), line)
  return line
}

const key = (place: string, resource: string): string => `${place} ${resource}`
const rounded = (amount: number): number => Math.round(amount * 1000) / 1000
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

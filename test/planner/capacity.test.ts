import { describe, expect, it } from 'vitest'
import { capacityOf } from '../../src/planner/capacity.js'
import type { Step } from '../../src/planner/plan.js'
import { dataSizes, gibOf } from '../../src/planner/sizes.js'
import type { Observation } from '../../src/providers/provider.js'
import type { ResourceRecord } from '../../src/state/document.js'
import { resource, step } from '../report/fixtures.js'

const machine = {
  vcpus: 2,
  memoryGiB: 4,
  bootDisk: { sizeGB: 20 },
  dataDisks: [{ device: 'vdb', sizeGB: 100 }],
  storagePool: 'vms',
}
const there = (facts = {}): Observation => ({ status: 'present', identity: {}, spec: {}, facts })

function record(address: string, spec: ResourceRecord['spec']): ResourceRecord {
  const { managed: _, ...rest } = resource(address, spec)
  return { ...rest, identity: {}, facts: {} }
}

function capacity(
  steps: readonly Step[],
  records: readonly ResourceRecord[],
  observed: Readonly<Record<string, Observation>>,
) {
  return capacityOf({
    steps,
    records: Object.fromEntries(records.map(one => [one.address, one])),
    desired: new Map(steps.flatMap(one => (one.desired ? [[one.address, one.desired] as const] : []))),
    observed: new Map(Object.entries(observed)),
  }).map(
    ({ place, resource: what, before, after, limit }) =>
      `${place} ${what} ${before}→${after}${limit ? ` of ${limit}` : ''}`,
  )
}

const pool = record('StoragePool/vms', { type: 'dir' })
const poolThere = { 'StoragePool/vms': there({ capacityBytes: 200 * 2 ** 30 }) }
const a = record('VirtualMachine/a', machine)
const before = { spec: machine, sensitive: [], identity: {} }
const bigger = resource('VirtualMachine/a', { ...machine, memoryGiB: 8 })

describe('capacity', () => {
  it.each([
    [
      'a create takes from its host and its pool',
      [step('create', 'VirtualMachine/b', { desired: resource('VirtualMachine/b', machine) })],
      { 'VirtualMachine/a': there(), 'VirtualMachine/b': { status: 'absent' } },
      [
        'StoragePool/vms disk 120→240 of 200',
        'connection libvirt memory 4→8',
        'connection libvirt vCPUs 2→4',
      ],
    ],
    [
      'an update tells only what changes',
      [step('update', 'VirtualMachine/a', { desired: bigger, before })],
      { 'VirtualMachine/a': there() },
      ['connection libvirt memory 4→8'],
    ],
    [
      'a delete gives back',
      [step('delete', 'VirtualMachine/a', { before })],
      { 'VirtualMachine/a': there() },
      ['StoragePool/vms disk 120→0 of 200', 'connection libvirt memory 4→0', 'connection libvirt vCPUs 2→0'],
    ],
    [
      'what is forgotten stays where it is',
      [step('forget', 'VirtualMachine/a', { before })],
      { 'VirtualMachine/a': there() },
      [],
    ],
    [
      'what is gone takes nothing before it is made again',
      [step('create', 'VirtualMachine/a', { desired: resource('VirtualMachine/a', machine), before })],
      { 'VirtualMachine/a': { status: 'absent' } },
      ['StoragePool/vms disk 0→120 of 200', 'connection libvirt memory 0→4', 'connection libvirt vCPUs 0→2'],
    ],
    [
      'a replacement counts the old before and the new after',
      [
        step('replace', 'VirtualMachine/a', { phase: 'delete', before }),
        step('replace', 'VirtualMachine/a', { phase: 'create', before, desired: bigger }),
      ],
      { 'VirtualMachine/a': there() },
      ['connection libvirt memory 4→8'],
    ],
  ] as readonly (readonly [string, readonly Step[], Record<string, Observation>, readonly string[]])[])(
    '%s',
    (_reason, steps, observed, expected) => {
      expect(capacity(steps, [pool, a], { ...poolThere, ...observed })).toEqual(expected)
    },
  )
})

describe('sizes of a spec', () => {
  it('finds them at any depth, with the pool they are in', () => {
    const spec = { ...machine, volumes: [{ size: '1.5TiB', pool: 'fast' }], size: { $unresolved: 'x' } }
    expect(dataSizes(spec)).toEqual([
      { path: 'bootDisk.sizeGB', gib: 20, pool: 'vms' },
      { path: 'dataDisks[vdb].sizeGB', gib: 100, pool: 'vms' },
      { path: 'volumes[0].size', gib: 1536, pool: 'fast' },
    ])
  })

  it.each([
    [2 ** 30, 1],
    ['512 MiB', 0.5],
    ['10G', 10],
    ['1000MB', 0.931],
    ['soon', undefined],
    [3, undefined],
    [null, undefined],
  ])('%j is %s GiB', (value, gib) => {
    const size = gibOf(value)
    expect(size === undefined ? size : Math.round(size * 1000) / 1000).toBe(gib)
  })
})

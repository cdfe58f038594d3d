/** Plans to render: a small one with one of everything, and large ones. */
import { planDigest } from '../../src/planner/digest.js'
import { type Change, type Plan, type PlanCounts, planFormat, type Step } from '../../src/planner/plan.js'
import type { DesiredResource } from '../../src/stack/desired.js'

export const secret = '$6$rounds=4096$correct-horse-battery'
export const token = 'tok-5f0c9d2b7a'

export function resource(
  address: string,
  spec: DesiredResource['spec'],
  more: Partial<DesiredResource> = {},
): DesiredResource {
  const slash = address.indexOf('/')
  return {
    address,
    kind: address.slice(0, slash),
    name: address.slice(slash + 1),
    connection: 'libvirt',
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

export function step(action: Step['action'], address: string, more: Partial<Step> = {}): Step {
  const slash = address.indexOf('/')
  const prefix = action === 'replace' ? `replace-${more.phase ?? 'create'}` : action
  return {
    id: `${prefix} ${address}`,
    action,
    address,
    kind: address.slice(0, slash),
    name: address.slice(slash + 1),
    connection: 'libvirt',
    needs: [],
    changes: [],
    hazards: [],
    undo: { how: 'delete', text: 'deleted again' },
    ...more,
  }
}

export function change(
  path: string,
  from: Change['from'],
  to: Change['to'],
  more: Partial<Change> = {},
): Change {
  return {
    path,
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    origin: 'stack',
    how: 'live',
    ...more,
  }
}

export function planOf(steps: readonly Step[], more: Partial<Plan> = {}): Plan {
  const counts = { create: 0, update: 0, replace: 0, delete: 0, adopt: 0, forget: 0 }
  for (const one of steps) if (one.action !== 'no-op' && one.phase !== 'delete') counts[one.action] += 1
  const draft = {
    format: planFormat,
    stack: 'shop',
    mode: 'apply',
    base: { lineage: '6f9c1c1e-58a5-4f0e-9d0e-0a4b9a0f7c11', serial: 41 },
    connections: { libvirt: { type: 'libvirt', description: 'libvirt 9.0.0 at qemu:///system' } },
    steps,
    counts: { ...counts, unchanged: 12 } satisfies PlanCounts,
    drift: [],
    unreadable: [],
    incomplete: false,
    remarks: [],
    pending: [],
    observed: {},
    outputs: {},
    ...more,
  } as const
  return { ...draft, digest: planDigest(draft) }
}

const machine = { vcpus: 2, memoryGiB: 4, bootDisk: { sizeGB: 20 }, storagePool: 'vms', autostart: true }

/** One of everything: a delete with data, a replacement, updates live and at restart, drift, secrets, unreadable, policy. */
export function mixedPlan(): Plan {
  const replaced = [
    change('format', 'qcow2', 'raw', { how: 'replace', why: 'a volume keeps its format' }),
    change('size', '40GiB', '60GiB'),
  ]
  const web = { ...machine, vcpus: 4, cloudInit: { fqdn: 'web.example.org', passwordHash: secret } }
  return planOf(
    [
      step('delete', 'VirtualMachine/legacy', {
        hazards: ['deletes-data', 'irreversible'],
        undo: { how: 'none', text: 'it cannot be undone' },
        before: {
          spec: {
            ...machine,
            dataDisks: [{ device: 'vdb', sizeGB: 100 }],
            cloudInit: { passwordHash: secret },
          },
          sensitive: ['cloudInit.passwordHash'],
          identity: { uuid: '1' },
        },
      }),
      step('replace', 'Volume/data', {
        phase: 'delete',
        changes: replaced,
        cause: 'format cannot change in place: a volume keeps its format',
        hazards: ['deletes-data'],
        undo: {
          how: 'restore',
          text: 'kept aside, and brought back with its data until the checkpoint is pruned',
        },
        before: {
          spec: { size: '40GiB', format: 'qcow2', pool: 'vms' },
          sensitive: [],
          identity: { key: 'a' },
        },
      }),
      step('replace', 'Volume/data', {
        phase: 'create',
        changes: replaced,
        cause: 'format cannot change in place: a volume keeps its format',
        needs: ['replace-delete Volume/data'],
        desired: resource('Volume/data', { size: '60GiB', format: 'raw', pool: 'vms' }),
        before: {
          spec: { size: '40GiB', format: 'qcow2', pool: 'vms' },
          sensitive: [],
          identity: { key: 'a' },
        },
      }),
      step('update', 'VirtualMachine/web', {
        changes: [
          change('vcpus', 2, 4, { how: 'restart' }),
          change('autostart', false, true, { origin: 'drift' }),
          change('cloudInit.passwordHash', 'old-secret-hash', secret, { sensitive: true }),
        ],
        hazards: ['restarts-vm'],
        restart: true,
        needs: ['replace-create Volume/data'],
        undo: { how: 'update', text: 'changed back to what it was' },
        desired: resource('VirtualMachine/web', web, {
          sensitive: ['cloudInit.passwordHash'],
          dependencies: ['Volume/data'],
          labels: { owner: 'shop', note: `hash is ${secret}` },
        }),
        before: { spec: machine, sensitive: ['cloudInit.passwordHash'], identity: { uuid: '2' } },
      }),
      step('update', 'VirtualMachine/db', {
        changes: [change('memoryGiB', 4, 8, { how: 'restart' })],
        undo: { how: 'update', text: 'changed back to what it was' },
        desired: resource('VirtualMachine/db', { ...machine, memoryGiB: 8 }),
        before: { spec: machine, sensitive: [], identity: { uuid: '3' } },
      }),
      step('create', 'VirtualMachine/worker[a]', {
        desired: resource(
          'VirtualMachine/worker[a]',
          {
            ...machine,
            cloudInit: { passwordHash: secret },
            // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference as documents write it
            uuid: { $unresolved: '${Volume.data.key}' },
          },
          { sensitive: ['cloudInit.passwordHash'] },
        ),
        needs: ['replace-create Volume/data'],
      }),
      step('create', 'VirtualMachine/worker[b]', { desired: resource('VirtualMachine/worker[b]', machine) }),
      step('forget', 'Image/old', {
        cause: 'it is gone already',
        undo: { how: 'adopt', text: 'recorded again; the real thing is not touched' },
        before: { spec: { url: 'https://example.org/a.qcow2' }, sensitive: [], identity: {} },
      }),
    ],
    {
      drift: [
        {
          address: 'VirtualMachine/web',
          kind: 'VirtualMachine',
          status: 'modified',
          changes: [{ path: 'autostart', from: true, to: false }],
        },
        { address: 'Volume/scratch', kind: 'Volume', status: 'deleted', changes: [] },
      ],
      unreadable: [{ address: 'Volume/far', why: 'connection refused' }],
      incomplete: true,
      remarks: [{ address: 'VirtualMachine/db', text: 'paused by hand' }],
      pending: [{ address: 'VirtualMachine/cache', paths: ['memoryGiB'] }],
      outputs: {
        address: { value: '10.0.0.1', sensitive: false },
        token: { value: token, sensitive: true },
      },
      capacity: [
        { place: 'StoragePool/vms', resource: 'disk', unit: 'GiB', before: 80, after: 120, limit: 100 },
        { place: 'connection libvirt', resource: 'vCPUs', unit: '', before: 6, after: 10, limit: 16 },
      ],
    },
  )
}

/** So many resources in groups of ten: one root that nine refer to. */
export function largePlan(count: number, action: 'create' | 'update' | 'delete' = 'create'): Plan {
  const steps: Step[] = []
  for (let index = 0; index < count; index++) {
    const root = index - (index % 10)
    const address = `VirtualMachine/vm-${index}`
    const needs = index === root ? [] : [`${action} VirtualMachine/vm-${root}`]
    const dependencies = index === root ? [] : [`VirtualMachine/vm-${root}`]
    steps.push(
      step(action, address, {
        needs,
        ...(action === 'update' && { changes: [change('vcpus', 2, 4, { how: 'restart' })] }),
        ...(action === 'delete' && { hazards: ['deletes-data'] as const }),
        ...(action !== 'delete' && { desired: resource(address, machine, { dependencies }) }),
        ...(action !== 'create' && {
          before: { spec: machine, sensitive: [], identity: { uuid: String(index) } },
        }),
      }),
    )
  }
  return planOf(steps)
}

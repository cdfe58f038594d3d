/** Records and observations that differ in known ways. */
import type { Observation } from '../../../src/providers/provider.js'
import { type DriftInput, type DriftSubject, driftReport } from '../../../src/report/drift/model.js'
import { resource } from '../fixtures.js'

export const at = Date.parse('2026-05-10T03:00:00Z')
export const secret = '$6$rounds=4096$correct-horse-battery'
export const keyedLists = { dataDisks: 'device' }

export const spec = {
  vcpus: 2,
  autostart: true,
  dataDisks: [
    { device: 'vdb', sizeGB: 10 },
    { device: 'vdc', sizeGB: 20 },
  ],
  cloudInit: { fqdn: 'web.example.org', passwordHash: secret },
  dnsServers: ['10.0.0.1', '10.0.0.2'],
}

export function present(observed: DriftSubject['record']['spec'], more = {}): Observation {
  return { status: 'present', identity: { uuid: '1' }, spec: observed, facts: {}, ...more }
}

export function subject(
  address: string,
  observation: Observation,
  more: Partial<DriftSubject['record']> = {},
): DriftSubject {
  const { managed: _, ...desired } = resource(address, spec, { sensitive: ['cloudInit.passwordHash'] })
  const record = {
    ...desired,
    identity: { uuid: '1' },
    facts: {},
    source: { file: 'my stack/a&b.yaml', line: 7 },
    ...more,
  }
  return { record, observation, kind: { keyedLists } }
}

export function input(subjects: readonly DriftSubject[], more: Partial<DriftInput> = {}): DriftInput {
  return {
    stack: 'shop',
    base: { lineage: 'l', serial: 41 },
    connections: { libvirt: { type: 'libvirt', description: 'libvirt 9.0.0' } },
    at,
    milliseconds: 1500,
    subjects,
    unmanaged: [],
    ignores: [],
    ...more,
  }
}

export const drifted = {
  ...spec,
  vcpus: 4,
  dataDisks: [{ device: 'vdb', sizeGB: 12 }],
  cloudInit: { fqdn: 'web.example.org', passwordHash: '$6$other-secret-hash' },
}

/** One of everything. */
export function mixedReport(more: Partial<DriftInput> = {}) {
  return driftReport(
    input(
      [
        subject('VirtualMachine/web', present(drifted, { remark: 'paused by hand', pending: ['vcpus'] })),
        subject('VirtualMachine/calm', present(spec)),
        subject('VirtualMachine/gone', { status: 'absent' }),
        subject('VirtualMachine/far', { status: 'unreadable', why: 'connection refused' }),
        subject('VirtualMachine/known', present({ ...spec, autostart: false })),
      ],
      {
        unmanaged: [
          { kind: 'Volume', name: 'found', identity: {}, place: 'in pool vms', connection: 'libvirt' },
          { kind: 'Volume', name: 'scratch-1', identity: {}, place: 'in pool vms', connection: 'libvirt' },
        ],
        ignores: [
          {
            address: 'VirtualMachine/known',
            path: 'autostart',
            reason: 'maintenance',
            until: '2026-05-10',
            line: 4,
          },
          { address: 'Volume/scratch-*', reason: 'scratch space', line: 5 },
          { address: 'VirtualMachine/*', path: 'vcpus', reason: 'last spring', until: '2026-05-09', line: 6 },
          { address: 'Image/*', reason: 'nothing of that', line: 7 },
        ],
        ...more,
      },
    ),
  )
}

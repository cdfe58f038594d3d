import type { ResourceRecord, StateDocument } from '../../src/state/document.js'

/** A record as a provider's kinds make it, of about 800 bytes. */
export function sampleRecord(name: string, more: Partial<ResourceRecord> = {}): ResourceRecord {
  return {
    address: `VirtualMachine/${name}`,
    kind: 'VirtualMachine',
    name,
    connection: 'embedded',
    labels: { tier: 'web', env: 'production' },
    annotations: {},
    lifecycle: { preventDestroy: true },
    spec: {
      cpu: { cores: 4, sockets: 1 },
      memoryMiB: 4096,
      image: 'Image/debian',
      dataDisks: [
        { name: 'vdb', sizeGB: 20, format: 'qcow2' },
        { name: 'vdc', sizeGB: 100, format: 'raw' },
      ],
      interfaces: [{ bridge: 'br0', mac: '52:54:00:12:34:56', model: 'virtio' }],
      cloudInit: { hostname: name, user: 'debian', keys: [`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI ${name}`] },
    },
    sensitive: ['cloudInit.passwordHash'],
    dependencies: [],
    source: { file: 'stack.yaml', line: 14 },
    identity: { uuid: '6f1c2d3e-0000-4000-8000-000000000001' },
    facts: {
      state: 'running',
      address: '10.0.0.17',
      interfaces: [{ tap: 'tap-web', mac: '52:54:00:12:34:56' }],
    },
    ...more,
  }
}

export function sampleState(serial: number, names: readonly string[], more: Partial<StateDocument> = {}) {
  const records = names.map(name => sampleRecord(name))
  const document: StateDocument = {
    format: 1,
    lineage: '11111111-2222-4333-8444-555555555555',
    serial,
    stack: 'sample',
    resources: Object.fromEntries(records.map(record => [record.address, record])),
    outputs: { ip: { value: '10.0.0.17', sensitive: false } },
    ...more,
  }
  return document
}

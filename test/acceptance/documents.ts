/** Stacks for tests, small: machines that run without a guest, and those of the lab's fast one. */
import type { Attributes } from '../../src/model/value.js'

/** A stack document with its connection, and resources, as the text of one file. */
export function stackText(uri: string, ...resources: readonly Attributes[]): string {
  const head = {
    apiVersion: 'infra/v1',
    kind: 'Stack',
    metadata: { name: 'shop' },
    spec: { providers: { libvirt: { uri } } },
  }
  return [head, ...resources].map(document => `${JSON.stringify(document, undefined, 2)}\n`).join('---\n')
}

export function resource(
  kind: string,
  name: string,
  spec: Attributes,
  metadata: Attributes = {},
): Attributes {
  return { apiVersion: 'infra/v1', kind, metadata: { name, ...metadata }, spec }
}

/** Runs within a second and needs no image: its firmware finds nothing to boot. */
export function bareMachine(name: string, pool: string, spec: Attributes = {}): Attributes {
  return resource('VirtualMachine', name, {
    vcpus: 1,
    memoryGiB: 0.0625,
    virtualization: 'qemu',
    firmware: 'bios',
    tcgCacheMiB: 16,
    storagePool: pool,
    bootDisk: { sizeGB: 0.01, empty: true },
    networkInterfaces: [{ network: 'lab', dhcp: true }],
    autostart: false,
    shutdownTimeoutSeconds: 1,
    ...spec,
  })
}

/** The lab's fast guest, from `fast.qcow2` in the same pool, up to its agent answering: half a minute on a busy machine. */
export function fastMachine(name: string, pool: string, spec: Attributes = {}): Attributes {
  return resource('VirtualMachine', name, {
    vcpus: 1,
    memoryGiB: 0.25,
    virtualization: 'qemu',
    cpuMode: 'maximum',
    firmware: 'bios',
    tcgCacheMiB: 64,
    storagePool: pool,
    bootDisk: { sizeGB: 0.1, image: `${pool}:fast.qcow2` },
    networkInterfaces: [{ network: 'lab', dhcp: true }],
    autostart: false,
    readiness: { until: 'agent', timeoutSeconds: 240 },
    shutdownTimeoutSeconds: 1,
    ...spec,
  })
}

/** Machines whose XML the tests build, read, change and have libvirt check. */

import type { Attributes } from '../../../../src/model/value.js'
import { virtualMachine } from '../../../../src/providers/libvirt/kinds/virtual-machine/index.js'
import type { DomainInput } from '../../../../src/providers/libvirt/xml/domain-input.js'
import { withoutSecrets } from '../../../../src/providers/libvirt/xml/metadata.js'

export const lineage = '6f1c1f8e-3a53-4b4d-9c1e-0f9d3f3f2a11'

/** A canonical spec, as the engine hands it to the provider. */
export function canonical(spec: Attributes, name = 'web'): Attributes {
  return virtualMachine.canonical(spec, { name, labels: {}, annotations: {} })
}

export function inputOf(spec: Attributes, name = 'web'): DomainInput {
  const filled = canonical(spec, name)
  return {
    name,
    uuid: '2b7f5a3c-0d4f-4f27-9a39-5c5b2a7d9e01',
    spec: filled,
    metadata: {
      owner: { lineage, address: `VirtualMachine/${name}` },
      labels: { tier: 'front <&>' },
      document: withoutSecrets(filled, virtualMachine.sensitive),
      ...(filled.cloudInit !== undefined && { seed: 'ab'.repeat(32) }),
    },
    ...(filled.serialLog !== false && {
      serialLogPath:
        typeof filled.serialLog === 'string' ? filled.serialLog : `/var/log/libvirt/qemu/${name}-serial.log`,
    }),
    ...(filled.ignition !== undefined && { ignitionPath: `/var/lib/libvirt/images/${name}_ignition` }),
    rbdSecrets: { vdd: '0f9d3f3f-3a53-4b4d-9c1e-6f1c1f8e2a11' },
  }
}

/** Foundry's own two examples, as its documents write them. */
export const simple: Attributes = {
  vcpus: 4,
  memoryGiB: 8,
  bootDisk: { sizeGB: 50, image: 'fedora-43.qcow2' },
  networkInterfaces: [
    {
      ip: '10.250.250.10/24',
      gateway: '10.250.250.1',
      dnsServers: ['8.8.8.8', '1.1.1.1'],
      bridge: 'br0',
      defaultRoute: true,
    },
  ],
  cloudInit: {
    fqdn: 'Web.Example.org',
    sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8Ht8Z8 me@example'],
    passwordHash: '$6$salt$hash',
  },
}

export const multiDisk: Attributes = {
  ...simple,
  vcpus: 8,
  memoryGiB: 16,
  dataDisks: [
    { device: 'vdc', sizeGB: 200 },
    { device: 'vdb', sizeGB: 100 },
  ],
  cpuMode: 'host-passthrough',
  autostart: false,
  storagePool: 'fast',
}

export const everything: Attributes = {
  title: 'The <web> & more',
  description: 'Line one\nline "two"',
  vcpus: 2,
  maxVcpus: 8,
  memoryGiB: 1.3,
  maxMemoryGiB: 4,
  virtualization: 'qemu',
  machine: 'q35',
  cpuMode: 'custom',
  cpuModel: 'Haswell-noTSX',
  cpuFeatures: [
    { name: 'vmx', policy: 'disable' },
    { name: 'aes', policy: 'require' },
  ],
  cpuTopology: { sockets: 2, cores: 2, threads: 2 },
  numa: {
    cells: [
      { cpus: '0-3', memoryGiB: 2 },
      { cpus: '4-7', memoryGiB: 2 },
    ],
    hostNodes: '0',
  },
  tpm: true,
  secureBoot: true,
  tcgCacheMiB: 64,
  graphics: { type: 'vnc', port: 5955, password: 'secret' },
  installIso: 'debian.iso',
  bootOrder: ['cdrom', 'vda', 'lan'],
  bootDisk: {
    sizeGB: 0.25,
    empty: true,
    cache: 'writeback',
    serial: 'BOOT1',
    limits: { totalIops: 500, readBytesPerSecond: 1048576 },
  },
  dataDisks: [
    { device: 'vdb', sizeGB: 1, format: 'raw', serial: 'DATA', cache: 'none' },
    { device: 'vdc', volume: 'other:archive.raw', readOnly: true },
    {
      device: 'vdd',
      source: {
        rbd: {
          pool: 'vms',
          namespace: 'a',
          image: 'disk1',
          monitors: ['10.0.0.1:6789', '[fd00::1]:3300', 'mon3'],
          user: 'libvirt',
          key: 'AQD=',
        },
      },
    },
    { device: 'vde', volume: '/srv/extra.qcow2' },
  ],
  networkInterfaces: [
    {
      name: 'lan',
      ip: '10.55.22.22/24',
      gateway: '10.55.22.1',
      bridge: 'br0',
      link: 'down',
      filter: 'clean-traffic',
      mtu: 1400,
      bandwidth: {
        inbound: { averageKiB: 1000, peakKiB: 5000, burstKiB: 1024 },
        outbound: { averageKiB: 128 },
      },
    },
    { dhcp: true, network: 'lab', model: 'e1000e' },
    { ip: 'FD00::22/64', ethernet: true },
  ],
  ignition: { config: '{}' },
  fwCfg: [
    { name: 'opt/org.example/one', value: 'a < b\n&c' },
    { name: 'opt/org.example/two', file: '/etc/hostname' },
  ],
  shares: [{ tag: 'src', source: '/srv/share' }],
  serialLog: '/var/log/serial-web.log',
  readiness: { until: 'tcp', port: 22 },
}

export const bios: Attributes = {
  vcpus: 1,
  memoryGiB: 0.25,
  virtualization: 'qemu',
  cpuMode: 'maximum',
  firmware: 'bios',
  bootDisk: { sizeGB: 1, image: '/var/lib/x.qcow2' },
  networkInterfaces: [{ dhcp: true, network: 'lab' }],
  cloudInit: { userData: '#!/bin/sh\ntrue\n', bus: 'virtio' },
  serialLog: false,
}

export const machines: Readonly<Record<string, Attributes>> = { simple, multiDisk, everything, bios }

/** What a domain's XML cannot tell, and its volumes or libvirt's other answers do. */
export const elsewhere = [
  'autostart',
  'powerState',
  'readiness',
  'updatePolicy',
  'cloudInit',
  'ignition',
  'shutdownTimeoutSeconds',
]

/** The part of a canonical spec that XML and volumes tell, for comparing with an observation. */
export function observable(spec: Attributes): Attributes {
  const rest = Object.fromEntries(Object.entries(spec).filter(([key]) => !elsewhere.includes(key)))
  const interfaces = spec.networkInterfaces as readonly Attributes[]
  const disks = spec.dataDisks as readonly Attributes[]
  const guestOnly = [
    'ip',
    'addresses',
    'gateway',
    'gateway6',
    'dnsServers',
    'searchDomains',
    'dhcp',
    'dhcp6',
    'defaultRoute',
  ]
  return {
    ...rest,
    networkInterfaces: interfaces.map(item =>
      Object.fromEntries(Object.entries(item).filter(([key]) => !guestOnly.includes(key))),
    ),
    dataDisks: disks
      .map(disk => withoutSecrets({ all: [disk] }, ['all[].source.rbd.key']))
      .map(one => (one.all as readonly Attributes[])[0] ?? {}),
  }
}

/** Pools, networks, volumes and snapshots whose XML the tests build, read and have libvirt check. */

import type { Attributes } from '../../../../src/model/value.js'
import { network } from '../../../../src/providers/libvirt/kinds/network.js'
import { storagePool } from '../../../../src/providers/libvirt/kinds/storage-pool.js'
import type { VolumeInput } from '../../../../src/providers/libvirt/xml/volume.js'

const meta = { labels: {}, annotations: {} }

export const pools: readonly (readonly [string, Attributes])[] = (
  [
    ['foundry-vms', {}],
    ['plain', { type: 'dir', path: '/srv/p/', permissions: { mode: '711', owner: 64055 } }],
    ['vg0', { type: 'logical', logical: { devices: ['/dev/sdb', '/dev/sdc'] } }],
    ['nfs', { type: 'netfs', netfs: { server: 'nas.example.org', export: '/srv/images', version: '4.2' } }],
    ['tank', { type: 'zfs', zfs: { dataset: 'tank/vms', devices: ['/dev/sdd'] } }],
    [
      'ceph',
      {
        type: 'rbd',
        rbd: { pool: 'vms', monitors: ['10.0.0.1:6789', '[fd00::1]:3300'], user: 'libvirt', key: 'AQD=' },
      },
    ],
    ['disk', { type: 'disk', disk: { device: '/dev/sde' } }],
  ] as const
).map(([name, spec]) => [name, storagePool.canonical(spec, { name, ...meta })] as const)

export const networks: readonly (readonly [string, Attributes])[] = (
  [
    ['alone', { mode: 'isolated' }],
    [
      'lab',
      {
        addresses: ['10.97.5.1/24', 'FD00:97::1/64'],
        bridge: 'br-lab5',
        forwardDevice: 'eth0',
        domain: 'lab.example.org',
        mtu: 1400,
        stp: false,
        dhcp: {
          ranges: [
            { start: '10.97.5.100', end: '10.97.5.200' },
            { start: 'fd00:97::100', end: 'fd00:97::1ff' },
          ],
          hosts: [
            { ip: '10.97.5.11', mac: 'BE:EF:0A:61:05:0B', name: 'web' },
            { ip: '10.97.5.10', mac: 'be:ef:0a:61:05:0a' },
            { ip: 'fd00:97::10', name: 'six' },
          ],
        },
        dns: { forwarders: ['10.97.5.2'], hosts: [{ ip: '10.97.5.3', names: ['db', 'db.lab.example.org'] }] },
      },
    ],
    ['routed', { mode: 'route', addresses: ['10.97.6.1/24'], dns: { enabled: false } }],
    ['plugged', { mode: 'bridge', bridge: 'br0' }],
  ] as const
).map(([name, spec]) => [name, network.canonical(spec, { name, ...meta })] as const)

export const volumes: readonly VolumeInput[] = [
  {
    name: 'web_boot',
    capacityBytes: 10 * 2 ** 30,
    format: 'qcow2',
    backing: { path: '/images/debian.qcow2', format: 'qcow2' },
  },
  { name: 'web_data-vdb', capacityBytes: 2 ** 30, format: 'raw', allocationBytes: 2 ** 20 },
  { name: 'web_cloudinit', capacityBytes: 376832, format: 'iso' },
]

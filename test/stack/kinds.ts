/** Small kinds that the tests of the stack reader read stacks with. */
import { z } from 'zod'
import { type Attributes, isObject, isUnresolved, type Json } from '../../src/model/value.js'
import type { Kind } from '../../src/providers/kind.js'

const size = /^[1-9][0-9]*(?:MiB|GiB)$/

const volume: Kind = {
  kind: 'Volume',
  provider: 'libvirt',
  summary: 'A volume.',
  schema: z.strictObject({
    pool: z.string().optional(),
    size: z.string().regex(size, 'must be a size such as 10GiB'),
    description: z.string().optional(),
    key: z.string().optional(),
    host: z.string().optional(),
  }),
  keyedLists: {},
  sensitive: ['key'],
  facts: { path: 'Where it is.', uuid: 'Its UUID.' },
  changes: [],
  canonical: spec => ({ pool: 'default', ...spec }),
  implied: spec => (typeof spec.pool === 'string' ? [{ kind: 'Pool', name: spec.pool }] : []),
  connection: spec => spec.host as string | undefined,
  deletion: () => ({ hazards: ['deletes-data'], undo: 'restore' }),
}

const pool: Kind = {
  kind: 'Pool',
  provider: 'libvirt',
  summary: 'A pool.',
  schema: z.strictObject({ path: z.string(), after: z.string().optional(), host: z.string().optional() }),
  keyedLists: {},
  sensitive: [],
  facts: { capacity: 'In bytes.' },
  changes: [],
  canonical: spec => spec,
  connection: spec => spec.host as string | undefined,
  deletion: () => ({ hazards: [], undo: 'recreate' }),
}

const machine: Kind = {
  kind: 'VirtualMachine',
  provider: 'libvirt',
  summary: 'A machine.',
  schema: z.strictObject({
    vcpus: z.number().int().positive(),
    memoryGiB: z.number().positive(),
    bootDisk: z.union([
      z.strictObject({ sizeGB: z.number().positive(), image: z.string() }),
      z.strictObject({ sizeGB: z.number().positive(), empty: z.literal(true) }),
    ]),
    dataDisks: z
      .array(
        z.strictObject({ device: z.string(), sizeGB: z.number().positive(), key: z.string().optional() }),
      )
      .optional(),
    tags: z.array(z.string()).optional(),
    networkInterfaces: z.array(z.record(z.string(), z.unknown())).optional(),
    cloudInit: z
      .strictObject({
        fqdn: z.string().optional(),
        passwordHash: z.string().optional(),
        sshAuthorizedKeys: z.array(z.string()).optional(),
        sshPwauth: z.boolean().optional(),
      })
      .optional(),
    cpuMode: z.enum(['host-model', 'host-passthrough']).optional(),
    autostart: z.boolean().optional(),
    storagePool: z.string().optional(),
    nested: z.looseObject({}).optional(),
  }),
  keyedLists: { dataDisks: 'device' },
  sensitive: ['cloudInit.passwordHash', 'dataDisks[].key'],
  facts: { addresses: 'Its addresses.', token: 'A secret that it made.' },
  changes: [],
  objectName: meta => meta.name.toLowerCase(),
  canonical: spec => ({ autostart: true, cpuMode: 'host-model', ...spec }),
  check: spec => {
    const disks = (spec.dataDisks ?? []) as readonly Json[]
    const seen = new Set<Json>()
    return (Array.isArray(disks) ? disks : []).flatMap((disk, index) => {
      if (!isObject(disk) || isUnresolved(disk) || isUnresolved(disk.device)) return []
      const device = disk.device as Json
      if (!seen.has(device)) {
        seen.add(device)
        return []
      }
      const path = ['spec', 'dataDisks', index, 'device']
      return [{ path, code: 'duplicate-device', message: `Two disks are \`${String(device)}\`.` }]
    })
  },
  deletion: () => ({ hazards: ['deletes-data'], undo: 'restore' }),
}

const cluster: Kind = {
  kind: 'VirtualCluster',
  provider: 'vcluster',
  summary: 'A cluster.',
  schema: z.strictObject({
    version: z.string().optional(),
    values: z.record(z.string(), z.unknown()).optional(),
  }),
  keyedLists: {},
  sensitive: ['kubeconfig'],
  facts: { kubeconfig: 'Its kubeconfig.', endpoint: 'Its address.' },
  changes: [],
  canonical: (spec: Attributes) => spec,
  deletion: () => ({ hazards: [], undo: 'recreate' }),
}

export const kinds: ReadonlyMap<string, Kind> = new Map(
  [volume, pool, machine, cluster].map(kind => [kind.kind, kind]),
)

/** The kind StoragePool: where libvirt keeps volumes. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import type { Attributes } from '../../../model/value.js'
import type { ChangeRule, Kind, KindMeta, Problem } from '../../kind.js'
import { defaultPools } from '../names.js'
import { cephAccess } from './ceph-access.js'
import { hostField } from './host-field.js'
import { nameProblems } from './object-name.js'
import { fields, present, text } from './values.js'

export const poolTypes = ['dir', 'logical', 'netfs', 'zfs', 'rbd', 'disk'] as const

const path = z.string().startsWith('/', 'must be an absolute path')
const devices = z.array(path)

const schema = once(() =>
  z.strictObject({
    host: hostField(),
    type: z
      .enum(poolTypes)
      .optional()
      .describe(
        'A folder (`dir`, the default), an LVM volume group (`logical`), NFS or its like (`netfs`), ZFS, Ceph (`rbd`), or a disk’s partitions (`disk`).',
      ),
    path: path
      .optional()
      .describe(
        'Where it is on the host: the folder, or where a share is mounted. By default `/var/lib/libvirt/images/NAME`; Foundry’s pools are at Foundry’s places.',
      ),
    autostart: z.boolean().optional().describe('Start it when the host starts. True by default.'),
    build: z
      .boolean()
      .optional()
      .describe(
        'Make what is missing: the folder, the volume group. True by default; never formats what holds data.',
      ),
    permissions: z
      .strictObject({
        mode: z
          .string()
          .regex(/^0?[0-7]{3}$/, 'must be three octal digits')
          .optional()
          .describe('Mode of the folder: `0711`.'),
        owner: z.number().int().min(0).optional().describe('User id of its owner.'),
        group: z.number().int().min(0).optional().describe('Id of its group.'),
      })
      .optional()
      .describe('Rights of the folder, where libvirt makes it.'),
    logical: z
      .strictObject({
        volumeGroup: z.string().min(1).optional().describe('The volume group. The pool’s name by default.'),
        devices: devices.optional().describe('Disks to make the volume group of, where it does not exist.'),
      })
      .optional()
      .describe('For `type: logical`.'),
    netfs: z
      .strictObject({
        server: z.string().min(1).describe('The server.'),
        export: z.string().min(1).describe('What it exports: `/srv/images`.'),
        format: z.enum(['auto', 'nfs', 'glusterfs', 'cifs']).optional().describe('`nfs` by default.'),
        version: z
          .string()
          .regex(/^\d(\.\d)?$/, 'must be a version such as 4 or 4.2')
          .optional()
          .describe('Version of NFS.'),
      })
      .optional()
      .describe('For `type: netfs`.'),
    zfs: z
      .strictObject({
        dataset: z.string().min(1).describe('ZFS pool or dataset that holds the volumes.'),
        devices: devices.optional().describe('Disks to make the ZFS pool of, where it does not exist.'),
      })
      .optional()
      .describe('For `type: zfs`.'),
    rbd: z
      .strictObject({
        pool: z.string().min(1).describe('Ceph pool.'),
        ...cephAccess,
      })
      .optional()
      .describe('For `type: rbd`.'),
    disk: z
      .strictObject({
        device: path.describe('The disk: `/dev/sdb`.'),
        format: z
          .enum(['dos', 'gpt', 'lvm2', 'mac', 'bsd', 'sun', 'dvh', 'pc98'])
          .optional()
          .describe('Kind of its partition table. `gpt` by default.'),
      })
      .optional()
      .describe('For `type: disk`.'),
  }),
)

const elsewhere = 'it would be another pool'

const changes: readonly ChangeRule[] = [
  { path: 'autostart', how: 'live' },
  { path: 'build', how: 'live' },
  { path: 'rbd.key', how: 'live' },
  { path: 'rbd.keyring', how: 'live' },
  {
    path: 'rbd.monitors',
    how: 'restart',
    why: 'the pool reads them when it starts',
    hazards: ['interrupts-service'],
  },
  {
    path: 'netfs.version',
    how: 'restart',
    why: 'the share is mounted anew',
    hazards: ['interrupts-service'],
  },
  { path: 'permissions', how: 'live', why: 'they count when libvirt makes the folder' },
  { path: 'type', how: 'replace', why: elsewhere },
  { path: 'path', how: 'replace', why: elsewhere },
]

export const storagePool: Kind = {
  kind: 'StoragePool',
  provider: 'libvirt',
  summary: 'A storage pool of libvirt.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: ['rbd.key'],
  facts: {
    uuid: 'UUID of the pool.',
    state: 'running, inactive, building, degraded or inaccessible.',
    path: 'Where it is on the host.',
    capacityBytes: 'How much it holds.',
    allocationBytes: 'How much of that is taken.',
    availableBytes: 'How much is left.',
    volumes: 'How many volumes are in it.',
  },
  changes,
  objectName: meta => meta.name,
  canonical,
  check,
  connection: spec => text(spec.host),
  // The pool's definition goes; the volumes in it stay where they are.
  deletion: () => ({ hazards: ['interrupts-service'], undo: 'recreate' }),
}

function canonical(spec: Attributes, meta: KindMeta): Attributes {
  const type = spec.type ?? 'dir'
  const has = (name: string): Attributes | undefined =>
    spec[name] !== undefined && spec[name] === fields(spec[name]) ? fields(spec[name]) : undefined
  const [logical, netfs, disk] = [has('logical'), has('netfs'), has('disk')]
  const mode = fields(spec.permissions).mode
  const path = spec.path ?? defaultPath(type, meta.name)
  return present(spec, {
    type,
    path: text(path)?.replace(/(?<=.)\/+$/, '') ?? path,
    autostart: spec.autostart ?? true,
    build: spec.build ?? true,
    ...(typeof mode === 'string' && {
      permissions: { ...fields(spec.permissions), mode: `0${mode.slice(-3)}` },
    }),
    ...(type === 'logical' &&
      logical === undefined &&
      spec.logical === undefined && { logical: { volumeGroup: meta.name } }),
    ...(logical !== undefined && { logical: { ...logical, volumeGroup: logical.volumeGroup ?? meta.name } }),
    ...(netfs !== undefined && { netfs: { ...netfs, format: netfs.format ?? 'nfs' } }),
    ...(disk !== undefined && { disk: { ...disk, format: disk.format ?? 'gpt' } }),
  })
}

function defaultPath(type: unknown, name: string): string | undefined {
  if (type === 'dir' || type === 'netfs') return defaultPools[name] ?? `/var/lib/libvirt/images/${name}`
  return type === 'disk' ? '/dev' : undefined
}

function check(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems: Problem[] = [...nameProblems(meta.name, 'pool')]
  const type = spec.type ?? 'dir'
  if (typeof type !== 'string') return problems
  const needed = new Set(['netfs', 'zfs', 'rbd', 'disk'])
  for (const section of poolTypes) {
    if (section === 'dir') continue
    if (section === type && needed.has(section) && spec[section] === undefined) {
      problems.push({
        path: ['spec'],
        code: 'missing-section',
        message: `A pool of type ${type} needs \`${section}\``,
        hint: `Add \`${section}:\` with where it is.`,
      })
    }
    if (section !== type && spec[section] !== undefined) {
      problems.push({
        path: ['spec', section],
        code: 'unused-section',
        message: `\`${section}\` means nothing for a pool of type ${type}`,
        hint: `Say \`type: ${section}\`, or take it out.`,
      })
    }
  }
  if (spec.path !== undefined && (type === 'rbd' || type === 'logical' || type === 'zfs')) {
    problems.push({
      path: ['spec', 'path'],
      code: 'unused-path',
      message: `A pool of type ${type} has no path of its own`,
      hint: 'Take `path` out.',
    })
  }
  const path = text(spec.path)
  if (path?.split('/').includes('..')) {
    problems.push({
      path: ['spec', 'path'],
      code: 'invalid-path',
      message: 'The path goes up with `..`',
      hint: 'Write it straight.',
    })
  }
  return problems
}

import { describe, expect, test } from 'vitest'
import {
  removeCopies,
  type Source,
  saveRunning,
  saveStopped,
} from '../../../../src/providers/libvirt/acts/backup-copy.js'
import type { Machine } from '../../../../src/providers/libvirt/acts/machines.js'
import type { Host } from '../../../../src/providers/libvirt/connection.js'
import { LibvirtError, libvirtCodes } from '../../../../src/providers/libvirt/rpc/errors.js'
import type { Procedure } from '../../../../src/providers/libvirt/rpc/procedure.js'
import { procedures as p } from '../../../../src/providers/libvirt/rpc/procedures/index.js'
import { actCall } from './world.js'

const copy = { pool: 'vms', name: 'infra-backup.1.vda' }
type Answer = (args: { readonly name?: string }) => unknown

/** A libvirt that answers these procedures. */
function hostWith(answers: readonly (readonly [Pick<Procedure<never, unknown>, 'number'>, Answer])[]): Host {
  const call = async (
    procedure: Pick<Procedure<never, unknown>, 'number'>,
    args: { readonly name?: string },
  ) => answers.find(([one]) => one.number === procedure.number)?.[1](args)
  return { client: { call }, refresher: { refresh: async () => undefined } } as unknown as Host
}
const refused = (code: keyof typeof libvirtCodes, why: string) => (): never => {
  throw new LibvirtError('storageVolDelete', libvirtCodes[code], 18, why)
}
const pool: readonly [Pick<Procedure<never, unknown>, 'number'>, Answer] = [
  p.pools.lookupByName,
  ({ name }) => ({ name, uuid: '0a1b2c3d-0000-4000-8000-000000000001' }),
]
const found: readonly [Pick<Procedure<never, unknown>, 'number'>, Answer] = [
  p.volumes.lookupByName,
  ({ name }) => ({ pool: 'vms', name, key: `/vms/${name}` }),
]

test.each([
  {
    reason: 'a copy that cannot be deleted is told of',
    host: hostWith([pool, found, [p.volumes.delete, refused('OPERATION_FAILED', 'read-only file system')]]),
    said: [expect.stringContaining('the copy vms:infra-backup.1.vda may still be there: ')],
  },
  {
    reason: 'a pool that cannot be asked is told of',
    host: hostWith([[p.pools.lookupByName, refused('INTERNAL_ERROR', 'no more memory')]]),
    said: [expect.stringContaining('the copy vms:infra-backup.1.vda may still be there: ')],
  },
  {
    reason: 'a copy that was never made is no news',
    host: hostWith([pool, [p.volumes.lookupByName, refused('NO_STORAGE_VOL', 'no such volume')]]),
    said: [],
  },
  { reason: 'a copy that is deleted is no news', host: hostWith([pool, found]), said: [] },
])('$reason', async ({ host, said }) => {
  const call = actCall()
  await removeCopies(host, [copy], call)
  expect(call.said).toEqual(said)
})

const disk = {
  device: 'vda',
  volume: { pool: 'vms', name: 'web_boot', key: '/vms/web_boot' },
  reading: { path: '/vms/web_boot', backingPath: '/vms/base', capacityBytes: 1 },
} as unknown as Source
const domain = { name: 'web', uuid: 'u', id: 1 }

function machineOn(host: Host): Machine {
  return { host, domain, view: { name: 'web', agent: false }, stored: { disks: [] } } as unknown as Machine
}

test('a disk whose pool is gone is not left out of a backup', async () => {
  const host = hostWith([[p.pools.lookupByName, refused('NO_STORAGE_POOL', 'no such pool')]])
  await expect(saveStopped(machineOn(host), [disk], '/none', '1', actCall())).rejects.toMatchObject({
    code: 'backup-failed',
    why: 'the pool vms of vda is gone',
  })
})

describe('a copy of a running machine that cannot be begun', () => {
  test.each([
    {
      reason: 'is ended where it may have begun all the same',
      begin: () => {
        throw new Error('interrupted')
      },
      done: ['abort', 'delete'],
    },
    {
      reason: 'is not, where libvirt refused it: the copy that runs is another’s',
      begin: refused('OPERATION_INVALID', 'another job runs'),
      done: ['delete'],
    },
  ])('$reason', async ({ begin, done }) => {
    const did: string[] = []
    const host = hostWith([
      [p.backups.begin, begin],
      [p.backups.abortJob, () => void did.push('abort')],
      [p.volumes.delete, () => void did.push('delete')],
      pool,
      found,
    ])
    await expect(saveRunning(machineOn(host), [disk], '/none', '1', {}, actCall())).rejects.toThrow()
    expect(did).toEqual(done)
  })
})

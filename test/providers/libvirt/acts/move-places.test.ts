/** A file that the other host's libvirt does not know of yet is never written over, and never taken for something half made. */
import { expect, test } from 'vitest'
import type { MoveJournal } from '../../../../src/providers/libvirt/acts/journaled-move.js'
import type { Machine } from '../../../../src/providers/libvirt/acts/machines.js'
import { migrateOffline } from '../../../../src/providers/libvirt/acts/migrate-offline.js'
import { planMove } from '../../../../src/providers/libvirt/acts/move-disks.js'
import type { Host } from '../../../../src/providers/libvirt/connection.js'
import { type LibvirtCode, LibvirtError, libvirtCodes } from '../../../../src/providers/libvirt/rpc/errors.js'
import type { Procedure } from '../../../../src/providers/libvirt/rpc/procedure.js'
import { parseXml } from '../../../../src/providers/libvirt/xml/parse.js'
import { actCall, signal } from './world.js'

interface Asked {
  readonly name?: string
  readonly pool?: { readonly name: string }
}

/** A host whose pools hold files that its libvirt learns of when it looks. */
function hostWith(files: Readonly<Record<string, readonly string[]>>, known = false) {
  const changes: string[] = []
  const seen = new Map(Object.entries(files).map(([pool, names]) => [pool, known ? names : []]))
  const refused = (call: string, code: LibvirtCode) => new LibvirtError(call, libvirtCodes[code], 18, 'no')
  const answers: Readonly<Record<string, (args: Asked) => unknown>> = {
    storagePoolLookupByName: ({ name = '' }) => {
      if (!seen.has(name)) throw refused('storagePoolLookupByName', 'NO_STORAGE_POOL')
      return { name, uuid: name }
    },
    storagePoolIsActive: () => true,
    storagePoolGetInfo: () => ({ state: 2 }),
    storagePoolGetXMLDesc: () => '<pool type="dir"><name>p</name><target><path>/p</path></target></pool>',
    storageVolLookupByName: ({ name = '', pool }) => {
      if (!seen.get(pool?.name ?? '')?.includes(name))
        throw refused('storageVolLookupByName', 'NO_STORAGE_VOL')
      return { pool: pool?.name, name, key: name }
    },
    storageVolGetPath: () => '/p/web_boot',
    domainGetBlockInfo: () => ({ capacity: 1 }),
  }
  const call = async ({ name, effect }: Procedure<unknown, unknown>, args: Asked) => {
    if (effect !== 'read') changes.push(name)
    const found = answers[name]
    if (found === undefined) throw new Error(`nobody should call ${name}`)
    return found(args)
  }
  const refresher = { refresh: async ({ name }: { name: string }) => void seen.set(name, files[name] ?? []) }
  return { host: { client: { call }, refresher } as unknown as Host, changes }
}

const disk = { device: 'vda', role: 'boot', pool: 'vms', volume: 'web_boot', reference: 'vms:web_boot' }
const machineOn = (host: Host) =>
  ({
    host,
    domain: { name: 'web', uuid: 'u', id: -1 },
    view: { name: 'web', uuid: 'u', host: 'near', state: 'shut off', autostart: false },
    stored: { disks: [disk], spec: {} },
    live: undefined,
  }) as unknown as Machine

test.each([
  { reason: 'in the pool of that name', pool: undefined, files: { vms: ['web_boot'] } },
  { reason: 'in the pool that was named', pool: 'fast', files: { vms: [], fast: ['web_boot'] } },
])('a move switched off is refused before it begins: $reason', async ({ pool, files }) => {
  const here = hostWith({ vms: ['web_boot'] }, true)
  const there = hostWith(files)
  const begun: unknown[] = []
  const journal: MoveJournal = { begin: async act => void begun.push(act), ended: () => undefined }
  const options = pool === undefined ? {} : { pool }
  const target = { name: 'far', host: there.host }
  await expect(
    migrateOffline(machineOn(here.host), target, options, actCall(), journal),
  ).rejects.toMatchObject({ code: 'volume-exists' })
  expect([begun, here.changes, there.changes]).toEqual([[], [], []])
})

test('a move of one that runs is refused before it begins', async () => {
  const here = hostWith({ vms: ['web_boot'] }, true)
  const there = hostWith({ fast: ['web_boot'] })
  const root = parseXml(
    '<domain><devices><disk type="volume" device="disk"><source pool="vms" volume="web_boot"/><target dev="vda"/></disk></devices></domain>',
  )
  const planned = planMove(machineOn(here.host), root, there.host, 'far', 'fast', signal)
  await expect(planned).rejects.toMatchObject({ code: 'volume-exists' })
  expect([here.changes, there.changes]).toEqual([[], []])
})

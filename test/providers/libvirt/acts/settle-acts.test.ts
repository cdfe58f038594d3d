/** What is known of acts on snapshots and backups, and of upgrades, from their records alone; and backups that are half deleted. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Attributes } from '../../../../src/model/value.js'
import { deleteBackup } from '../../../../src/providers/libvirt/acts/backup-delete.js'
import type { ActJournal, MachineAct } from '../../../../src/providers/libvirt/acts/journaled.js'
import type { Direction } from '../../../../src/providers/libvirt/acts/known-act.js'
import { knownAct } from '../../../../src/providers/libvirt/acts/known-acts.js'

const who = { name: 'web', uuid: '00112233-4455-4677-8899-aabbccddeeff' }
const taken = {
  ...who,
  verb: 'snapshot-create',
  request: { name: 's' },
  overlays: { vda: '/vms/web_boot.s' },
}
const deleted = { ...who, verb: 'snapshot-delete', snapshot: 's' }
const restored = { ...who, verb: 'snapshot-restore', snapshot: 's', stage: 'begun', ran: true, start: true }
const copies = [{ pool: 'vms', name: 'infra-backup.1.vda' }]
const backedUp = { ...who, verb: 'backup-create', root: '/backups', id: '1', copies }
const made = {
  ...who,
  verb: 'backup-restore',
  folder: '/backups/web/1',
  volumes: [{ pool: 'vms', name: 'web_boot' }],
  logs: [],
  choice: { start: true },
}
const gone = { verb: 'backup-delete', name: 'web/1', folder: '/backups/web/1' }
const upgraded = {
  ...who,
  verb: 'upgrade',
  stage: 'upgrading',
  snapshot: 'infra-upgrade-1',
  overlays: {},
  unit: 'infra-0a1b2c3d',
  choice: {},
}

const known = (what: object) => knownAct(JSON.parse(JSON.stringify(what)) as Attributes)

describe('an act in the journal', () => {
  test.each([
    { what: taken, forward: /snapshot s of web is taken/, back: /web has no snapshot s/ },
    { what: deleted, forward: /is deleted/, back: /stays, unless it is merged/ },
    { what: restored, forward: /put back to its snapshot s/, back: /stays as it is, and runs/ },
    { what: backedUp, forward: /backed up as web\/1/, back: /no backup web\/1/ },
    { what: made, forward: /made from the backup .*started/, back: /are removed/ },
    { what: gone, forward: /web\/1 is deleted/, back: /stays, where it is still whole/ },
    { what: upgraded, forward: /upgraded to the end/, back: /put back to its snapshot/ },
    {
      what: { ...upgraded, stage: 'snapshot' },
      forward: /upgraded to the end/,
      back: /had not begun/,
    },
  ])('says both ways: $what.verb', async ({ what, forward, back }) => {
    const act = await known(what)
    expect(act?.way('forward')).toMatch(forward)
    expect(act?.way('back')).toMatch(back)
  })

  test.each([
    { reason: 'what was written since is going', what: { ...restored, stage: 'losing' } },
    { reason: 'what was written since is gone', what: { ...restored, stage: 'there' } },
    { reason: 'an upgrade went well', what: { ...upgraded, stage: 'upgraded' } },
  ])('says that there is no way back where $reason, and offers the other', async ({ what }) => {
    const act = await known(what)
    expect(() => act?.way('back')).toThrow(
      expect.objectContaining({ code: 'no-way', hint: expect.stringContaining('--forward') }),
    )
    expect(act?.way('forward')).toContain('web')
  })

  test.each([
    { reason: 'overlays that are no paths', what: { ...taken, overlays: { vda: 1 } } },
    { reason: 'a stage of a later version', what: { ...restored, stage: 'later' } },
    { reason: 'copies that are no volumes', what: { ...backedUp, copies: ['vms:x'] } },
    { reason: 'a machine without its UUID', what: { ...made, uuid: undefined } },
    { reason: 'no folder', what: { ...gone, folder: '' } },
    { reason: 'a unit that is a command', what: { ...upgraded, unit: 'infra-1; reboot' } },
  ])('is not taken for one with $reason', async ({ what }) => {
    expect(await known(what)).toBeUndefined()
  })
})

describe('the deletion of a backup that is cut off', () => {
  let root: string
  let folder: string
  const call = { signal: new AbortController().signal, progress: () => undefined }
  const there = async () => (await readdir(join(root, 'web'))).sort()

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'infra-settle-'))
    folder = join(root, 'web', '1')
    await mkdir(folder, { recursive: true })
    const file = (name: string, text: string) => ({
      name,
      bytes: text.length,
      sha256: createHash('sha256').update(text).digest('hex'),
    })
    const manifest = {
      format: 'infra.backup/v1',
      id: '1',
      machine: 'web',
      uuid: who.uuid,
      at: '2026-11-21T00:00:00.000Z',
      host: 'near',
      running: false,
      quiesced: false,
      domain: file('domain.xml', '<domain/>'),
      disks: [{ ...file('vda.raw', 'disk'), device: 'vda', format: 'raw', capacityBytes: 4 }],
      missing: [],
    }
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
    await writeFile(join(folder, 'domain.xml'), '<domain/>')
    await writeFile(join(folder, 'vda.raw'), 'disk')
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  const settle = async (direction: Direction) => {
    const acts: MachineAct[] = []
    const journal: ActJournal = {
      begin: async act => {
        acts.push(act)
        throw new Error('cut off')
      },
      ended: () => undefined,
    }
    await expect(deleteBackup({ folder, reference: 'web/1' }, journal)).rejects.toThrow('cut off')
    return (await known(acts[0] ?? {}))?.settleHere?.(direction, call)
  }
  const going = () => `${folder}.deleting`

  test.each([
    { reason: 'nothing is done yet', cut: async () => undefined, back: ['1'] },
    { reason: 'it has its other name', cut: () => rename(folder, going()), back: ['1'] },
    {
      reason: 'a part of it is gone',
      cut: async () => {
        await rename(folder, going())
        await rm(join(going(), 'vda.raw'))
      },
      back: undefined,
    },
    { reason: 'all of it is gone', cut: () => rm(folder, { recursive: true }), back: undefined },
  ])('where $reason, is completed, or taken back if it is still whole', async ({ cut, back }) => {
    await cut()
    if (back === undefined) await expect(settle('back')).rejects.toMatchObject({ code: 'no-way' })
    else {
      await settle('back')
      expect(await there()).toEqual(back)
    }
    await settle('forward')
    expect(await there()).toEqual([])
    // said again it does no harm
    await settle('forward')
  })
})

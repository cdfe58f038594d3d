import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../../src/model/node-ports.js'
import type { Attributes } from '../../../../src/model/value.js'
import { backupMachine } from '../../../../src/providers/libvirt/acts/backup.js'
import { deleteBackup } from '../../../../src/providers/libvirt/acts/backup-delete.js'
import { restoreBackup } from '../../../../src/providers/libvirt/acts/backup-restore.js'
import { findBackup, listBackups, verifyBackup } from '../../../../src/providers/libvirt/acts/backup-store.js'
import type { ActJournal, MachineAct } from '../../../../src/providers/libvirt/acts/journaled.js'
import type { Direction } from '../../../../src/providers/libvirt/acts/known-act.js'
import { knownAct, placesOn } from '../../../../src/providers/libvirt/acts/known-acts.js'
import { type Machine, readMachines } from '../../../../src/providers/libvirt/acts/machines.js'
import { type Hosts, type NamedHost, openHosts } from '../../../../src/providers/libvirt/acts/open.js'
import { startMachine, stopMachine } from '../../../../src/providers/libvirt/acts/power.js'
import { createSnapshot } from '../../../../src/providers/libvirt/acts/snapshot-create.js'
import { deleteSnapshot } from '../../../../src/providers/libvirt/acts/snapshot-delete.js'
import { restoreSnapshot } from '../../../../src/providers/libvirt/acts/snapshot-restore.js'
import type { Procedure } from '../../../../src/providers/libvirt/rpc/procedure.js'
import { libvirtLab } from '../../../lab/libvirt.js'
import { create, openProvider, thing } from '../harness.js'
import { actCall, connectionTo, dirPools, onlyHost, signal } from './world.js'

/**
 * Acts cut off at each change that they ask a real libvirt for, once it is done and nobody hears of it, and settled either way.
 * The machine has no system: its QEMU and its disks are all that they work on. virsh and its pool's folder say what came of it.
 */
const lab = await libvirtLab({ own: 46 })

class CutOff extends Error {}

const lines = (text = '') => text.split('\n').filter(one => one.trim() !== '')

/** A host that hears of so many changes; of the last one nobody hears the end, and nobody hears of anything after it. */
function dying({ name, host }: NamedHost, changes: number): NamedHost {
  let left = changes
  const client = {
    async call(procedure: Procedure<unknown, unknown>, args: unknown, options: object) {
      if (left < 0) throw new CutOff(procedure.name)
      if (procedure.effect === 'read' || procedure.name === 'storagePoolRefresh')
        return host.client.call(procedure, args, options)
      left -= 1
      if (left > 0) return host.client.call(procedure, args, options)
      if (left === 0) await host.client.call(procedure, args).catch(() => undefined)
      left = -1
      throw new CutOff(procedure.name)
    },
    async stream(...args: Parameters<NamedHost['host']['client']['stream']>) {
      if (left < 0) throw new CutOff('stream')
      return host.client.stream(...args)
    },
  }
  return { name, host: { ...host, client } as unknown as NamedHost['host'] }
}

function* upwards(): Generator<number> {
  for (let number = 1; ; number += 1) yield number
}

describe.skipIf('skip' in lab)(`acts that are cut off${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const name = 'acts-cut'
  let here: string
  let hosts: Hosts
  const host = () => onlyHost(hosts)
  const root = () => join(here, 'backups')

  const machineOn = async (at: NamedHost, which = name): Promise<Machine> => {
    const found = (await readMachines(host(), signal)).find(one => one.view.name === which)
    if (found === undefined) throw new Error(`no machine ${which}`)
    return { ...found, host: at.host }
  }
  const machine = () => machineOn(host())
  const snapshots = async () => lines(await lab.virsh('snapshot-list', name, '--name'))
  /** All that an act may leave behind, as others see it. Each start of virsh takes longer than what it is asked. */
  const seen = async () => {
    const asked = ['list --all --name', 'domstate', 'snapshot-list --name', 'domblklist --inactive']
    const commands = asked.map(one => (one.startsWith('list') ? one : `${one} ${name}`))
    const [domains, power, taken, disks] = (await lab.virsh(commands.join('; echo @@; '))).split('@@')
    return {
      domains: lines(domains),
      power: lines(power)[0],
      snapshots: lines(taken),
      disks: lines(disks),
      files: (await readdir(`${lab.poolPath}/vms`)).filter(file => !file.endsWith('.log')).sort(),
      backups: await readdir(join(root(), name)).catch(() => []),
    }
  }

  type Act = (at: NamedHost, journal: ActJournal) => Promise<unknown>

  /** Does it until libvirt was asked for so many changes; what the journal tells then. Undefined where it came to its end. */
  const cutAt = async (act: Act, changes: number): Promise<MachineAct | undefined> => {
    let open: MachineAct | undefined
    const journal: ActJournal = {
      begin: async one => {
        open = one
      },
      ended: () => {
        open = undefined
      },
    }
    try {
      await act(dying(host(), changes), journal)
      return undefined
    } catch (error) {
      expect(error).toBeInstanceOf(CutOff)
      expect(open).toBeDefined()
      return open
    }
  }
  const settle = async (what: MachineAct, direction: Direction) => {
    const known = await knownAct(JSON.parse(JSON.stringify(what)) as Attributes)
    if (known === undefined) throw new Error(`unknown: ${what.verb}`)
    known.way(direction)
    return known.settle((await placesOn(host(), [what], signal))(what), direction, actCall())
  }

  /** Cut off everywhere: taken back it is as before, or is refused that and goes on; ended, it is as it was asked for. */
  const everywhere = async (row: {
    readonly act: Act
    readonly before?: () => Promise<unknown>
    readonly is: () => Promise<void>
    readonly after: () => Promise<unknown>
    /** Alone where it is refused back anyway, and then brought to its end. */
    readonly only?: 'back'
    /** After these changes alone; by default after each. At the last of them it comes to its end. */
    readonly at?: readonly number[]
  }) => {
    const counts = { back: 0, forward: 0, refused: 0, ended: 0 }
    for (const direction of row.only ? [row.only] : (['back', 'forward'] as const)) {
      for (const changes of row.at ?? upwards()) {
        await row.before?.()
        const as = await seen()
        const open = await cutAt(row.act, changes)
        if (open === undefined) {
          await row.is()
          await row.after()
          counts.ended += 1
          break
        }
        const refused = await settle(open, direction).then(
          () => false,
          error => {
            expect(error, `${direction} from change ${changes}`).toMatchObject({ code: 'no-way' })
            expect(direction).toBe('back')
            return true
          },
        )
        if (refused) await settle(open, 'forward')
        counts[refused ? 'refused' : direction] += 1
        if (direction === 'back' && !refused) {
          expect(await seen(), `back from change ${changes}`).toEqual(as)
          // said again it does no harm
          if (changes === 1) await settle(open, 'back')
          if (row.before === undefined) continue
        } else {
          await row.is()
        }
        await row.after()
      }
    }
    return counts
  }

  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'infra-cut-off-'))
    await dirPools(lab, 'vms')
    hosts = await openHosts([connectionTo(lab.uri, here)], nodePorts, signal)
    const provider = await openProvider(lab.uri, here)
    try {
      const spec = {
        vcpus: 1,
        memoryGiB: 0.0625,
        virtualization: 'qemu',
        tcgCacheMiB: 16,
        firmware: 'bios',
        storagePool: 'vms',
        autostart: false,
        bootDisk: { sizeGB: 0.01, empty: true },
        networkInterfaces: [],
        shutdownTimeoutSeconds: 0,
        powerState: 'stopped',
      }
      await create(provider, thing({ kind: 'VirtualMachine', name, spec }))
      await writeFile(join(here, 'whole.xml'), await lab.virsh('dumpxml', name, '--inactive'))
    } finally {
      await provider.close()
    }
  })
  afterAll(async () => {
    await hosts?.close()
    await lab.clean()
    await rm(here, { recursive: true, force: true })
  })

  const off = async () => stopMachine(await machine(), { timeoutSeconds: 0 }, actCall())
  const on = async () => startMachine(await machine(), { noWait: true }, actCall())

  const deletedAll = async () => {
    for (const one of (await snapshots()).reverse()) await deleteSnapshot(await machine(), one, signal)
  }
  /** Of a machine that is off, by hand: to merge one, libvirt starts a QEMU, and ends it. */
  const forgottenAll = async () => {
    for (const one of (await snapshots()).reverse())
      await lab.virsh('snapshot-delete', name, one, '--metadata')
    await lab.virsh('define', join(here, 'whole.xml'))
    await lab.virsh('pool-refresh', 'vms')
    for (const file of (await seen()).files)
      if (file !== `${name}_boot`) await lab.virsh('vol-delete', '--pool', 'vms', file)
  }
  /** Of a restore of a machine that is off. */
  let changesOff = 0

  describe.each([
    { is: 'off', power: off, withoutSnapshots: forgottenAll },
    { is: 'running', power: on, withoutSnapshots: deletedAll },
  ])('of a machine that is $is', ({ is, power, withoutSnapshots }) => {
    beforeAll(power)

    test('a snapshot is taken whole, or there is nothing of it', async () => {
      const counts = await everywhere({
        act: async (at, journal) => createSnapshot(await machineOn(at), { name: 's' }, signal, journal),
        is: async () => expect(await snapshots()).toEqual(['s']),
        after: withoutSnapshots,
      })
      expect(counts.back).toBeGreaterThan(0)
      expect(counts.refused).toBe(0)
    })

    test('a backup is whole, or there is nothing of it, here or on the host', async () => {
      const counts = await everywhere({
        act: async (at, journal) => backupMachine(await machineOn(at), { root: root() }, actCall(), journal),
        is: async () => {
          const backup = await findBackup(root(), name)
          await verifyBackup(backup, signal)
          await execa('qemu-img', ['check', join(backup.folder, backup.manifest.disks[0]?.name ?? '')])
          const { files } = await seen()
          expect(files).toEqual([`${name}_boot`])
        },
        after: async () => {
          for (const one of (await listBackups(root())).whole) await deleteBackup(one)
        },
      })
      expect(counts.refused).toBe(0)
      // what is off is fetched as it is: nothing is asked for
      expect(counts.back).toBe(counts.forward)
      if (is === 'running') expect(counts.back).toBeGreaterThan(0)
    })

    test('a restore that has lost nothing is taken back; any is brought to its end, and it runs where it did', async () => {
      const { power: before } = await seen()
      const counts = await everywhere({
        only: 'back',
        // one that runs is switched off first, and started at the end; what is between was cut off where it was off
        ...(is === 'running' && { at: [1, changesOff + 2, changesOff + 3] }),
        before: async () => {
          await createSnapshot(await machine(), { name: 's' }, signal)
          await createSnapshot(await machine(), { name: 't' }, signal)
        },
        act: async (at, journal) =>
          restoreSnapshot(await machineOn(at), 's', { discardLater: true }, actCall(), journal),
        is: async () =>
          expect(await seen()).toMatchObject({
            power: before,
            snapshots: ['s'],
            disks: [expect.stringMatching(/acts-cut_boot\.s$/)],
            files: [`${name}_boot`, `${name}_boot.s`],
          }),
        after: withoutSnapshots,
      })
      if (is === 'off') {
        changesOff = counts.refused
        expect(counts.back).toBe(0)
        expect(counts.refused).toBeGreaterThan(2)
      } else expect(counts).toEqual({ back: 1, refused: 1, forward: 0, ended: 1 })
    })
  })

  test('a snapshot is deleted, or, where it is not merged yet, stays', async () => {
    const counts = await everywhere({
      before: async () => createSnapshot(await machine(), { name: 's' }, signal),
      act: async (at, journal) => deleteSnapshot(await machineOn(at), 's', signal, journal),
      is: async () => expect(await snapshots()).toEqual([]),
      after: async () => {
        if ((await snapshots()).includes('s')) await deleteSnapshot(await machine(), 's', signal)
      },
    })
    expect(counts.forward).toBeGreaterThan(0)
  })

  test('a machine is made from a backup, or nothing of it is there', async () => {
    const backup = await backupMachine(await machine(), { root: root() }, actCall())
    const copy = 'acts-cut-copy'
    const counts = await everywhere({
      act: (at, journal) => restoreBackup(at, backup, { name: copy }, actCall(), journal),
      is: async () => expect((await lab.virsh('domstate', copy)).trim()).toBe('shut off'),
      after: async () => {
        await lab.virsh('undefine', copy)
        await lab.virsh('vol-delete', '--pool', 'vms', `${copy}_boot`)
      },
    })
    expect(counts.refused).toBe(0)
    expect(counts.back).toBeGreaterThan(2)
  })
})

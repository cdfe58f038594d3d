/** Acts on machines cut off at each of their changes, and settled either way: as the journal of the disk tells of them. */
import { describe, expect, test } from 'vitest'
import { journalActs, openActs, settleActs } from '../../../../src/apply/act-journal.js'
import { readJournal } from '../../../../src/apply/journal.js'
import { journaled } from '../../../../src/cli/hosts/journaled.js'
import { deleteImage } from '../../../../src/providers/libvirt/acts/images.js'
import type { ActJournal } from '../../../../src/providers/libvirt/acts/journaled.js'
import type { Direction } from '../../../../src/providers/libvirt/acts/known-act.js'
import { knownAct, placesOn } from '../../../../src/providers/libvirt/acts/known-acts.js'
import { type Machine, readMachines } from '../../../../src/providers/libvirt/acts/machines.js'
import {
  resetMachine,
  restartMachine,
  startMachine,
  stopMachine,
} from '../../../../src/providers/libvirt/acts/power.js'
import { beginRescue, endRescue } from '../../../../src/providers/libvirt/acts/rescue.js'
import { resizeMachine } from '../../../../src/providers/libvirt/acts/resize.js'
import { seededDice } from '../../../sim/dice.js'
import { simDisk } from '../../../sim/files.js'
import { CutOff, type SimHost, type SimMachine, simHost } from './sim-host.js'

const folder = '/s'
const uuid = '00112233-4455-4677-8899-aabbccddeeff'
const signal = new AbortController().signal
const call = { signal, progress: () => undefined }
const now = { timeoutSeconds: 0, noWait: true }

interface World {
  readonly sim: SimHost
  /** Does it as a command does. */
  run(act: Act): Promise<unknown>
  /** Does each on the machine of its place, at once. */
  runAll(acts: readonly Act[]): Promise<unknown>
  open(): Promise<readonly string[]>
  /** As `infra recover` does; those of these names alone. */
  settle(direction: Direction, only?: (name: unknown) => boolean): Promise<readonly string[]>
}
type Act = (machine: Machine, journal: ActJournal) => Promise<unknown>
type SetUp = (one: SimMachine, sim: SimHost) => void

function world(setUp: SetUp): World {
  const sim = simHost()
  setUp(sim.add('web', uuid), sim)
  const { files } = simDisk(seededDice(1))
  const ports = {
    files,
    clock: { now: () => 5, sleep: async () => undefined },
    random: { uuid: () => 'id', bytes: (count: number) => new Uint8Array(count) },
  }
  const context = { ports, stateFolder: folder, base: { lineage: 'l', serial: 3 }, command: 'infra vm' }
  const records = async () => openActs((await readJournal(files, folder))?.records ?? [])
  const runAll = async (acts: readonly Act[]) => {
    const machines = [...(await readMachines(sim.named, signal))].reverse()
    return journalActs(context, async begin => {
      const ended = await Promise.allSettled(
        acts.map(async (act, index) => {
          const machine = machines[index]
          if (machine === undefined) throw new Error('no machine')
          return journaled(begin, sim.named, undefined, journal => act(machine, journal))
        }),
      )
      for (const one of ended) if (one.status === 'rejected') throw one.reason
    })
  }
  return {
    sim,
    open: async () => (await records()).map(one => `${one.what.verb} ${one.address}`),
    run: act => runAll([act]),
    runAll,
    async settle(direction, only = () => true) {
      const open = (await records()).filter(one => only(one.what.name))
      return settleActs(context, ended =>
        Promise.all(
          open.map(async one => {
            const known = await knownAct(one.what)
            if (known === undefined) throw new Error(`unknown: ${one.what.verb}`)
            const whom = one.what as unknown as { name: string; uuid: string }
            const place = (await placesOn(sim.named, [whom], signal))(whom)
            const text = await known.settle(place, direction, call)
            ended(one.act)
            return text
          }),
        ),
      )
    },
  }
}

/** How it stands: `running, 2 of 2 vCPUs (2 live), 1 of 1 GiB, disks 1 1`. */
async function seen({ named, volumes }: SimHost): Promise<string> {
  const [machine] = await readMachines(named, signal)
  if (machine === undefined) return 'gone'
  const { stored, live, view } = machine
  const { vcpus, maxVcpus = vcpus, memoryGiB, maxMemoryGiB = memoryGiB } = stored.spec
  const sizes = [...volumes.values()].map(bytes => bytes / 2 ** 30).join(' ')
  const running = live === undefined ? '' : ` (${live.spec.vcpus} live)`
  const rescue = view.rescue ? ', in rescue' : ''
  return `${view.state}, ${vcpus} of ${maxVcpus} vCPUs${running}, ${memoryGiB} of ${maxMemoryGiB} GiB, disks ${sizes}${rescue}`
}

const off: SetUp = () => undefined
const running: SetUp = one => void Object.assign(one, { id: 7, live: one.stored })
const paused: SetUp = one => void Object.assign(one, { id: 7, live: one.stored, paused: true })
const saved: SetUp = one => void Object.assign(one, { saved: true })
const state = (is: string) => {
  const cpus = is === 'running' || is === 'paused' ? '2 of 2 vCPUs (2 live)' : '2 of 2 vCPUs'
  return `${is}, ${cpus}, 1 of 1 GiB, disks 1 1`
}

interface Row {
  readonly reason: string
  readonly setUp: SetUp
  readonly act: Act
  readonly forward: string
  /** Undefined where there is no way back. */
  readonly back: string | undefined
  /** Where what it was is gone already. */
  readonly orBack?: string
}

const medium: SetUp = (one, sim) => {
  sim.volumes.set('tool', 2 ** 31)
  running(one, sim)
}
const rescued: SetUp = (one, sim) => {
  medium(one, sim)
  sim.volumes.set('web_rescue', 2 ** 31)
  sim.bases.set('web_rescue', '/vms/tool')
  const mark = JSON.stringify({
    ...{ device: 'vdz', medium: 'vms:tool', boot: [], order: {}, running: true, volume: 'vms:web_rescue' },
  }).replaceAll('"', '&quot;')
  const kept = `<k:kept xmlns:k="https://infra.dev/xmlns/rescue/v1">${mark}</k:kept></metadata>`
  one.stored = one.stored.replace('</metadata>', kept)
  one.live = one.stored
}

const tool = { pool: 'vms', name: 'tool', path: '/vms/tool', reference: 'vms:tool' }

const start: Act = (machine, journal) => startMachine(machine, now, call, journal)
const stop: Act = (machine, journal) => stopMachine(machine, now, call, journal)
const restart: Act = (machine, journal) => restartMachine(machine, now, call, journal)
const reset: Act = (machine, journal) => resetMachine(machine, now, call, journal)
const resize =
  (request: Parameters<typeof resizeMachine>[1]): Act =>
  (machine, journal) =>
    resizeMachine(machine, request, signal, journal)

const [runs, isOff, isPaused, isSaved] = [
  state('running'),
  state('shut off'),
  state('paused'),
  state('saved'),
]
const rows: readonly Row[] = [
  { reason: 'start of one that is off', setUp: off, act: start, forward: runs, back: isOff },
  { reason: 'start of one that is paused', setUp: paused, act: start, forward: runs, back: isPaused },
  { reason: 'start of one that is saved', setUp: saved, act: start, forward: runs, back: isSaved },
  { reason: 'stop', setUp: running, act: stop, forward: isOff, back: runs },
  {
    reason: 'stop of one that is paused',
    setUp: paused,
    act: stop,
    forward: isOff,
    back: isPaused,
    orBack: runs,
  },
  { reason: 'restart', setUp: running, act: restart, forward: runs, back: runs },
  { reason: 'restart of one that is off', setUp: off, act: restart, forward: runs, back: isOff },
  { reason: 'restart of one that is saved', setUp: saved, act: restart, forward: runs, back: isSaved },
  {
    reason: 'restart of one that is paused',
    setUp: paused,
    act: restart,
    forward: runs,
    back: isPaused,
    orBack: runs,
  },
  { reason: 'reset', setUp: running, act: reset, forward: runs, back: undefined },
  {
    reason: 'more of all, off',
    setUp: off,
    act: resize({ vcpus: 4, memoryGiB: 2, disks: { vdb: 3 } }),
    forward: 'shut off, 4 of 4 vCPUs, 2 of 2 GiB, disks 1 3',
    back: isOff,
    orBack: 'shut off, 2 of 2 vCPUs, 1 of 1 GiB, disks 1 3',
  },
  {
    reason: 'less of it',
    setUp: off,
    act: resize({ vcpus: 1, memoryGiB: 0.5 }),
    forward: 'shut off, 1 of 1 vCPUs, 0.5 of 0.5 GiB, disks 1 1',
    back: isOff,
  },
  {
    reason: 'less memory, which a running one gives back at once, and a larger disk',
    setUp: running,
    act: resize({ vcpus: 3, memoryGiB: 0.5, disks: { vda: 2 } }),
    forward: 'running, 3 of 3 vCPUs (2 live), 0.5 of 0.5 GiB, disks 2 1',
    back: runs,
    orBack: 'running, 2 of 2 vCPUs (2 live), 1 of 1 GiB, disks 2 1',
  },
  {
    reason: 'rescue from an image',
    setUp: medium,
    act: (machine, journal) => beginRescue(machine, { image: 'vms:tool', timeoutSeconds: 0 }, call, journal),
    forward: `${runs} 2 2, in rescue`,
    back: `${runs} 2`,
  },
  {
    reason: 'rescue from an ISO',
    setUp: medium,
    act: (machine, journal) => beginRescue(machine, { iso: 'vms:tool', timeoutSeconds: 0 }, call, journal),
    forward: `${runs} 2, in rescue`,
    back: `${runs} 2`,
  },
  {
    reason: 'the end of a rescue',
    setUp: rescued,
    act: (machine, journal) => endRescue(machine, { timeoutSeconds: 0 }, call, journal),
    forward: `${runs} 2`,
    back: `${runs} 2 2, in rescue`,
  },
  {
    reason: 'the delete of an image',
    setUp: medium,
    act: ({ host }, journal) => deleteImage({ name: 'near', host }, tool, signal, journal),
    forward: runs,
    back: `${runs} 2`,
    orBack: runs,
  },
]

/** Each change of it, before and after. */
async function cutsOf(world: () => World, work: (world: World) => Promise<unknown>) {
  const { sim } = await (async () => {
    const one = world()
    one.sim.arm(undefined)
    one.sim.changes.length = 0
    await work(one)
    return one
  })()
  return sim.changes.flatMap((_, index) =>
    (['before', 'after'] as const).map(when => ({ at: index + 1, when })),
  )
}

describe('an act that is cut off', () => {
  test.each(rows)('$reason: at each of its changes it is completed, or taken back', async row => {
    const fresh = () => world(row.setUp)
    const cuts = await cutsOf(fresh, one => one.run(row.act))
    expect(cuts.length).toBeGreaterThan(0)
    for (const cut of cuts) {
      for (const direction of ['forward', 'back'] as const) {
        const cutOff = async () => {
          const one = fresh()
          one.sim.arm(cut)
          await expect(one.run(row.act)).rejects.toThrow(CutOff)
          one.sim.arm(undefined)
          return one
        }
        const where = `${direction} from ${cut.when} change ${cut.at}`
        const one = await cutOff()
        expect(await one.open(), where).toHaveLength(1)
        if (direction === 'back' && row.back === undefined) {
          await expect(one.settle('back')).rejects.toMatchObject({ code: 'reset-begun' })
          expect(await one.open()).toHaveLength(1)
          continue
        }
        await one.settle(direction)
        const wanted = direction === 'forward' ? [row.forward] : [row.back, row.orBack]
        const is = await seen(one.sim)
        expect(wanted, where).toContain(is)
        expect(await one.open(), where).toEqual([])

        // cut off itself, it is settled by the next
        if (cut.when === 'before') continue
        const again = await cutOff()
        again.sim.changes.length = 0
        await again.settle(direction)
        const amid = again.sim.changes.length
        for (let at = 1; at <= amid; at += 1) {
          const twice = await cutOff()
          twice.sim.arm({ at, when: 'after' })
          await expect(twice.settle(direction), where).rejects.toThrow()
          twice.sim.arm(undefined)
          expect(await twice.open(), where).toHaveLength(1)
          await twice.settle(direction)
          expect(wanted, `${where}, cut off after change ${at} of that`).toContain(await seen(twice.sim))
        }
      }
    }
  })
})

describe('an act that fails', () => {
  const requests = [
    {
      reason: 'a refusal of libvirt changes nothing',
      setUp: off,
      act: start,
      refuse: 'domainCreateWithFlags',
      is: isOff,
    },
    { reason: 'a reset is refused', setUp: running, act: reset, refuse: 'domainReset', is: runs },
    {
      reason: 'of what is asked for one thing is refused: the rest is put back',
      setUp: off,
      act: resize({ vcpus: 4, memoryGiB: 2 }),
      refuse: 'domainSetMemoryFlags',
      is: isOff,
    },
    {
      reason: 'a machine that cannot be booted for rescue runs again from its own disks',
      setUp: medium,
      act: (machine, journal) =>
        beginRescue(machine, { image: 'vms:tool', timeoutSeconds: 0 }, call, journal),
      refuse: 'domainCreateWithFlags',
      is: `${runs} 2`,
    },
  ] as const satisfies readonly { setUp: SetUp; act: Act; [more: string]: unknown }[]
  test.each(requests)('leaves no journal: $reason', async ({ setUp, act, refuse, is }) => {
    const one = world(setUp)
    one.sim.refuse(refuse, 'OPERATION_FAILED')
    await expect(one.run(act)).rejects.toMatchObject({ code: 'libvirt-operation-failed' })
    expect(await one.open()).toEqual([])
    expect(await seen(one.sim)).toBe(is)
  })

  test('stays in the journal where it is neither done nor as before', async () => {
    const one = world(running)
    one.sim.refuse('domainCreateWithFlags', 'OPERATION_FAILED')
    await expect(one.run(restart)).rejects.toMatchObject({ code: 'libvirt-operation-failed' })
    expect(await seen(one.sim)).toBe(isOff)
    expect(await one.open()).toEqual(['restart VirtualMachine/web'])
    expect(await one.settle('back')).toEqual(['web runs.'])
    expect(await seen(one.sim)).toBe(runs)
  })
})

test.each([
  { reason: 'it is removed', name: 'tool', is: runs, text: /vms:tool is not there/ },
  { reason: 'in use it is left', name: 'web_boot', is: `${runs} 2`, text: /in use, and was left as it is/ },
])('an image whose making was cut off, taken back: $reason', async ({ name, is, text }) => {
  const one = world(medium)
  const act = { verb: 'image-put', name, pool: 'vms', image: { name } } as const
  one.sim.arm({ at: 1, when: 'before' })
  const cutOff = one.run(async (machine, journal) => {
    await journal.begin(act)
    await resetMachine(machine, now, call)
  })
  await expect(cutOff).rejects.toThrow(CutOff)
  one.sim.arm(undefined)
  expect(await one.settle('back')).toEqual([expect.stringMatching(text)])
  expect(await seen(one.sim)).toBe(is)
  expect(await one.open()).toEqual([])
})

test('a disk of somebody that is called as one for a rescue is not touched', async () => {
  const one = world((machine, sim) => {
    medium(machine, sim)
    sim.volumes.set('web_rescue', 2 ** 30)
  })
  one.sim.changes.length = 0
  const begin = one.run((machine, journal) => beginRescue(machine, { image: 'vms:tool' }, call, journal))
  await expect(begin).rejects.toMatchObject({ code: 'volume-exists' })
  expect([await seen(one.sim), one.sim.changes, await one.open()]).toEqual([`${runs} 2 1`, [], []])
})

test('memory that was saved and is used up is not said to be saved', async () => {
  const one = world(saved)
  one.sim.arm({ at: 1, when: 'after' })
  await expect(one.run(start)).rejects.toThrow(CutOff)
  one.sim.arm(undefined)
  for (const machine of one.sim.machines.values()) Object.assign(machine, { id: -1, live: undefined })
  await expect(one.settle('back')).rejects.toMatchObject({ code: 'no-way' })
  expect(await one.open()).toHaveLength(1)
  await one.settle('forward')
  expect([await seen(one.sim), await one.open()]).toEqual([runs, []])
})

describe('several at once', () => {
  test('each is settled for itself, and the journal goes with the last', async () => {
    const one = world(running)
    const other = uuid.replace('0', '1')
    one.sim.add('db', other)
    one.sim.arm({ at: 1, when: 'before' })
    await expect(one.runAll([restart, start])).rejects.toThrow(CutOff)
    one.sim.arm(undefined)
    const open = await one.open()
    expect([...open].sort()).toEqual(['restart VirtualMachine/web', 'start VirtualMachine/db'])
    await one.settle('forward', name => name === 'web')
    expect(await one.open()).toEqual(['start VirtualMachine/db'])
    await one.settle('back')
    expect(await one.open()).toEqual([])
    expect([...one.sim.machines.values()].map(machine => machine.id >= 0)).toEqual([true, false])
  })
})

describe('a machine that is gone, or another of its name', () => {
  const cutOff = async () => {
    const one = world(running)
    one.sim.arm({ at: 1, when: 'before' })
    await expect(one.run(stop)).rejects.toThrow(CutOff)
    one.sim.arm(undefined)
    one.sim.machines.clear()
    one.sim.changes.length = 0
    return one
  }

  test('is told, and leaves nothing to be settled', async () => {
    const one = await cutOff()
    expect(await one.settle('forward')).toEqual(['web is not on near any more: there is nothing to settle.'])
    expect(await one.open()).toEqual([])
  })

  test('is not touched', async () => {
    const one = await cutOff()
    running(one.sim.add('web', uuid.replace('0', '1')), one.sim)
    const [text] = await one.settle('forward')
    expect(text).toContain('Another machine has its name there, and was not touched.')
    expect([await seen(one.sim), one.sim.changes]).toEqual([runs, []])
  })
})

test.each([
  { reason: 'an act of a later version', what: { verb: 'fly', name: 'web', uuid } },
  { reason: 'a state that is none', what: { verb: 'start', name: 'web', uuid, was: 'tired', id: 1 } },
  {
    reason: 'a size that is none',
    what: { verb: 'resize', name: 'web', uuid, from: {}, to: { vcpus: 2 }, disks: [] },
  },
  { reason: 'a rescue from nothing', what: { verb: 'rescue', name: 'web', uuid, running: true } },
  { reason: 'an end of what is not told', what: { verb: 'rescue-end', name: 'web', uuid, was: true } },
])('$reason is not taken for one that is known', async ({ what }) => {
  expect(await knownAct(what)).toBeUndefined()
})

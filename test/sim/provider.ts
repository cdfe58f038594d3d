/** The embedded provider with trouble: it fails, hangs, does half, lies or is lost, and others change what it has. */
import { InfraError } from '../../src/model/error.js'
import type { Faults } from '../../src/providers/embedded/faults.js'
import { embeddedProvider } from '../../src/providers/embedded/index.js'
import type { World, WorldObject } from '../../src/providers/embedded/world.js'
import type { Kind } from '../../src/providers/kind.js'
import type { Provider } from '../../src/providers/provider.js'
import type { Outsider, ProviderFault, Trouble } from './draw.js'
import type { Machine } from './process.js'

/** What others have done. */
export interface Strangers {
  /** UUIDs of what they made. */
  readonly made: Set<string>
  /** UUIDs of what they began to make: where the machine went down over it, it is there or not. */
  readonly begun: Set<string>
  /** Data that they destroyed. */
  readonly destroyed: Set<string>
  /** UUIDs of what they changed. */
  readonly changed: Set<string>
}

export interface TroubleInput {
  readonly machine: Machine
  readonly world: World
  readonly trouble: Trouble
  readonly kinds: ReadonlyMap<string, Kind>
  /** The user stops it, or gives up at once. */
  readonly stop: (hard: boolean) => void
}

export function troubledProvider({ machine, world, trouble, kinds, stop }: TroubleInput): Provider {
  const { disk } = machine
  let acts = 0
  let reads = 0
  let calls = 0
  let lost = false
  let next: ProviderFault['does'] | undefined
  const faultAt = (on: 'act' | 'read', nth: number) =>
    trouble.calls?.find(fault => fault.on === on && fault.nth === nth)?.does

  const faults: Faults = {
    strike(call) {
      if (call !== 'observe') return next === 'hang' || next === 'lost' ? undefined : next
      reads += 1
      const does = faultAt('read', reads)
      if (does === 'lost') lost = true
      if (does === 'lie') return 'lie'
      return does === undefined && !lost ? undefined : 'fail'
    },
  }
  const inner = embeddedProvider(world, kinds, faults, { clock: machine.clock, random: machine.random })

  /** Waits for the user to lose patience. */
  const hang = async (signal: AbortSignal): Promise<never> => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    stop(true)
    throw signal.reason ?? new Error('nobody waits any more')
  }
  /** What others do is done between the calls, as the system below does one thing at a time to one object. */
  let meddling: Promise<unknown> = Promise.resolve()
  const running = new Set<Promise<unknown>>()
  const others = async () => {
    calls += 1
    for (const one of trouble.outsiders ?? [])
      if (one.nth === calls) {
        const before = Promise.allSettled([meddling, ...running])
        meddling = before.then(() => meddle(one, world, machine.strangers, machine.random.uuid()))
      }
    for (let seen: unknown; seen !== meddling; ) {
      seen = meddling
      await meddling
    }
  }
  const act = async (label: string, signal: AbortSignal, work: () => Promise<void>) => {
    disk.point(`before ${label}`)
    await others()
    acts += 1
    if (trouble.stop?.nth === acts) stop(trouble.stop.hard)
    const does = faultAt('act', acts)
    if (does === 'lost') lost = true
    if (lost) throw connectionLost()
    if (does === 'hang') return hang(signal)
    next = does
    const working = work()
    next = undefined
    running.add(working)
    await working.finally(() => running.delete(working))
    disk.point(`after ${label}`)
  }

  return {
    ...inner,
    async observe(targets, signal) {
      disk.point('before observe')
      await others()
      if (lost) throw connectionLost()
      for (let nth = reads + 1; nth <= reads + targets.length; nth += 1)
        if (faultAt('read', nth) === 'hang') return hang(signal)
      const found = await inner.observe(targets, signal)
      disk.point('after observe')
      return found
    },
    create: (request, call) =>
      act(`create ${request.address}`, call.signal, () => inner.create(request, call)),
    update: (request, call) =>
      act(`update ${request.address}`, call.signal, () => inner.update(request, call)),
    delete: (request, call) =>
      act(`delete ${request.address}`, call.signal, () => inner.delete(request, call)),
    discard: (token, signal) =>
      act('discard', signal, async () => {
        await inner.discard?.(token, signal)
      }),
  }
}

async function meddle(one: Outsider, world: World, strangers: Strangers, uuid: string): Promise<void> {
  const there = [...world.all()].find(
    object => object.kind === one.kind && object.name === one.letter && !object.trash,
  )
  try {
    if (one.does === 'create' && !there) {
      const made: WorldObject = {
        ...{ kind: one.kind, name: one.letter, identity: { uuid }, spec: { colour: 'pink' }, labels: {} },
        data: uuid,
      }
      strangers.begun.add(uuid)
      await world.put(made)
      strangers.made.add(uuid)
    }
    if (!there) return
    if (one.does === 'change') {
      strangers.changed.add(there.identity.uuid ?? '')
      await world.put({ ...there, spec: { ...there.spec, colour: 'pink' } })
    }
    if (one.does === 'delete') {
      strangers.changed.add(there.identity.uuid ?? '')
      if (there.data) strangers.destroyed.add(there.data)
      await world.remove(there)
    }
  } catch {
    // Somebody else has trouble, too, and did nothing.
  }
}

function connectionLost(): InfraError {
  return new InfraError({
    kind: 'connection',
    code: 'connection-lost',
    message: 'the connection to the simulated system is lost',
  })
}

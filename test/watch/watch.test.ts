/** The watch with systems that tell on command: when it looks, at what, and what it says when it is blind. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { InfraError } from '../../src/model/error.js'
import { nodePorts } from '../../src/model/node-ports.js'
import { hintQueue } from '../../src/providers/hints.js'
import type { Hint, Provider } from '../../src/providers/provider.js'
import { driftReport } from '../../src/report/drift/model.js'
import type { DriftPart, DriftReading } from '../../src/session/drift.js'
import type { WatchEvent } from '../../src/watch/event.js'
import { type Looked, watchDrift } from '../../src/watch/watch.js'
import { input, present, spec, subject } from '../report/drift/fixtures.js'

const lost = () => new InfraError({ kind: 'connection', code: 'lost', message: 'the connection is lost' })
const names = ['a', 'b']
const address = (name: string) => `VirtualMachine/${name}`
const hint = (name: string): Hint => ({
  what: name,
  touches: target => target.address === address(name),
})

let end = async () => {}
afterEach(() => end())

/** A watch over two machines of one connection, whose CPUs are what `vcpus` says. */
function start(options: { interval: number; tells?: boolean; sessions?: Error[] }) {
  const { interval, tells = true } = options
  const ending = new AbortController()
  const began = Date.now()
  const events: WatchEvent[] = []
  const looks: string[] = []
  const parts: boolean[] = []
  const world = {
    vcpus: new Map(names.map(name => [name, 2])),
    serial: 1,
    opens: [] as (Error | undefined)[],
    sessions: (options.sessions ?? []) as (Error | undefined)[],
    tell: (_: Hint) => {},
    lose: (_: Error) => {},
  }
  const read = (part?: DriftPart): DriftReading => {
    const some = names.filter(name => {
      const { record } = subject(address(name), present(spec))
      return part?.get('libvirt')?.({ ...record }) ?? part === undefined
    })
    looks.push(some.join(''))
    const subjects = some.map(name =>
      subject(address(name), present({ ...spec, vcpus: world.vcpus.get(name) ?? 2 })),
    )
    return { ...input(subjects), unlisted: [], base: { lineage: 'l', serial: world.serial }, at: Date.now() }
  }
  const session: Looked = {
    get driftBase() {
      return { lineage: 'l', serial: world.serial }
    },
    neededConnections: () => [{ name: 'libvirt', type: 'libvirt', settings: {} }],
    readDrift: async part => read(part),
    driftReport: async reading => driftReport(input(reading.subjects, { at: reading.at })),
    close: async () => {},
  }
  const provider = {
    close: async () => {},
    ...(tells && {
      watch: async (signal: AbortSignal) => {
        const queue = hintQueue(signal, () => {})
        world.tell = queue.push
        world.lose = queue.fail
        return queue.hints
      },
    }),
  } as unknown as Provider
  const done = watchDrift({
    // A second of waiting takes five milliseconds
    clock: {
      now: () => began + (Date.now() - began) * 200,
      sleep: (milliseconds, signal) => nodePorts.clock.sleep(milliseconds / 200, signal),
    },
    signal: ending.signal,
    interval,
    open: async () => {
      const error = world.sessions.shift()
      if (error) throw error
      return session
    },
    openConnection: async () => {
      const error = world.opens.shift()
      if (error) throw error
      return provider
    },
    tell: event => events.push(event),
    looked: async (_, inPart) => {
      parts.push(inPart !== undefined)
    },
  })
  end = async () => {
    ending.abort()
    await done.catch(() => undefined)
  }
  const until = async (holds: () => boolean) => {
    for (let turn = 0; turn < 1000 && !holds(); turn += 1) await sleep(5)
    expect(holds(), JSON.stringify(events)).toBe(true)
  }
  return { world, events, looks, parts, until, done, types: () => events.map(one => one.type) }
}

const never = 2 ** 30

describe('a watch', () => {
  test('looks at everything once, and then at what a hint names and no more', async () => {
    const { world, events, looks, parts, until } = start({ interval: never })
    await until(() => looks.length === 1)
    world.vcpus.set('b', 4).set('a', 8)
    world.tell(hint('b'))
    await until(() => looks.length === 2)
    expect(looks).toEqual(['ab', 'b'])
    await until(() => parts.length === 2)
    expect(parts).toEqual([false, true])
    expect(events.filter(one => one.type === 'drift')).toMatchObject([
      { change: 'appeared', resource: 'VirtualMachine/b', path: 'vcpus', from: 2, to: 4 },
    ])
  })

  test('takes hints that come together as one', async () => {
    const { world, looks, until } = start({ interval: never })
    await until(() => looks.length === 1)
    for (let number = 0; number < 5000; number += 1) world.tell(hint(number % 2 ? 'a' : 'b'))
    await until(() => looks.length === 2)
    await sleep(50)
    expect(looks).toEqual(['ab', 'ab'])
  })

  test('holds no more than some hundred hints against every resource', async () => {
    const { world, looks, until } = start({ interval: never })
    await until(() => looks.length === 1)
    let held = 0
    const odd: Hint = {
      what: 'odd',
      touches: () => {
        held += 1
        return false
      },
    }
    for (let turn = 0; turn < 50; turn += 1) {
      for (let number = 0; number < 100; number += 1) world.tell(odd)
      await new Promise(resolve => setImmediate(resolve))
    }
    await until(() => looks.length > 1)
    expect(held).toBeLessThan(1000)
  })

  test('looks at everything at intervals, whatever is told meanwhile', async () => {
    const { world, looks, events, until } = start({ interval: 200_000 })
    await until(() => looks.length === 1)
    const telling = setInterval(() => world.tell(hint('b')), 10)
    try {
      world.vcpus.set('a', 4)
      await until(() => looks.includes('b') && events.some(one => one.type === 'drift'))
      expect(events.filter(one => one.type === 'scan').length).toBeGreaterThan(1)
    } finally {
      clearInterval(telling)
    }
  })

  test('looks at everything when the state has moved', async () => {
    const { world, looks, until } = start({ interval: never })
    await until(() => looks.length === 1)
    world.serial = 2
    world.tell(hint('b'))
    await until(() => looks.length === 2)
    expect(looks).toEqual(['ab', 'ab'])
  })

  test('says that a system tells nothing, and goes on by scans', async () => {
    const { events, looks, until } = start({ interval: 1000, tells: false })
    await until(() => looks.length > 2)
    expect(events[0]).toMatchObject({ type: 'watching', how: 'scans' })
  })

  test('says when it is blind and when it sees again, and looks at what it missed', async () => {
    const { world, events, types, looks, until } = start({ interval: never })
    await until(() => looks.length === 1)
    world.opens = [lost(), lost()]
    world.lose(lost())
    await until(() => types().filter(type => type === 'blind').length === 1)
    world.vcpus.set('a', 4)
    await until(() => types().includes('drift'))
    const [, , ...rest] = events
    expect(rest.map(one => one.type)).toEqual(['blind', 'blind', 'blind', 'watching', 'drift'])
    expect(rest.map(one => ('retryMilliseconds' in one ? one.retryMilliseconds : 0))).toEqual([
      1000, 2000, 4000, 0, 0,
    ])
    expect(rest[3]).toMatchObject({ again: true, how: 'events' })
  })

  test('looks without a connection that is blind from the start', async () => {
    const { world, types, until, looks } = start({ interval: never })
    world.opens = [lost()]
    await until(() => looks.length > 0 && types().includes('watching'))
    expect(types()).toContain('scan')
  })

  test('a look that fails is told and made again, at everything', async () => {
    const { world, events, looks, until } = start({ interval: never })
    await until(() => looks.length === 1)
    world.sessions = [lost(), lost()]
    world.tell(hint('b'))
    await until(() => looks.length === 2)
    expect(looks).toEqual(['ab', 'ab'])
    const failed = events.filter(one => one.type === 'failed')
    expect(failed).toMatchObject([{ retryMilliseconds: 5000 }, { retryMilliseconds: 10_000 }])
  })

  test('a first look that fails is an error', async () => {
    const { done } = start({ interval: never, sessions: [lost()] })
    await expect(done).rejects.toThrow('the connection is lost')
  })

  test('a defect ends it', async () => {
    const { world, done, until, looks } = start({ interval: never })
    await until(() => looks.length === 1)
    world.lose(new TypeError('no such thing'))
    await expect(done).rejects.toThrow('no such thing')
  })
})

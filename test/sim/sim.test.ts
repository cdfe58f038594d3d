/** The simulated machine itself: what it promises to the tests that stand on it. */
import { describe, expect, it } from 'vitest'
import { seededDice } from './dice.js'
import { simDisk } from './files.js'
import { simLocks } from './locker.js'
import { simClock, simRandom } from './machine.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (content: Uint8Array | undefined) => content && new TextDecoder().decode(content)

describe('the simulated disk', () => {
  it('never loses what was synced, and loses, tears or keeps the rest', async () => {
    const ends = new Set<string>()
    for (let seed = 1; seed <= 200; seed += 1) {
      const disk = simDisk(seededDice(seed))
      await disk.files.makeFolder('/s')
      const file = await disk.files.append('/s/log')
      await file.append(bytes('synced '))
      await file.sync()
      await file.append(bytes('cached'))
      const after = text(await disk.losePower().files.read('/s/log')) ?? 'gone'
      expect(after.startsWith('synced ')).toBe(true)
      ends.add(after.slice('synced '.length))
    }
    expect(ends).toContain('')
    expect(ends).toContain('cached')
    expect(ends.size).toBeGreaterThan(6)
  })

  it('loses entries of folders that were not synced, each by itself', async () => {
    const ends = new Set<string>()
    for (let seed = 1; seed <= 200; seed += 1) {
      const disk = simDisk(seededDice(seed))
      await disk.files.makeFolder('/s')
      await disk.files.replace('/s/a', bytes('a'), 0o600)
      await disk.files.replace('/s/b', bytes('b'), 0o600)
      await disk.files.remove('/s/a')
      await disk.files.remove('/s/b')
      ends.add(disk.losePower().paths().join())
      expect(disk.crashed()).toBe(true)
    }
    expect([...ends].sort()).toEqual(['', '/s/a', '/s/a,/s/b', '/s/b'])
  })

  it('gives the same history for the same seed', async () => {
    const history = async (seed: number) => {
      const disk = simDisk(seededDice(seed))
      await disk.files.makeFolder('/s')
      await disk.files.replace('/s/a', bytes('x'.repeat(999)), 0o600)
      return disk.trace
    }
    expect(await history(7)).toEqual(await history(7))
    expect(await history(7)).not.toEqual(await history(8))
  })

  it('has only so much room, and cuts writes short before it refuses them', async () => {
    const disk = simDisk(seededDice(1), { capacity: 10 })
    await disk.files.makeFolder('/s')
    const file = await disk.files.append('/s/log')
    await expect(file.append(bytes('x'.repeat(20)))).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(disk.used()).toBe(10)
    await file.truncate(0)
    await file.append(bytes('0123456789'))
    expect(text(await disk.files.read('/s/log'))).toBe('0123456789')
  })
})

describe('the simulated clock', () => {
  it('wakes sleepers in their order, and takes no time for it', async () => {
    const clock = simClock(0)
    const woken: string[] = []
    const sleep = async (name: string, milliseconds: number) => {
      await clock.sleep(milliseconds)
      woken.push(`${name} at ${clock.now()}`)
    }
    await Promise.all([sleep('late', 3_600_000), sleep('early', 1000), sleep('also early', 1000)])
    expect(woken).toEqual(['early at 1000', 'also early at 1000', 'late at 3600000'])
  })

  it('wakes who is called off', async () => {
    const clock = simClock(0)
    const reason = new Error('enough')
    const controller = new AbortController()
    const sleeping = clock.sleep(1000, controller.signal)
    controller.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    await expect(clock.sleep(1000, controller.signal)).rejects.toBe(reason)
    expect(clock.now()).toBe(0)
  })
})

describe('simulated randomness', () => {
  it('makes UUIDs of version 4, the same for the same seed', () => {
    const [one, same, other] = [1, 1, 2].map(seed => simRandom(seededDice(seed)).uuid())
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(same).toBe(one)
    expect(other).not.toBe(one)
  })
})

describe('the simulated lock', () => {
  it('is held by one, ends with its process, and leaves its note', async () => {
    const locks = simLocks()
    const holder = { host: 'h', pid: 1, since: 0, command: 'infra apply' }
    const lock = await locks.of('one').acquire(holder)
    await expect(locks.of('two').acquire(holder)).rejects.toMatchObject({ code: 'lock-held' })
    expect(await locks.of('two').unlock()).toEqual({ held: true, note: holder })
    locks.kill('one')
    expect(await locks.of('two').status()).toEqual({ held: false, note: holder })
    const next = await locks.of('two').acquire({ ...holder, pid: 2 })
    await lock.release()
    expect(await locks.of('three').status()).toMatchObject({ held: true, note: { pid: 2 } })
    await next.release()
    expect(await locks.of('three').status()).toEqual({ held: false, note: undefined })
  })
})

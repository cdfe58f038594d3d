/** The lock among real processes that are killed, suspended and many. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InfraError } from '../../src/model/error.js'
import { nodeFiles as files } from '../../src/model/node-files.js'
import { acquireLock, type Holder, kernelLocker } from '../../src/state/lock.js'
import { type Children, compileChildren } from './processes.js'

let children: Children
beforeAll(async () => {
  children = await compileChildren()
})
afterAll(() => children.clean())

const me: Holder = { host: 'there', pid: process.pid, since: Date.UTC(2026, 4, 1), command: 'infra test' }

async function refusal(folder: string, waitMilliseconds = 0): Promise<InfraError> {
  try {
    const lock = await acquireLock(files, folder, me, { waitMilliseconds })
    await lock.release()
  } catch (error) {
    if (error instanceof InfraError) return error
    throw error
  }
  throw new Error('the lock was free')
}

async function held() {
  const folder = children.folder()
  const holder = children.start('hold', folder)
  expect(await holder.said()).toBe('held')
  return { folder, holder }
}

describe('the lock', () => {
  it('is taken and let go, in no time, and leaves no note', async () => {
    const folder = children.folder()
    const times: number[] = []
    for (let round = 0; round < 20; round += 1) {
      const began = performance.now()
      const lock = await acquireLock(files, folder, me)
      times.push(performance.now() - began)
      expect(await kernelLocker(files, folder).status()).toEqual({ held: true, note: me })
      await lock.release()
      await lock.release()
    }
    const median = times.sort((a, b) => a - b)[10] ?? 0
    process.stdout.write(`taking a free lock: ${median.toFixed(1)} ms, the program's start included\n`)
    // A hundredth of that where nothing else runs; many that work at once take turns
    expect(median).toBeLessThan(2_000)
    expect(existsSync(join(folder, 'lock.json'))).toBe(false)
    expect(await kernelLocker(files, folder).status()).toEqual({ held: false, note: undefined })
  })

  it('tells the second who holds it', async () => {
    const { folder, holder } = await held()
    const error = await refusal(folder)
    expect(error).toMatchObject({ kind: 'storage', code: 'lock-held' })
    expect(error.why).toMatch(`infra hold holds it, process ${holder.pid} on here, since 20`)
    holder.process.stdin?.end()
    expect(await holder.said()).toBe('released')
    await (await acquireLock(files, folder, me)).release()
  })

  it('is taken only once within one process too', async () => {
    const folder = children.folder()
    const lock = await acquireLock(files, folder, me)
    expect(await refusal(folder)).toMatchObject({ code: 'lock-held' })
    await lock.release()
  })

  it('ends with a holder that is killed, whose note is no obstacle', async () => {
    const { folder, holder } = await held()
    holder.process.kill('SIGKILL')
    await holder.ended
    const locker = kernelLocker(files, folder)
    expect(await locker.status()).toMatchObject({ held: false, note: { pid: holder.pid } })
    const lock = await locker.acquire(me)
    expect(await locker.status()).toEqual({ held: true, note: me })
    await lock.release()
  })

  it('ends with its holder though a child of the holder lives on', async () => {
    const folder = children.folder()
    const holder = children.start('hold-with-child', folder)
    expect(await holder.said()).toBe('held')
    holder.process.kill('SIGKILL')
    await holder.ended
    await (await acquireLock(files, folder, me)).release()
  })

  it('is never taken from a holder that is suspended', async () => {
    const { folder, holder } = await held()
    holder.process.kill('SIGSTOP')
    expect((await refusal(folder, 1500)).why).toContain(`process ${holder.pid}`)
    expect(await kernelLocker(files, folder).unlock()).toMatchObject({
      held: true,
      note: { pid: holder.pid },
    })
    expect(await refusal(folder)).toMatchObject({ code: 'lock-held' })
    holder.process.kill('SIGCONT')
    holder.process.stdin?.end()
    expect(await holder.said()).toBe('released')
    await (await acquireLock(files, folder, me)).release()
  })

  it('is waited for', async () => {
    const { folder, holder } = await held()
    const waiting = acquireLock(files, folder, me, { waitMilliseconds: 20_000 })
    await sleep(400)
    holder.process.stdin?.end()
    await (await waiting).release()
  })

  it('is waited for until the wait is called off', async () => {
    const { folder, holder } = await held()
    const reason = new Error('called off')
    const controller = new AbortController()
    const waiting = acquireLock(files, folder, me, { waitMilliseconds: 60_000, signal: controller.signal })
    setTimeout(() => controller.abort(reason), 100)
    await expect(waiting).rejects.toBe(reason)
    await expect(acquireLock(files, folder, me, { signal: controller.signal })).rejects.toBe(reason)
    holder.process.kill('SIGKILL')
    await holder.ended
    await (await acquireLock(files, folder, me)).release()
  })

  it('does not go to a killed process that waited for it', async () => {
    const { folder, holder } = await held()
    const waiting = children.start('hold', folder, '60000')
    await sleep(500)
    waiting.process.kill('SIGKILL')
    await waiting.ended
    holder.process.stdin?.end()
    expect(await holder.said()).toBe('released')
    await (await acquireLock(files, folder, me)).release()
  })

  it('loses the note of a dead holder by unlock, and nothing else', async () => {
    const { folder, holder } = await held()
    holder.process.kill('SIGKILL')
    await holder.ended
    const locker = kernelLocker(files, folder)
    expect(await locker.unlock()).toMatchObject({ held: false, note: { pid: holder.pid } })
    expect(await locker.status()).toEqual({ held: false, note: undefined })
    expect(existsSync(join(folder, 'lock'))).toBe(true)
  })

  it('clears away what a crash left half written, once it is held', async () => {
    const folder = children.folder()
    await (await acquireLock(files, folder, me)).release()
    const temporary = join(folder, 'state.json.0123456789ab.tmp')
    await files.replace(temporary, Buffer.from('half'), 0o600)
    await files.replace(join(folder, 'mine.tmp'), Buffer.from('whole'), 0o600)
    await (await acquireLock(files, folder, me)).release()
    expect(await files.list(folder)).toEqual(['lock', 'mine.tmp'])
  })

  it.each(['not json', '{}', '{"host":"x","pid":1,"since":1e300,"command":"x"}'])(
    'takes a note of %s for none',
    async note => {
      const { folder, holder } = await held()
      await files.replace(join(folder, 'lock.json'), Buffer.from(note), 0o600)
      expect((await refusal(folder)).why).toBe('its holder has not said who it is')
      holder.process.kill('SIGKILL')
    },
  )
})

describe('twenty processes', () => {
  const rounds = 3

  it('take turns, never two at a time', async () => {
    const folder = children.folder()
    const all = Array.from({ length: 20 }, () => children.start('contend', folder, String(rounds)))
    await Promise.all(all.map(one => one.ended))
    const lines = all.flatMap(one => one.lines)
    expect(lines.filter(line => line !== 'round')).toEqual([])
    expect(lines).toHaveLength(20 * rounds)
  })

  it('take turns though some are killed and suspended at any moment', async () => {
    const folder = children.folder()
    const all = Array.from({ length: 20 }, () => children.start('contend', folder, String(rounds)))
    await all[0]?.said()
    for (const [index, one] of all.entries()) {
      if (index % 2 === 0) one.process.kill(index % 4 === 0 ? 'SIGKILL' : 'SIGSTOP')
      await sleep(40)
    }
    await sleep(500)
    for (const one of all) one.process.kill('SIGCONT')
    await Promise.all(all.map(one => one.ended))
    const lines = all.flatMap(one => one.lines)
    expect(lines.filter(line => line !== 'round')).toEqual([])
    const survivors = all.filter((_, index) => index % 4 !== 0)
    expect(survivors.map(one => one.lines.length)).toEqual(survivors.map(() => rounds))
  })
})

/** A program in a pod whose end nobody tells: the connection is lost, or the call is given up. */
import type { Writable } from 'node:stream'
import { Exec } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runInSyncer } from '../../../src/providers/vcluster/acts/syncer.js'
import type { Session } from '../../../src/providers/vcluster/session.js'

interface Web {
  onclose: (() => void) | null
  close(): void
}
type Told = (status: object) => void
/** What becomes of the program, once it is connected. */
let program: (web: Web, out: Writable, told: Told) => void
let closed = 0

const session = { host: { name: 'lab', config: {} } } as unknown as Session
const run = (signal = AbortSignal.timeout(20_000)) =>
  runInSyncer(session, { namespace: 'team', pod: 'team-0' }, ['cat', '/x'], signal)

beforeEach(() => {
  closed = 0
  vi.spyOn(Exec.prototype, 'exec').mockImplementation((...args: unknown[]) => {
    const web: Web = {
      onclose: null,
      close() {
        closed += 1
        web.onclose?.()
      },
    }
    setImmediate(() => program(web, args[4] as Writable, args[8] as Told))
    return Promise.resolve(web) as never
  })
})
afterEach(() => vi.restoreAllMocks())

describe('a program in a pod', () => {
  test('has ended with what it printed, and its connection then', async () => {
    program = (web, out, told) => {
      out.write('all of it')
      told({ status: 'Success' })
      web.onclose?.()
    }
    expect(String((await run()).bytes)).toBe('all of it')
  })

  test('whose connection is lost is no success, and nobody waits for it', async () => {
    program = web => web.onclose?.()
    await expect(run()).rejects.toMatchObject({
      code: 'syncer-lost',
      why: 'the connection ended before the program did',
    })
  })

  test('that is given up is disconnected', async () => {
    const ending = new AbortController()
    program = () => ending.abort(new Error('enough'))
    await expect(run(ending.signal)).rejects.toThrow('enough')
    expect(closed).toBe(1)
  })
})

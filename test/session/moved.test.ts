/** A plan that somebody thought about is held against what is there when they have said yes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import type { PlanResult } from '../../src/planner/input.js'
import { movedSince } from '../../src/session/moved.js'
import { kinds } from '../../src/session/provider-types.js'
import { openSession, type Session } from '../../src/session/session.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-moved-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function inSession<T>(pools: readonly string[], work: (session: Session) => Promise<T>): Promise<T> {
  const head = 'apiVersion: infra/v1\nkind: Stack\nmetadata: {name: moved}\n'
  const pool = (name: string) =>
    `apiVersion: infra/v1\nkind: CephPool\nmetadata: {name: ${name}}\nspec: {size: 2}\n`
  await writeFile(join(folder, 'stack.yaml'), [head, ...pools.map(pool)].join('---\n'))
  const signal = AbortSignal.timeout(60_000)
  const session = await openSession({ path: folder, ports: nodePorts, signal, environment: {} })
  try {
    await session.lock({ host: 'test', pid: process.pid, command: 'test' })
    return await work(session)
  } finally {
    await session.close()
  }
}

async function carryOut(session: Session, made: PlanResult): Promise<string> {
  expect(made.problems).toEqual([])
  const { signal } = new AbortController()
  const control = { stopping: signal, signal, onFailure: async () => 'stop' as const }
  return (await session.apply(made, 'test', control, true)).result
}

test('what comes back that the stack no longer declares has not moved', async () => {
  const apply = async (session: Session) => carryOut(session, await session.plan())
  expect(await inSession(['one', 'two'], apply)).toBe('applied')
  expect(await inSession(['one'], apply)).toBe('applied')
  const back = await inSession(['one'], async session => carryOut(session, await session.planRollback()))
  expect(back).toBe('applied')
})

test('what has moved is told with what differs, and what is nobody’s to declare has not', async () => {
  await inSession(['one', 'two'], async session => carryOut(session, await session.plan()))
  await inSession(['one'], async session => {
    const made = await session.plan()
    const { resources: records = {} } = session.state ?? {}
    const known = { desired: session.stack.resources, records, kinds }
    const other = (address: string, spec: object) => {
      const seen = made.observed.get(address)
      if (seen?.status !== 'present') throw new Error(`${address} is not there`)
      return [address, { ...seen, spec: { ...seen.spec, ...spec } }] as const
    }
    const now = (...moved: ReturnType<typeof other>[]) => new Map([...made.observed, ...moved])
    const groups = now(other('CephPool/one', { pgNum: 8 }), other('CephPool/two', { pgNum: 8 }))
    expect(() => movedSince(made, groups, known)).not.toThrow()
    const copies = now(other('CephPool/one', { size: 3 }), other('CephPool/two', { nodelete: true }))
    expect(() => movedSince(made, copies, known)).toThrow(
      expect.objectContaining({
        code: 'stale-plan',
        message: '2 resources have moved since the plan was made',
        why: 'CephPool/one: size was 2 and is 3; CephPool/two: nodelete was false and is true',
      }),
    )
  })
})

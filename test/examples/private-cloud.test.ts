/** examples/private-cloud from its one apply to its destroy, on the embedded world; on real systems: ../acceptance. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { requireLeave } from '../../src/apply/leave.js'
import { nodePorts, openSession, type PlanResult, type Session } from '../../src/index.js'
import { examples } from './tools.js'

/** What the embedded world has for the key of every client, and what it has once somebody has rotated it. */
const [key, rotated] = ['embedded:key', 'another-key-of-the-client']

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'infra-cloud-'))
  cpSync(join(examples, 'private-cloud'), folder, {
    recursive: true,
    filter: path => !path.endsWith('/.infra'),
  })
  const stack = join(folder, 'stack.yaml')
  const text = readFileSync(stack, 'utf8')
  const providers = /^ {2}providers:\n( {4}.*\n)+/m
  expect(text).toMatch(providers)
  const embedded = '  providers:\n    libvirt: {type: embedded}\n    ceph: {type: embedded}\n'
  writeFileSync(stack, text.replace(providers, embedded))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function inSession<T>(
  variables: Readonly<Record<string, string>>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.timeout(60_000)
  const session = await openSession({ path: folder, ports: nodePorts, signal, variables })
  try {
    await session.lock({ host: 'test', pid: process.pid, command: 'test' })
    return await work(session)
  } finally {
    await session.close()
  }
}

async function carryOut(session: Session, made: PlanResult, leave: readonly string[] = []) {
  const { plan, problems } = made
  expect(problems).toEqual([])
  requireLeave(plan, leave)
  const signal = AbortSignal.timeout(60_000)
  const control = { stopping: signal, signal, onFailure: async () => 'stop' as const }
  const outcome = await session.apply(made, 'test', control, false)
  expect(outcome.result).toBe('applied')
  const told = JSON.stringify([plan, outcome])
  for (const secret of [key, rotated]) expect(told).not.toContain(secret)
}

/** The file of the embedded world; the key is in no other. */
function world(): string {
  const entries = readdirSync(join(folder, '.infra'), { recursive: true, withFileTypes: true })
  const files = entries.filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
  const isWorld = (path: string) => /\/world[^/]*$/.test(path)
  for (const path of files.filter(path => !isWorld(path)))
    for (const secret of [key, rotated]) expect(readFileSync(path, 'utf8')).not.toContain(secret)
  const [found, ...more] = files.filter(isWorld)
  expect(more).toEqual([])
  return found ?? ''
}

/** What somebody does to the client without infra: the world's object says its key itself. */
function rotate(): void {
  const lines = readFileSync(world(), 'utf8').split('\n')
  const anew = lines.map(line => {
    const change = line === '' ? {} : JSON.parse(line)
    if (change.put?.kind !== 'CephClient') return line
    return JSON.stringify({ ...change, put: { ...change.put, spec: { ...change.put.spec, key: rotated } } })
  })
  expect(anew).not.toEqual(lines)
  writeFileSync(world(), anew.map(line => line.replace(/,"synced":\d+}$/, ',"synced":0}')).join('\n'))
}

it('is made by one apply, changed by one, put back by one rollback, and taken away by one destroy', async () => {
  const grown = { diskSize: '30GiB', homeSize: '20GiB' }
  const changed = [
    ['CephVolume/home', 'size'],
    ['RbdImage/server-data', 'size'],
  ]
  const steps = async (variables: Readonly<Record<string, string>>) =>
    inSession(variables, async session => {
      const { plan } = await session.plan()
      return plan.steps.flatMap(step => step.changes.map(change => [step.address, change.path])).sort()
    })
  await inSession({}, async session => carryOut(session, await session.plan()))
  expect(readFileSync(world(), 'utf8')).toContain(`content: ${key}`)
  expect(await steps({})).toEqual([])

  expect(await steps(grown)).toEqual(changed)
  await inSession(grown, async session => carryOut(session, await session.plan()))
  expect(await steps(grown)).toEqual([])

  const leave = ['irreversible=RbdImage/server-data', 'shrinks-data']
  await inSession({}, async session => carryOut(session, await session.planRollback(), leave))
  expect(await steps({})).toEqual([])

  rotate()
  expect(await steps({})).toEqual([['VirtualMachine/server', 'cloudInit.userData']])
  await inSession({}, async session => carryOut(session, await session.plan()))
  expect(readFileSync(world(), 'utf8')).toContain(`content: ${rotated}`)
  expect(await steps({})).toEqual([])

  await inSession({}, async session => {
    await carryOut(session, await session.plan({ mode: 'destroy' }), ['deletes-data'])
    expect(Object.keys(session.state?.resources ?? {})).toEqual([])
  })
  world()
})

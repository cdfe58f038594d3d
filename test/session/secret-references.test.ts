// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** A secret that one resource reads from another: it reaches the real object, and stays out of everything infra keeps. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import type { PlanResult } from '../../src/planner/input.js'
import { openSession, type Session } from '../../src/session/session.js'

const secret = 'embedded:kubeconfigContent'
const stack = (vcpus: number, script = 'cat >config') => `apiVersion: infra/v1
kind: VirtualCluster
metadata: {name: team}
spec: {}
---
apiVersion: infra/v1
kind: VirtualMachine
metadata: {name: runner}
spec:
  vcpus: ${vcpus}
  memoryGiB: 1
  bootDisk: {sizeGB: 1, empty: true}
  networkInterfaces: [{ip: 10.0.0.2/24, gateway: 10.0.0.1, bridge: br0}]
  cloudInit:
    fqdn: runner.lab.example
    userData: "#!/bin/sh\\n${script} \${VirtualCluster.team.kubeconfigContent} \${VirtualCluster.team.server}"
`

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-secret-'))
})
afterEach(() => rm(folder, { recursive: true }))

const signal = () => AbortSignal.timeout(60_000)

/** Does it with a session of its own; every plan on the way is kept for the search. */
async function withSession<T>(text: string, work: (session: Session) => Promise<T>): Promise<T> {
  await writeFile(join(folder, 'stack.yaml'), text)
  const session = await openSession({ path: folder, ports: nodePorts, signal: signal() })
  try {
    await session.lock({ host: 'test', pid: process.pid, command: 'test' })
    return await work(session)
  } finally {
    await session.close()
  }
}

async function carryOut(session: Session, made: PlanResult): Promise<string> {
  expect(made.problems).toEqual([])
  expect(JSON.stringify(made.plan)).not.toContain(secret)
  const control = {
    stopping: signal(),
    signal: signal(),
    onFailure: async () => 'rollback' as const,
  }
  const outcome = await session.apply(made, 'test', control, true)
  expect(JSON.stringify(outcome)).not.toContain(secret)
  return outcome.result
}

/** Texts of the files below the state's folder: of infra's own, and of the embedded world. */
async function files(): Promise<{ readonly own: string; readonly world: string }> {
  const entries = await readdir(join(folder, '.infra'), { recursive: true, withFileTypes: true })
  const paths = entries.filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
  const texts = await Promise.all(paths.map(async path => [path, await readFile(path, 'utf8')] as const))
  const of = (world: boolean) =>
    texts.flatMap(([path, text]) => (/\/world[^/]*$/.test(path) === world ? [text] : [])).join('\n')
  return { own: of(false), world: of(true) }
}

test('it is in the object, and in no plan, state, journal or checkpoint, whatever becomes of the object', async () => {
  const apply = (text: string) => withSession(text, async session => carryOut(session, await session.plan()))
  const look = async () => {
    const { own, world } = await files()
    expect(own).toContain('kubeconfigContent}')
    expect(own).not.toContain(secret)
    return world
  }
  expect(await apply(stack(1))).toBe('applied')
  expect(await look()).toContain(secret)
  await withSession(stack(1), async session => {
    expect((await session.plan()).plan.steps).toEqual([])
    const { resources } = await session.drift()
    const drifted = resources.flatMap(one => one.attributes.filter(each => each.status !== 'in-sync'))
    expect(drifted).toEqual([])
  })

  // Another attribute of the object, and the text around the secret.
  expect(await apply(stack(2))).toBe('applied')
  expect(await apply(stack(2, 'tee config'))).toBe('applied')
  expect(await look()).toContain('tee config')
  await withSession(stack(2, 'tee config'), async session => {
    expect((await session.plan()).plan.steps).toEqual([])
    expect(await carryOut(session, await session.planRollback())).toBe('applied')
  })
  expect(await look()).toContain(`cat >config ${secret}`)

  await withSession(stack(2), async session => {
    expect(await carryOut(session, await session.plan({ mode: 'destroy' }))).toBe('applied')
    await look()
    expect(await carryOut(session, await session.planRollback())).toBe('applied')
  })
  expect(await look()).toContain(`cat >config ${secret}`)
})

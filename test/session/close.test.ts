import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import { openSession } from '../../src/session/session.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-close-'))
  await writeFile(
    join(folder, 'stack.yaml'),
    'apiVersion: infra/v1\nkind: StoragePool\nmetadata: {name: a}\nspec: {path: /a}\n',
  )
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = () => openSession({ path: folder, ports: nodePorts, signal: new AbortController().signal })
const holder = { host: 'here', pid: process.pid, command: 'infra plan', waitMilliseconds: 0 }

test('a connection that fails to close does not keep the lock', async () => {
  const session = await open()
  await session.lock(holder)
  const { providers } = await session.connections()
  for (const provider of providers.values()) {
    Object.assign(provider, { close: () => Promise.reject(new Error('gone')) })
  }
  await expect(session.close()).rejects.toThrow('gone')
  const next = await open()
  await next.lock(holder)
  await next.close()
})

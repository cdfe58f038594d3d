/** kubectl's lock of a kubeconfig, FILE.lock, is honoured: nothing is written beside another writer. */
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import { mergeContext, unmergeContext } from '../../../src/providers/vcluster/acts/connect.js'
import type { Session } from '../../../src/providers/vcluster/session.js'

const own = 'contexts:\n  - name: mine\n    context: {}\n'
const kubeconfig = JSON.stringify({
  clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1' } }],
  users: [{ name: 'u', user: { token: 'x' } }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
})
const labels = { app: 'vcluster', release: 'team' }
const workload = {
  metadata: { name: 'team', namespace: 'team', labels },
  spec: { replicas: 1, template: {} },
}
const choice = { name: 'team' }
const signal = () => AbortSignal.timeout(30_000)

let folder: string
let file: string
/** Turns that were waited, and what happens at each. */
let waited: number
let meanwhile: (turn: number) => Promise<void>
/** Whether the lock was there each time that the file was written. */
let heldAtWrites: boolean[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-lock-'))
  file = join(folder, 'config')
  await writeFile(file, own)
  waited = 0
  meanwhile = async () => undefined
  heldAtWrites = []
})
afterEach(() => rm(folder, { recursive: true }))

const session = {
  host: {
    ...{ name: 'lab', server: 'https://lab', context: 'lab', now: () => 0 },
    list: async (path: string) => (path.endsWith('/statefulsets') ? [workload] : []),
    get: async () => undefined,
  },
  kubeconfigs: { current: async () => kubeconfig },
  ports: {
    clock: {
      now: () => 0,
      sleep: async (_milliseconds: number, aborted?: AbortSignal) => {
        waited += 1
        await meanwhile(waited)
        aborted?.throwIfAborted()
      },
    },
    files: {
      ...nodePorts.files,
      replace: async (path: string, bytes: Uint8Array, mode: number) => {
        heldAtWrites.push(existsSync(`${path}.lock`))
        await nodePorts.files.replace(path, bytes, mode)
      },
    },
  },
} as unknown as Session

const lock = () => `${file}.lock`
const merge = (aborted = signal()) => mergeContext(session, choice, file, {}, aborted)
const unmerge = () => unmergeContext(session, choice, file, signal())

describe('a kubeconfig', () => {
  test('is written under its lock, which is gone afterwards', async () => {
    const context = await merge()
    expect(await readFile(file, 'utf8')).toContain(context)
    expect(await unmerge()).toEqual([context])
    expect(heldAtWrites).toEqual([true, true])
    expect(await readdir(folder)).toEqual(['config'])
  })

  test('that another writes is waited for, and what was written meanwhile is kept', async () => {
    await writeFile(lock(), '')
    meanwhile = async turn => {
      if (turn < 3) return
      await writeFile(file, own.replace('mine', 'theirs'))
      await rm(lock())
    }
    const context = await merge()
    expect(waited).toBe(3)
    const text = await readFile(file, 'utf8')
    expect([text.includes('theirs'), text.includes(context)]).toEqual([true, true])
  })

  test.each([
    { reason: 'a merge', work: () => merge() },
    { reason: 'a removal', work: () => unmerge() },
  ])(
    'that stays locked is left alone by $reason, which says whose lock it is and what to do',
    async ({ work }) => {
      await writeFile(lock(), '')
      await expect(work()).rejects.toMatchObject({
        code: 'kubeconfig-locked',
        message: `${file} is locked, and nothing was written.`,
        why: expect.stringMatching(/config\.lock is there since \d{4}-.*kubectl/),
        hint: expect.stringContaining(`rm ${file}.lock`),
      })
      expect(await readFile(file, 'utf8')).toBe(own)
      expect(existsSync(lock())).toBe(true)
    },
  )

  test('that is waited for until Ctrl-C leaves the lock to whom it belongs', async () => {
    await writeFile(lock(), '')
    const ending = new AbortController()
    meanwhile = async () => ending.abort(new Error('enough'))
    await expect(merge(ending.signal)).rejects.toThrow('enough')
    expect(await readdir(folder)).toEqual(['config', 'config.lock'])
  })

  test('that is none is not written, and its lock is gone', async () => {
    await writeFile(file, 'a: [')
    await expect(merge()).rejects.toMatchObject({ code: 'no-kubeconfig' })
    expect(await readdir(folder)).toEqual(['config'])
  })

  test('that is not there needs no lock to have nothing taken out', async () => {
    await rm(file)
    expect(await unmerge()).toEqual([])
    expect(await readdir(folder)).toEqual([])
  })
})

/**
 * Files of each format that was ever released, as that version wrote them, open and mean what they meant; those of later
 * versions are refused politely. A format that changes leaves its files here, in a folder of their own, and they are never edited.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listCheckpoints, stateBefore } from '../../src/apply/checkpoint.js'
import { foldJournal } from '../../src/apply/fold.js'
import { readJournal } from '../../src/apply/journal.js'
import { encodeLine } from '../../src/apply/journal-line.js'
import { readPlanFile } from '../../src/cli/saved-plan.js'
import { InfraError } from '../../src/model/error.js'
import { nodeFiles as files } from '../../src/model/node-files.js'
import { sealObject } from '../../src/state/sealed.js'
import { openStore } from '../../src/state/store.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-formats-'))
  await cp(fileURLToPath(new URL('./one', import.meta.url)), folder, { recursive: true })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function refusal(work: Promise<unknown>): Promise<InfraError> {
  const thrown = await work.then(
    () => undefined,
    error => error,
  )
  if (!(thrown instanceof InfraError)) throw new Error(`it was not refused: ${thrown}`)
  return thrown
}

const stateOf = async () => {
  const state = await openStore(files, folder).read()
  if (!state) throw new Error('there is no state')
  return state
}

describe('files of format 1', () => {
  it('a state has its records, and goes on with the next serial', async () => {
    const state = await stateOf()
    expect(state).toMatchObject({
      lineage: '11111111-2222-4333-8444-555555555555',
      serial: 7,
      stack: 'sample',
    })
    expect(Object.keys(state.resources)).toEqual(['VirtualMachine/files', 'VirtualMachine/web'])
    expect(state.resources['VirtualMachine/web']).toMatchObject({
      identity: { uuid: '6f1c2d3e-0000-4000-8000-000000000001' },
      spec: { memoryMiB: 4096, dataDisks: [{ name: 'vdb', sizeGB: 20 }, { name: 'vdc' }] },
      sensitive: ['cloudInit.passwordHash'],
      lifecycle: { preventDestroy: true },
    })
    expect(state.outputs).toEqual({ ip: { value: '10.0.0.17', sensitive: false } })
    await openStore(files, folder).write({ ...state, serial: 8 })
    expect((await stateOf()).serial).toBe(8)
  })

  it('a checkpoint leads back, and knows what it keeps', async () => {
    const { checkpoints, broken } = await listCheckpoints(files, folder)
    expect(broken).toEqual([])
    const [one] = checkpoints
    expect(one).toMatchObject({ before: 6, after: 7, summary: '1 created, 1 deleted' })
    expect(one?.kept.map(({ address, token }) => [address, token])).toEqual([
      ['VirtualMachine/old', { place: 'trash-1' }],
    ])
    const before = stateBefore(await stateOf(), checkpoints, one?.id ?? '')
    expect(before.serial).toBe(6)
    expect(Object.keys(before.resources).sort()).toEqual(['VirtualMachine/files', 'VirtualMachine/old'])
  })

  it('a journal knows what was in flight', async () => {
    const contents = await readJournal(files, folder)
    const folded = foldJournal((await stateOf()).resources, contents?.records ?? [])
    expect([...folded.inFlight]).toMatchObject([
      ['VirtualMachine/new', { identity: { uuid: 'new-1' }, direction: 'forward' }],
    ])
  })

  it('a saved plan has its digest, its steps and how it was asked for', async () => {
    const { plan, request } = await readPlanFile(join(folder, 'plan.json'))
    expect(plan.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(plan.steps.length).toBeGreaterThan(5)
    expect(request).toEqual({ path: '/srv/stack', targets: [], replace: [], restart: false })
  })
})

describe('files of a later version are refused', () => {
  const edit = async (name: string, from: string, to: string) => {
    const path = join(folder, name)
    await writeFile(path, (await readFile(path, 'utf8')).replace(from, to))
  }

  it('a state', async () => {
    await edit('state.json', '"format":1', '"format":2')
    const error = await refusal(openStore(files, folder).read())
    expect(error).toMatchObject({ kind: 'storage', code: 'state-newer' })
    expect(error.hint).toContain('Nothing was changed')
  })

  it('a checkpoint', async () => {
    await writeFile(join(folder, 'checkpoints/later.json'), sealObject({ format: 2, id: 'later' }))
    const { checkpoints, broken } = await listCheckpoints(files, folder)
    expect(checkpoints).toHaveLength(1)
    expect(broken).toMatchObject([{ code: 'checkpoint-broken' }])
    expect(broken[0]?.why).toContain('newer version')
  })

  it.each([
    { reason: 'of another format', record: { type: 'open', format: 2, id: 'x' } },
    {
      reason: 'with records of another type',
      record: { type: 'open', format: 1, id: 'x', at: 0, command: '', lineage: 'l', serial: 1 },
      more: { type: 'pause', step: 'a' },
    },
  ])('a journal $reason', async ({ record, more }) => {
    const lines = [record, ...(more ? [more] : [])].map(one => encodeLine(JSON.stringify(one), 0))
    await writeFile(join(folder, 'journal.ndjson'), Buffer.concat(lines))
    const error = await refusal(readJournal(files, folder))
    expect(error).toMatchObject({ kind: 'storage', code: 'journal-newer' })
  })

  it('a saved plan', async () => {
    await edit('plan.json', 'infra.plan/v1', 'infra.plan/v2')
    const error = await refusal(readPlanFile(join(folder, 'plan.json')))
    expect(error).toMatchObject({
      kind: 'configuration',
      code: 'not-a-plan',
      why: 'its format is infra.plan/v2',
    })
  })
})

/** What a restore keeps, and its way back. test/providers/vcluster/commands kills a real one and looks into the cluster. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InfraErrors } from '../../../src/model/error.js'
import type { ClusterAct } from '../../../src/providers/vcluster/acts/journaled.js'
import { restoreCluster } from '../../../src/providers/vcluster/acts/restore.js'
import { settleAct, wayOf } from '../../../src/providers/vcluster/acts/settle.js'
import type { Session } from '../../../src/providers/vcluster/session.js'

const place = { name: 'team', namespace: 'team' }
const address = 's3://b/k'
const keep = { address: 's3://b/before' }
const quiet = () => undefined

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-restore-'))
})
afterEach(() => rm(folder, { recursive: true }))

interface Options {
  /** Addresses that cannot be restored from. */
  readonly broken?: readonly string[]
  readonly replicas?: number
  /** The tool takes no snapshot, and asks for none. */
  readonly refuses?: boolean
}

/** A cluster that is ready, and a vcluster tool that writes down what it is told. */
async function world({ broken = [], replicas = 1, refuses = false }: Options = {}) {
  const tool = join(folder, 'vcluster')
  const fails = broken.map(
    one => `if [ "$1 $3" = "restore ${one}" ]; then echo 'fatal: no room' >&2; exit 1; fi\n`,
  )
  const refusal = refuses ? `[ "$2" != create ] || { echo 'fatal: denied' >&2; exit 1; }\n` : ''
  await writeFile(tool, `#!/bin/sh\n${refusal}echo "$1 $2 $3 $4" >>${folder}/calls\n${fails.join('')}`, {
    mode: 0o755,
  })
  const calls = async () =>
    (await readFile(`${folder}/calls`, 'utf8').catch(() => '')).split('\n').filter(line => line !== '')
  const metadata = {
    name: 'team',
    namespace: 'team',
    generation: 1,
    labels: { app: 'vcluster', release: 'team' },
  }
  const status = { observedGeneration: 1, updatedReplicas: replicas, readyReplicas: replicas }
  const workload = { metadata, spec: { replicas, template: {} }, status }
  const ready = { status: { conditions: [{ type: 'Ready', status: 'True' }] } }
  const pods = Array.from({ length: replicas }, (_, index) => ({
    metadata: { name: `team-${index}` },
    ...ready,
  }))
  const completed = { status: { phase: 'Completed' } }
  const request = { metadata: { name: 'new' }, data: { snapshotRequest: JSON.stringify(completed) } }
  const host = {
    ...{ name: 'test', context: 'lab', kubeconfig: '/nowhere', now: () => 0 },
    get: async (path: string) => (path.endsWith('/statefulsets/team') ? workload : undefined),
    list: async (path: string, query: { labelSelector?: string }) => {
      if (path.endsWith('/statefulsets')) return [workload]
      if (path.endsWith('/configmaps'))
        return (await calls()).some(call => call.includes('create')) ? [request] : []
      return path.endsWith('/pods') && query.labelSelector?.startsWith('app=vcluster,') ? pods : []
    },
  }
  const kubeconfigs = { refresh: async () => ({ proof: 'direct' }) }
  const clock = { now: () => 0, sleep: async () => undefined }
  const session = { host, kubeconfigs, vcluster: tool, ports: { clock } } as unknown as Session

  const open = new Set<ClusterAct>()
  const begin = async (act: ClusterAct) => {
    open.add(act)
    return () => void open.delete(act)
  }
  const restore = (how: { readonly address?: string } | 'forget') =>
    restoreCluster(session, place, address, how, begin, quiet, AbortSignal.timeout(30_000))
  return { session, restore, calls, open }
}

const kept = [
  'snapshot get team s3://b/k',
  'snapshot create team s3://b/before',
  'snapshot get team s3://b/before',
]
const call = (from: string) => `restore team ${from} --driver`

test('what is in it is kept, and read back, before anything is stopped', async () => {
  const { restore, calls, open } = await world()
  expect(await restore(keep)).toEqual({ kept: keep.address })
  expect(await calls()).toEqual([...kept, call(address)])
  expect([...open]).toEqual([])
})

test('a snapshot that vCluster was never asked for leaves nothing to be settled', async () => {
  const { restore, calls, open } = await world({ refuses: true })
  await expect(restore(keep)).rejects.toMatchObject({ code: 'vcluster-failed', why: 'fatal: denied' })
  expect(await calls()).toEqual(['snapshot get team s3://b/k'])
  expect([...open]).toEqual([])
})

describe('a restore that fails', () => {
  test('puts back what was in it, and has come to an end', async () => {
    const { restore, calls, open } = await world({ broken: ['s3://b/k'] })
    await expect(restore(keep)).rejects.toMatchObject({
      code: 'vcluster-failed',
      why: expect.stringContaining('no room'),
      hint: 'what was in team before was put back',
    })
    expect(await calls()).toEqual([...kept, call(address), call(keep.address)])
    expect([...open]).toEqual([])
  })

  test('and cannot go back either, tells both errors and stays open', async () => {
    const { restore, open } = await world({ broken: ['s3://b/k', 's3://b/before'] })
    const failure = await restore(keep).catch(error => error)
    expect(failure).toBeInstanceOf(InfraErrors)
    expect(failure.errors).toMatchObject([{ code: 'vcluster-failed' }, { code: 'vcluster-failed' }])
    expect([...open]).toEqual([{ verb: 'restore', ...place, address, kept: keep.address }])
  })

  test('and was to keep nothing, stays open', async () => {
    const { restore, calls, open } = await world({ broken: ['s3://b/k'] })
    await expect(restore('forget')).rejects.toMatchObject({ code: 'vcluster-failed' })
    expect(await calls()).toEqual(['snapshot get team s3://b/k', call(address)])
    expect([...open]).toEqual([{ verb: 'restore', ...place, address }])
  })
})

test.each([
  { reason: 'a cluster without a volume of its own', options: {}, why: 'no volume that outlives a restore' },
  { reason: 'several control planes', options: { replicas: 2 }, why: 'keeps the volume of the first alone' },
])('$reason: nothing is stopped, and the other ways are told', async ({ options, why }) => {
  const { restore, calls, open } = await world(options)
  await expect(restore({})).rejects.toMatchObject({
    code: 'no-place-to-keep',
    why: expect.stringContaining(why),
    hint: expect.stringMatching(/--keep[\s\S]*--forget/),
  })
  expect(await calls()).toEqual(['snapshot get team s3://b/k'])
  expect([...open]).toEqual([])
})

test('what is to be restored is not overwritten by what is kept', async () => {
  const { restore, calls } = await world()
  await expect(restore({ address })).rejects.toMatchObject({ code: 'backup-address' })
  expect(await calls()).toEqual(['snapshot get team s3://b/k'])
})

test.each([
  { direction: 'forward' as const, from: address },
  { direction: 'back' as const, from: keep.address },
])('one that was cut off is settled $direction', async ({ direction, from }) => {
  const { session, calls } = await world()
  const act: ClusterAct = { verb: 'restore', ...place, address, kept: keep.address }
  expect(wayOf(act, direction)).toContain(from)
  const text = await settleAct(session, act, place, direction, quiet, AbortSignal.timeout(30_000))
  expect(text).toBe(`team is as in ${from}, and ready.`)
  expect(await calls()).toEqual([call(from)])
})

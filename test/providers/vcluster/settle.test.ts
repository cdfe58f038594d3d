/** Acts that were cut off: what settles them. test/providers/vcluster/commands and ready.suite.ts kill real ones. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ClusterAct, clusterAct } from '../../../src/providers/vcluster/acts/journaled.js'
import { settleAct, wayOf } from '../../../src/providers/vcluster/acts/settle.js'
import { marks } from '../../../src/providers/vcluster/marks.js'
import type { Session } from '../../../src/providers/vcluster/session.js'

const place = { name: 'team', namespace: 'team' }
const extend: ClusterAct = {
  verb: 'extend',
  ...place,
  from: '2030-01-01T00:00:00.000Z',
  to: '2030-01-02T00:00:00.000Z',
}
const backup: ClusterAct = { verb: 'backup', ...place, address: 's3://b/k', before: ['old'] }
const restore: ClusterAct = { verb: 'restore', ...place, address: 's3://b/k' }

/** A host with one cluster that ends at `end`. */
function hostOf(end: string | undefined) {
  const annotations: Record<string, string> = end === undefined ? {} : { [marks.expiresAt]: end }
  const patches: object[] = []
  const workload = {
    metadata: {
      name: 'team',
      namespace: 'team',
      generation: 1,
      labels: { app: 'vcluster', release: 'team' },
      annotations,
    },
    spec: { replicas: 1, template: {} },
  }
  const host = {
    name: 'test',
    list: async (path: string) => (path.endsWith('/statefulsets') ? [workload] : []),
    get: async () => undefined,
    patch: async (_: string, change: { metadata: { annotations: Record<string, string> } }) => {
      patches.push(change)
      Object.assign(annotations, change.metadata.annotations)
      return workload
    },
  }
  return { session: { host } as unknown as Session, annotations, patches }
}

describe('an extension that was cut off', () => {
  test.each([
    { reason: 'not made yet, is made', direction: 'forward', now: extend.from, after: extend.to, patches: 1 },
    { reason: 'made already, is left', direction: 'forward', now: extend.to, after: extend.to, patches: 0 },
    { reason: 'made, is taken back', direction: 'back', now: extend.to, after: extend.from, patches: 1 },
    { reason: 'not made, is left out', direction: 'back', now: extend.from, after: extend.from, patches: 0 },
    {
      reason: 'and made by somebody else since, is theirs',
      direction: 'forward',
      now: '2031-01-01T00:00:00.000Z',
      after: '2031-01-01T00:00:00.000Z',
      patches: 0,
    },
  ] as const)('$reason', async ({ direction, now, after, patches }) => {
    const host = hostOf(now)
    const text = await settleAct(
      host.session,
      extend,
      place,
      direction,
      () => undefined,
      AbortSignal.timeout(5_000),
    )
    expect(text).toBe(`team lives until ${after}.`)
    expect(host.annotations[marks.expiresAt]).toBe(after)
    expect(host.patches).toHaveLength(patches)
  })
})

test('a restore that kept nothing has no way back', () => {
  expect(() => wayOf(restore, 'back')).toThrow(
    expect.objectContaining({ code: 'restore-begun', hint: expect.stringContaining('--forward') }),
  )
  expect(wayOf(restore, 'forward')).toContain('s3://b/k')
})

describe('a backup that was cut off', () => {
  const request = (name: string, phase: string) => ({
    metadata: { name, namespace: 'team' },
    data: { snapshotRequest: JSON.stringify({ status: { phase, error: { message: 'no room' } } }) },
  })

  /** A host on which the vcluster tool asks for a snapshot by writing down its words. */
  async function toolAndHost(requests: (asked: boolean) => readonly object[]) {
    const folder = await mkdtemp(join(tmpdir(), 'infra-settle-'))
    const tool = join(folder, 'vcluster')
    await writeFile(tool, `#!/bin/sh\necho "$1 $2 $3 $4" >>${folder}/calls\n`, { mode: 0o755 })
    const calls = () => readFile(`${folder}/calls`, 'utf8').catch(() => '')
    const { session } = hostOf(undefined)
    const list = async (path: string) =>
      path.endsWith('/configmaps')
        ? requests((await calls()).includes('create'))
        : session.host.list(path, {}, AbortSignal.timeout(5_000))
    const clock = { now: () => 0, sleep: async () => undefined }
    const host = { ...session.host, list, context: 'lab', kubeconfig: '/nowhere' }
    const whole = { host, vcluster: tool, ports: { clock } } as unknown as Session
    const settled = settleAct(whole, backup, place, 'forward', () => undefined, AbortSignal.timeout(30_000))
    return { settled, calls, clear: () => rm(folder, { recursive: true }) }
  }

  test.each([
    {
      reason: 'is waited for where it was asked for, and read back',
      requests: () => [request('old', 'Failed'), request('new', 'Completed')],
      calls: 'snapshot get team s3://b/k\n',
    },
    {
      reason: 'is asked for where it was not',
      requests: (asked: boolean) =>
        asked ? [request('old', 'Failed'), request('new', 'Completed')] : [request('old', 'Failed')],
      calls: 'snapshot create team s3://b/k\nsnapshot get team s3://b/k\n',
    },
  ])('$reason', async ({ requests, calls }) => {
    const world = await toolAndHost(requests)
    expect(await world.settled).toBe('team → s3://b/k (vcluster reads it)')
    expect(await world.calls()).toBe(calls)
    await world.clear()
  })

  test('and failed, is said to have failed', async () => {
    const world = await toolAndHost(() => [request('new', 'Failed')])
    await expect(world.settled).rejects.toMatchObject({ code: 'backup-failed', why: 'no room' })
    await world.clear()
  })
})

test('a backup is taken back by leaving it', async () => {
  const { session, patches } = hostOf(undefined)
  const text = await settleAct(session, backup, place, 'back', () => undefined, AbortSignal.timeout(5_000))
  expect(text).toContain('Nothing in team is changed')
  expect(patches).toEqual([])
})

test.each([
  { reason: 'a verb of a later version', what: { verb: 'clone', ...place } },
  { reason: 'no verb', what: { ...place } },
  { reason: 'a cluster without its namespace', what: { ...restore, namespace: 1 } },
  { reason: 'a backup without what was there before', what: { ...backup, before: 'x' } },
  { reason: 'a restore that kept what is no address', what: { ...restore, kept: 1 } },
])('$reason is not taken for an act', ({ what }) => {
  expect(clusterAct(what as never)).toBeUndefined()
})

test.each([extend, backup, restore, { ...restore, kept: 's3://b/before' }])(
  '$verb comes back from its journal',
  act => {
    expect(clusterAct(JSON.parse(JSON.stringify(act)))).toEqual(act)
  },
)

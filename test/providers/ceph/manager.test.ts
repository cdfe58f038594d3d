/** What the manager is asked and told around a file system that goes, on a clock of the test's own. */
import { describe, expect, it } from 'vitest'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import { CephError } from '../../../src/providers/ceph/client/error.js'
import { awaitAnswer, awaitQuiet } from '../../../src/providers/ceph/filesystems/manager.js'
import { aCall } from './harness.js'

type Answer = unknown | CephError

/** A cluster that answers each command as told, the last answer again and again, and a clock that only sleeping moves. */
function scripted(answers: Readonly<Record<string, readonly Answer[]>>, offered = true) {
  const asked: string[] = []
  const left = new Map(Object.entries(answers).map(([prefix, list]) => [prefix, [...list]]))
  let now = 0
  const answer = async ({ prefix }: { readonly prefix: string }) => {
    asked.push(`${prefix} at ${now / 1000}`)
    const list = left.get(prefix) ?? []
    const next = list.length > 1 ? list.shift() : list[0]
    if (next instanceof CephError) throw next
    return { output: next === '' ? '' : JSON.stringify(next), status: '' }
  }
  const clock = {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds
    },
  }
  const connection = { mon: answer, mgr: answer, offers: () => offered }
  return { ceph: { connection, clock } as unknown as Ceph, asked, seconds: () => now / 1000 }
}

const silent = new CephError('fs subvolume ls', 110, 'no answer after 5 s')
const loading = new CephError(
  'fs subvolume ls',
  95,
  "Warning: due to ceph-mgr restart, some PG states may not be up to date\nModule 'volumes' is not enabled/loaded",
)
const going = { available: true, active_gid: 7, active_name: 'x' }
const coming = { available: false, active_gid: 0, active_name: '' }
const next = { available: true, active_gid: 9, active_name: 'y' }

describe('before a file system is removed', () => {
  it('the manager has purged what was deleted, and has looked for more a last time', async () => {
    const pending = [2, 1, 0].map(pending_subvolume_deletions => ({ pending_subvolume_deletions }))
    const { ceph, asked, seconds } = scripted({ 'fs volume info': pending })
    const { call, told } = aCall()
    await awaitQuiet(ceph, 'files', call)
    expect(asked).toEqual(['fs volume info at 0', 'fs volume info at 0.3', 'fs volume info at 0.6'])
    expect(told).toEqual(['waiting: the manager purges deleted volumes'])
    expect(seconds()).toBeCloseTo(0.6 + 2.5)
  })

  it('a purge that does not end is waited for a minute, and no longer', async () => {
    const { ceph, seconds } = scripted({ 'fs volume info': [{ pending_subvolume_deletions: 1 }] })
    await awaitQuiet(ceph, 'files', aCall().call)
    expect(seconds()).toBeGreaterThan(60)
    expect(seconds()).toBeLessThan(63)
  })

  it('a Ceph that does not tell of purges gets the time for its last look', async () => {
    const { ceph, asked, seconds } = scripted({}, false)
    await awaitQuiet(ceph, 'files', aCall().call)
    expect(asked).toEqual([])
    expect(seconds()).toBe(2.5)
  })
})

describe('after a file system is removed', () => {
  const cases: readonly {
    readonly reason: string
    readonly list: readonly Answer[]
    readonly maps?: readonly Answer[]
    readonly asked: readonly string[]
    readonly told?: RegExp
  }[] = [
    {
      reason: 'a manager that lists is left alone',
      list: [[]],
      asked: ['fs subvolume ls'],
    },
    {
      reason: 'a manager that says that there is none is left alone',
      list: [new CephError('fs subvolume ls', 2, 'no such volume')],
      asked: ['fs subvolume ls'],
    },
    {
      reason: 'one that hangs is failed, and the next one is waited for until it answers',
      list: [silent, silent, []],
      maps: [going, going, coming, next],
      asked: [
        ...['fs subvolume ls', 'mgr dump', 'mgr fail', 'mgr dump', 'mgr dump'],
        ...['mgr dump', 'fs subvolume ls', 'mgr dump', 'fs subvolume ls'],
      ],
      told: /another takes over/,
    },
    {
      reason: 'one that has just taken over is asked again until its modules are loaded',
      list: [loading, loading, []],
      asked: ['fs subvolume ls', 'fs subvolume ls', 'fs subvolume ls'],
    },
    {
      reason: 'one that answers with nothing at all hangs, too',
      list: ['', []],
      maps: [going, next],
      asked: ['fs subvolume ls', 'mgr dump', 'mgr fail', 'mgr dump', 'fs subvolume ls'],
      told: /another takes over/,
    },
  ]
  for (const { reason, list, maps, asked, told } of cases) {
    it(reason, async () => {
      const cluster = scripted({ 'fs subvolume ls': list, 'mgr dump': maps ?? [], 'mgr fail': [''] })
      const { call, told: heard } = aCall()
      await awaitAnswer(cluster.ceph, 'files', call)
      expect(cluster.asked.map(one => one.replace(/ at .*/, ''))).toEqual(asked)
      expect(heard.join('\n')).toMatch(told ?? /^$/)
    })
  }

  it('a manager that cannot be failed does not make a failure of what is done', async () => {
    const refused = new CephError('mgr fail', 13, 'not permitted')
    const { ceph } = scripted({ 'fs subvolume ls': [silent], 'mgr dump': [going], 'mgr fail': [refused] })
    const { call, told } = aCall()
    await awaitAnswer(ceph, 'files', call)
    expect(told.at(-1)).toContain('could not be failed')
  })

  it('a next manager that never comes is waited for a minute, and no longer', async () => {
    const { ceph, seconds } = scripted({ 'fs subvolume ls': [silent], 'mgr dump': [going], 'mgr fail': [''] })
    await awaitAnswer(ceph, 'files', aCall().call)
    expect(seconds()).toBeGreaterThanOrEqual(60)
    expect(seconds()).toBeLessThan(61)
  })

  it('a module that is not loaded after two minutes and a half is a failure', async () => {
    const { ceph, seconds } = scripted({ 'fs subvolume ls': [loading] })
    await expect(awaitAnswer(ceph, 'files', aCall().call)).rejects.toBe(loading)
    expect(seconds()).toBeCloseTo(150, 0)
  })

  it('what a volume of an old format lacks is a failure at once', async () => {
    const lacking = new CephError('fs subvolume ls', 95, 'the subvolume lacks this feature')
    const { ceph, seconds } = scripted({ 'fs subvolume ls': [lacking] })
    await expect(awaitAnswer(ceph, 'files', aCall().call)).rejects.toBe(lacking)
    expect(seconds()).toBe(0)
  })

  it('any other failure is one', async () => {
    const { ceph } = scripted({ 'fs subvolume ls': [new CephError('fs subvolume ls', 13, 'not permitted')] })
    await expect(awaitAnswer(ceph, 'files', aCall().call)).rejects.toMatchObject({ code: 'ceph-eacces' })
  })
})

/** The commands for a cluster and its volumes, as their users run them, beside what `ceph` itself says. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CephLab, cephLab, cephLabMissing } from '../lab/ceph.js'
import { type Desk, desk } from './desk.js'

const missing = await cephLabMissing()

const stack = (conf: string) => `apiVersion: infra/v1
kind: Stack
metadata: {name: store}
spec:
  providers:
    ceph: {conf: ${conf}}
---
apiVersion: infra/v1
kind: CephPool
metadata: {name: vms}
spec: {size: 1, minSize: 1, pgNum: 8, application: rbd}
---
apiVersion: infra/v1
kind: RbdImage
metadata: {name: disk}
spec: {pool: "\${CephPool.vms.metadata.name}", size: 16MiB}
---
apiVersion: infra/v1
kind: CephFilesystem
metadata: {name: files}
spec: {}
---
apiVersion: infra/v1
kind: CephSubvolumeGroup
metadata: {name: team}
spec: {filesystem: files}
---
apiVersion: infra/v1
kind: CephVolume
metadata: {name: home}
spec: {filesystem: files, group: team, size: 100MiB, mode: "750", uid: 7, gid: 8}
`

interface Checkpoints {
  readonly kept: readonly string[]
}
interface Volume {
  readonly path: string
  readonly snapshots: readonly { readonly name: string; readonly kept: boolean }[]
}

describe.skipIf(missing)(`commands for a cluster and its volumes ${missing ?? ''}`, () => {
  let lab: CephLab
  let at: Desk
  beforeAll(async () => {
    lab = await cephLab({ name: 'commands', port: 15_700 })
    at = await desk({ 'stack.yaml': stack(lab.conf) })
    await at.setUp()
    // Nobody's: made by hand
    await lab.ceph('fs', 'subvolume', 'create', 'files', 'loose', '--size', '20971520')
  })
  afterAll(async () => {
    await at?.clear()
    await lab?.clean()
  })

  const json = async <T>(...args: readonly string[]) => JSON.parse(await at.ok(...args, '--json')) as T
  const failure = async (...args: readonly string[]) => {
    const { code, out } = await at.infra(...args, '--json')
    // A plan before it is a line of its own
    return { code, error: JSON.parse(out.slice(out.indexOf('{\n'))).errors[0] }
  }
  const names = (found: readonly { readonly name: string }[]) => found.map(one => one.name).sort()
  const snapshots = async (...of: readonly string[]) =>
    names(await lab.cephJson<{ name: string }[]>('fs', 'subvolume', 'snapshot', 'ls', 'files', ...of))
  const kept = (found: readonly string[]) => found.filter(name => name.startsWith('infra-kept-'))
  const mounted = async <T>(of: readonly string[], work: (folder: string) => Promise<T>) =>
    lab.mounted('files', (await lab.ceph('fs', 'subvolume', 'getpath', 'files', ...of)).trim(), work)
  const write = (text: string, of: readonly string[] = ['home', 'team']) =>
    mounted(of, folder => writeFile(join(folder, 'data'), text))
  const read = (of: readonly string[] = ['home', 'team']) =>
    mounted(of, folder => readFile(join(folder, 'data'), 'utf8'))
  const unchanged = async () =>
    expect(JSON.parse(await at.ok('plan', '--json')).steps, 'the stack is as declared').toEqual([])

  it('tells how the cluster is, as ceph does', async () => {
    const [status, text, theirs, version] = await Promise.all([
      json<Record<string, unknown>>('ceph', 'status'),
      at.ok('ceph', 'status', '--conf', lab.conf),
      lab.cephJson<{ fsid: string; health: { status: string }; osdmap: { num_osds: number } }>('status'),
      lab.ceph('version'),
    ])
    expect(status).toMatchObject({
      fsid: theirs.fsid,
      health: theirs.health.status,
      osds: { known: theirs.osdmap.num_osds, up: 1 },
    })
    expect(status.version).toContain(version.split(' ')[2])
    expect(text).toContain(theirs.fsid)
    expect(text).toMatch(/monitors: +1 of 1 in quorum/)
  })

  it('lists and shows pools, as ceph does', async () => {
    const [{ pools }, one, table, none] = await Promise.all([
      json<{ pools: { name: string }[] }>('ceph', 'pool', 'list'),
      json<{ id: number; spec: object }>('ceph', 'pool', 'show', 'vms'),
      at.ok('ceph', 'pool', 'list'),
      failure('ceph', 'pool', 'show', 'none'),
    ])
    expect(names(pools)).toEqual((await lab.cephJson<string[]>('osd', 'pool', 'ls')).sort())
    const theirs = await lab.cephJson<{ pool_id: number; size: number; pg_num: number }>(
      'osd',
      'pool',
      'get',
      'vms',
      'all',
    )
    expect(one).toMatchObject({ spec: { size: theirs.size, pgNum: theirs.pg_num, application: 'rbd' } })
    expect(one).toMatchObject({ id: theirs.pool_id, owner: { address: 'CephPool/vms' } })
    expect(table).toMatch(/vms .*CephPool\/vms/)
    expect(none).toMatchObject({ error: { code: 'ceph-no-pool' } })
  })

  it('lists and shows volumes, whoever made them, as ceph does', async () => {
    const [{ volumes }, home, text, team, none] = await Promise.all([
      json<{ volumes: { name: string; owner?: object }[] }>('volume', 'list'),
      json('volume', 'show', 'home'),
      at.ok('volume', 'show', 'files/team/home'),
      at.ok('volume', 'list', '--filesystem', 'files', '--group', 'team'),
      failure('volume', 'show', 'none'),
    ])
    expect(volumes.map(one => [one.name, one.owner !== undefined])).toEqual([
      ['loose', false],
      ['home', true],
    ])
    const theirs = await lab.cephJson<{ path: string; bytes_quota: number }>(
      'fs',
      'subvolume',
      'info',
      'files',
      'home',
      'team',
    )
    expect(home).toMatchObject({
      path: theirs.path,
      size: theirs.bytes_quota,
      mode: '750',
      uid: 7,
      gid: 8,
    })
    expect(text).toContain(theirs.path)
    expect(none).toMatchObject({ error: { code: 'ceph-no-volume' } })
    expect(team).toContain('home')
    expect(team).not.toContain('loose')
  })

  it('tells of what others made where the stack is at home, and leaves it alone', async () => {
    await lab.ceph('fs', 'subvolume', 'create', 'files', 'stray', '--group_name', 'team')
    await lab.rbd('create', 'vms/stray', '--size', '4M')
    await lab.ceph('osd', 'pool', 'create', 'stray', '8')
    const [{ out }] = await Promise.all([at.infra('drift', '--json'), unchanged()])
    const { unmanaged } = JSON.parse(out) as { unmanaged: { kind: string; name: string }[] }
    const strays = unmanaged.filter(one => one.name.endsWith('stray')).map(one => one.kind)
    expect(strays.sort()).toEqual(['CephPool', 'CephVolume', 'RbdImage'])
    await lab.ceph('fs', 'subvolume', 'rm', 'files', 'stray', 'team')
    await lab.rbd('rm', '--no-progress', 'vms/stray')
    await lab.ceph('osd', 'pool', 'rm', 'stray', 'stray', '--yes-i-really-really-mean-it')
  })

  it('takes snapshots of a series and lets the oldest go', async () => {
    const taken: string[] = []
    for (let n = 0; n < 3; n++) {
      // They are named by the second
      if (n > 0) await sleep(1100)
      const last = ['--series', 'nightly', '--keep-last', '2']
      taken.push((await json<{ created: string }>('volume', 'snapshot', 'home', ...last)).created)
    }
    expect(await snapshots('home', 'team')).toEqual(taken.slice(1))
    for (const name of taken.slice(1))
      await lab.ceph('fs', 'subvolume', 'snapshot', 'rm', 'files', 'home', name, 'team')
  })

  it('rolls a volume of the stack back as a plan with a journal, which infra rollback undoes', async () => {
    await write('before')
    const { created } = await json<{ created: string }>('volume', 'snapshot', 'home', '--series', 'good')
    await write('after')
    const [{ path }, shown] = await Promise.all([
      json<Volume>('volume', 'show', 'home'),
      at.ok('volume', 'rollback', 'home', created, '--dry-run'),
    ])
    expect(shown).toContain(`it goes back to its snapshot ${created}`)
    expect(shown).toContain('CephVolume/home')
    expect(await failure('volume', 'rollback', 'home', created)).toMatchObject({
      error: { code: 'nobody-to-ask' },
    })
    expect(await read()).toBe('after')

    const told = await at.ok('volume', 'rollback', 'home', created, '--yes')
    const [now, checkpoints] = await Promise.all([
      json<Volume>('volume', 'show', 'home'),
      json<Checkpoints[]>('checkpoint', 'ls'),
      unchanged(),
    ])
    expect(now.path).not.toBe(path)
    expect(told).toContain(`Mount it anew: ${now.path}`)
    expect(await read()).toBe('before')
    expect(now).toMatchObject({ mode: '750', uid: 7, gid: 8, size: 100 * 2 ** 20 })
    expect(await snapshots('home', 'team')).toContain(created)
    expect(checkpoints.at(-1)?.kept).toEqual(['CephVolume/home'])

    await at.ok('rollback', '--yes')
    expect(await read()).toBe('after')
    expect(await snapshots('home', 'team')).toContain(created)
    await unchanged()
  })

  it('rolls it back to what a rollback kept, which is used up by that', async () => {
    const [good = ''] = (await snapshots('home', 'team')).filter(name => name.startsWith('good-'))
    await at.ok('volume', 'rollback', 'home', good, '--yes')
    expect(await read()).toBe('before')
    const { snapshots: seen } = await json<Volume>('volume', 'show', 'home')
    const last = seen.filter(one => one.kept).at(-1)?.name ?? ''
    await at.ok('volume', 'rollback', 'home', last, '--yes')
    expect(await read()).toBe('after')
    expect(await snapshots('home', 'team')).not.toContain(last)
    await unchanged()
  })

  for (const way of ['--forward', '--back'] as const) {
    it(`is recovered ${way} where it was killed in the middle`, async () => {
      const [good = ''] = (await snapshots('home', 'team')).filter(name => name.startsWith('good-'))
      await write('after')
      const before = kept(await snapshots('home', 'team')).length
      const running = at.start('volume', 'rollback', 'home', good, '--yes')
      const keeping = async () => {
        try {
          return kept(await snapshots('home', 'team')).length > before
        } catch (thrown) {
          // Further on: it is being cloned
          if (String(thrown).includes('EAGAIN')) return true
          throw thrown
        }
      }
      while (!(await keeping())) await sleep(20)
      await running.kill()
      expect(await failure('volume', 'rollback', 'home', good, '--yes')).toMatchObject({
        error: { code: 'journal-open' },
      })
      await at.ok('recover', way, '--yes')
      expect(await read()).toBe(way === '--forward' ? 'before' : 'after')
      await unchanged()
    })
  }

  it('rolls back what no stack owns, and can go on from there', async () => {
    await write('one', ['loose'])
    await lab.ceph('fs', 'subvolume', 'snapshot', 'create', 'files', 'loose', 'first')
    await write('two', ['loose'])
    const steps = await at.ok('volume', 'rollback', 'loose', 'first', '--dry-run')
    expect(steps).toMatch(/^1\. keep what is there now as the snapshot infra-kept-rollback/)
    expect(await read(['loose'])).toBe('two')
    await at.ok('volume', 'rollback', 'loose', 'first', '--yes')
    expect(await read(['loose'])).toBe('one')
    const [keptAs = ''] = kept(await snapshots('loose'))
    await at.ok('volume', 'rollback', 'files/loose', keptAs, '--yes', '--conf', lab.conf)
    expect(await read(['loose'])).toBe('two')
    expect((await json<Checkpoints[]>('checkpoint', 'ls')).at(-1)?.kept).toEqual(['CephVolume/loose'])
    await unchanged()
  })

  it('clones and resizes, and refuses what cannot be', async () => {
    const [good = ''] = (await snapshots('home', 'team')).filter(name => name.startsWith('good-'))
    await at.ok('volume', 'clone', 'home', good, 'copy')
    expect(await read(['copy', 'team'])).toBe('before')
    expect(await failure('volume', 'clone', 'home', good, 'copy')).toMatchObject({
      error: { code: 'ceph-exists' },
    })
    const size = async () =>
      (
        await lab.cephJson<{ bytes_quota: number | string }>(
          'fs',
          'subvolume',
          'info',
          'files',
          'copy',
          'team',
        )
      ).bytes_quota
    await at.ok('volume', 'resize', 'copy', '200MiB')
    expect(await size()).toBe(200 * 2 ** 20)
    await at.ok('volume', 'resize', 'copy', 'infinite')
    expect(await size()).toBe('infinite')
    expect(await failure('volume', 'resize', 'copy', '1')).toMatchObject({
      error: { code: 'ceph-size-below-used' },
    })
    expect(await failure('volume', 'resize', 'copy', 'much')).toMatchObject({
      error: { code: 'invalid-size' },
    })
    expect(await at.ok('volume', 'resize', 'home', '120MiB')).toContain('CephVolume/home of a stack')
    await at.ok('volume', 'resize', 'home', '100MiB')
    await lab.ceph('fs', 'subvolume', 'rm', 'files', 'copy', 'team')
  })

  it('prunes all that was kept, and after a destroy nothing is left', { timeout: 300_000 }, async () => {
    await write('the last')
    expect(kept(await snapshots('home', 'team')).length).toBeGreaterThan(0)
    const told = await at.ok('checkpoint', 'prune', '--yes')
    expect(told).toContain('CephVolume/home')
    expect(told).toContain('CephVolume/loose')
    expect(kept(await snapshots('home', 'team'))).toEqual([])
    expect(kept(await snapshots('loose'))).toHaveLength(1)
    // That one was kept without a stack, which its user knows
    for (const name of await snapshots('loose'))
      await lab.ceph('fs', 'subvolume', 'snapshot', 'rm', 'files', 'loose', name)
    await lab.ceph('fs', 'subvolume', 'rm', 'files', 'loose')
    for (const name of await snapshots('home', 'team'))
      await lab.ceph('fs', 'subvolume', 'snapshot', 'rm', 'files', 'home', name, 'team')

    await at.ok('destroy', '--yes')
    expect(await lab.rbdJson('trash', 'ls', 'vms').catch(() => 'renamed')).toBe('renamed')
    const gone = await lab.cephJson<string[]>('osd', 'pool', 'ls')
    expect(gone.every(name => name.startsWith('infra-kept-'))).toBe(true)
    await at.ok('rollback', '--yes')
    expect(await read()).toBe('the last')
    await at.ok('destroy', '--yes')
    await at.ok('checkpoint', 'prune', '--yes')
    expect(await lab.cephJson('osd', 'pool', 'ls')).toEqual([])
    expect(await lab.cephJson('fs', 'ls')).toEqual([])
    expect(await lab.ceph('config-key', 'ls')).not.toContain('infra')
    expect(await lab.ceph('osd', 'crush', 'rule', 'ls')).not.toContain('infra')
  })
})

import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import { openCeph } from '../../../src/providers/ceph/client/open.js'
import { resolveAccess } from '../../../src/providers/ceph/client/settings.js'
import { makeProvider } from '../../../src/providers/ceph/provider.js'
import type { Provider } from '../../../src/providers/provider.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'
import { aCall, openProvider, Subject } from './harness.js'

const missing = await cephLabMissing()

describe.skipIf(missing)(`faults ${missing ?? ''}`, () => {
  let lab: CephLab
  let provider: Provider
  const at = { filesystem: 'files', group: 'team' }
  beforeAll(async () => {
    lab = await cephLab({ name: 'faults', port: 17800, osds: 3, mgrs: 2, store: 'bluestore' })
    provider = await openProvider(lab, { timeoutSeconds: 60 })
    await new Subject(provider, 'CephFilesystem', 'files', {}).create()
    await new Subject(provider, 'CephSubvolumeGroup', 'team', { filesystem: 'files' }).create()
    await new Subject(provider, 'CephPool', 'images', { size: 3, minSize: 2, pgNum: 8 }).create()
  })
  afterAll(async () => {
    await provider?.close()
    await lab?.clean()
  })

  const volumes = (prefix: string, count: number) =>
    Array.from(
      { length: count },
      (_, n) => new Subject(provider, 'CephVolume', `${prefix}${n}`, { ...at, size: '1MiB' }),
    )
  const active = async () => (await lab.cephJson<{ active_name: string }>('mgr', 'dump')).active_name
  const names = async () =>
    (await lab.cephJson<{ name: string }[]>('fs', 'subvolume', 'ls', 'files', 'team'))
      .map(one => one.name)
      .sort()

  /** What an engine does with a step that failed: the same again, which finishes what is there. */
  async function persist(subject: Subject): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await subject.create()
        return
      } catch (thrown) {
        if (tries === 5) throw thrown
        await nodePorts.clock.sleep(500)
      }
    }
  }

  it('loses and doubles nothing when the manager fails over in the middle', async () => {
    const many = volumes('mgr', 16)
    const before = await active()
    const work = Promise.all(many.map(persist))
    await nodePorts.clock.sleep(300)
    await lab.kill(`mgr.${before}`)
    try {
      await work
      expect(await active()).not.toBe(before)
    } finally {
      // A second try must not take the other one as well
      await lab.start(`mgr.${before}`)
    }
    for (const volume of many) expect(await volume.differences()).toEqual([])
    expect(await names()).toEqual(many.map(volume => volume.name).sort())
    await Promise.all(many.map(async volume => volume.discard(await volume.remove())))
    // The manager purges in the background
    await expect.poll(names, { timeout: 60_000, interval: 500 }).toEqual([])
  })

  it('goes on when the monitor was restarted in the middle', async () => {
    const many = [
      ...volumes('mon', 10),
      ...Array.from(
        { length: 6 },
        (_, n) => new Subject(provider, 'CephPool', `mon-${n}`, { size: 2, pgNum: 8 }),
      ),
    ]
    const work = Promise.all(many.map(persist))
    await nodePorts.clock.sleep(200)
    await lab.kill('mon.a')
    await nodePorts.clock.sleep(2000)
    await lab.start('mon.a')
    await work
    for (const one of many) expect(await one.differences()).toEqual([])
    const pools = async () =>
      (await lab.cephJson<string[]>('osd', 'pool', 'ls')).filter(name => !/^(cephfs|images)/.test(name))
    expect((await pools()).sort()).toEqual([0, 1, 2, 3, 4, 5].map(n => `mon-${n}`))
    expect(await names()).toEqual(many.map(one => one.name).filter(name => !name.includes('-')))
    await Promise.all(many.map(async one => one.discard(await one.remove())))
    expect(await pools()).toEqual([])
  })

  it('makes all images, each once, though an OSD stops in the middle', async () => {
    const many = Array.from(
      { length: 16 },
      (_, n) => new Subject(provider, 'RbdImage', `osd${n}`, { pool: 'images', size: '16MiB' }),
    )
    const work = Promise.all(many.map(persist))
    await nodePorts.clock.sleep(200)
    await lab.kill('osd.1')
    try {
      await work
      for (const one of many) expect(await one.differences()).toEqual([])
      const listed = await lab.rbdJson<string[]>('ls', 'images')
      expect(listed.sort()).toEqual(many.map(one => one.name).sort())
      expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
    } finally {
      await lab.start('osd.1')
    }
    await Promise.all(many.map(async one => one.discard(await one.remove())))
    expect(await lab.rbdJson('ls', 'images')).toEqual([])
  })

  it('makes and deletes images with their bytes while an OSD is down', async () => {
    await lab.kill('osd.2')
    const image = new Subject(provider, 'RbdImage', 'degraded', { pool: 'images', size: '16MiB' })
    await image.create()
    await lab.rbd('bench', '--io-type', 'write', '--io-total', '1M', 'images/degraded')
    const hash = await lab.imageHash('images/degraded')
    const token = await image.remove()
    await lab.start('osd.2')
    await image.create(token)
    expect(await image.differences()).toEqual([])
    expect(await lab.imageHash('images/degraded')).toBe(hash)
    await image.discard(await image.remove())
  })

  it('says that nothing answers, within its time, and does not take it for absence', async () => {
    const at = { pool: 'images', size: '16MiB' }
    const image = new Subject(provider, 'RbdImage', 'hanging', at)
    await image.create()
    const short = await openProvider(lab, { timeoutSeconds: 5 })
    try {
      await lab.kill('osd.0', 'osd.1', 'osd.2')
      const started = Date.now()
      expect(await new Subject(short, 'RbdImage', 'hanging', at).observe()).toMatchObject({
        status: 'unreadable',
        why: expect.stringContaining('ETIMEDOUT'),
      })
      // Not the minute that it would be without being told
      expect(Date.now() - started).toBeLessThan(45_000)
    } finally {
      await lab.start('osd.0', 'osd.1', 'osd.2')
      await short.close()
    }
    expect(await image.differences()).toEqual([])
    await image.discard(await image.remove())
  })

  it('has the other manager take over from one that hangs over a removed file system', async () => {
    const signal = new AbortController().signal
    const connection = await openCeph(resolveAccess({}, '/', lab.env), lab.env, signal)
    const before = await active()
    const pid = Number(await readFile(join(dirname(lab.conf), 'run', `mgr.${before}.pid`), 'utf8'))
    // Hung at the one moment where a purge under way would make it hang
    const mon: typeof connection.mon = (command, options) => {
      if (command.prefix === 'fs rm') process.kill(pid, 'SIGSTOP')
      return connection.mon(command, options)
    }
    const hanging = makeProvider({ connection: { ...connection, mon }, clock: nodePorts.clock })
    const files = new Subject(hanging, 'CephFilesystem', 'files', {})
    // Else the monitor itself may be first to replace the manager that is silent
    await lab.ceph('tell', 'mon.a', 'config', 'set', 'mon_mgr_beacon_grace', '120')
    try {
      await new Subject(provider, 'CephSubvolumeGroup', 'team', { filesystem: 'files' }).remove()
      files.identity = (await files.present()).identity
      const { call, kept, told } = aCall()
      const owner = { lineage: 'l', address: files.target.address }
      await hanging.delete({ ...files.target, owner, trash: 'hung' }, call)
      expect(told).toContain('the manager hangs over the removed file system: another takes over')
      expect(await active()).not.toBe(before)
      expect(await lab.cephJson('fs', 'volume', 'ls')).toEqual([])
      await files.create(kept.at(-1))
      expect(await lab.cephJson('fs', 'volume', 'ls')).toEqual([{ name: 'files' }])
      await files.discard(await files.remove())
    } finally {
      process.kill(pid, 'SIGCONT')
      await lab.ceph('tell', 'mon.a', 'config', 'unset', 'mon_mgr_beacon_grace')
      await hanging.close()
    }
  })

  it('closes at once while a command hangs', async () => {
    const hanging = await openProvider(lab)
    const subject = new Subject(hanging, 'CephVolume', 'x', at)
    await lab.kill('mon.a')
    try {
      const abort = new AbortController()
      const call = aCall(abort.signal).call
      const request = { ...subject.target, owner: { lineage: 'l', address: 'CephPool/x' }, labels: {} }
      const pool = { ...request, kind: 'CephPool', spec: {} }
      const work = hanging.create(pool, call)
      setTimeout(() => abort.abort(new Error('enough')), 200)
      await expect(work).rejects.toThrow('enough')
      const started = Date.now()
      await hanging.close()
      expect(Date.now() - started).toBeLessThan(3000)
    } finally {
      await lab.start('mon.a')
    }
  })
})

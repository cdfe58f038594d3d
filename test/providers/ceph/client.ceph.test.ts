import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { CephConnection, Transport } from '../../../src/providers/ceph/client/connection.js'
import { CephError } from '../../../src/providers/ceph/client/error.js'
import { openCeph } from '../../../src/providers/ceph/client/open.js'
import { resolveAccess } from '../../../src/providers/ceph/client/settings.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'

const missing = await cephLabMissing()
const signal = new AbortController().signal
const GiB = 2 ** 30

describe.skipIf(missing)(`the Ceph client ${missing ?? ''}`, () => {
  let lab: CephLab
  beforeAll(async () => {
    lab = await cephLab({ name: 'client', port: 16300 })
    await lab.ceph('osd', 'pool', 'create', 'images', '8')
    await lab.ceph('osd', 'pool', 'application', 'enable', 'images', 'rbd')
  })
  afterAll(() => lab?.clean())

  const alone = 'case $0 in ceph|rbd) exec "$0" "$@";; esac; exit 127'
  const ways: readonly { name: string; transport: Transport; settings: Attributes }[] = [
    { name: 'library', transport: 'library', settings: { transport: 'library' } },
    { name: 'command', transport: 'command', settings: { transport: 'command' } },
    // Nothing but the clients may be run there: each command is a start
    { name: 'clients-alone', transport: 'command', settings: { command: ['sh', '-c', alone] } },
  ]
  for (const { name, transport, settings } of ways) {
    describe(`by ${name}`, () => {
      let connection: CephConnection
      beforeAll(async () => {
        connection = await openCeph(resolveAccess(settings, '/', lab.env), lab.env, signal)
      })
      afterAll(() => connection?.close())
      const options = { signal }
      const at = { pool: 'images', image: `a-${name}` }

      it('says what it is connected to', () => {
        expect(connection.transport).toBe(transport)
        expect(connection.version.major).toBeGreaterThanOrEqual(16)
        expect(connection.description).toContain(connection.fsid)
        expect(connection.offers('osd pool create', 'bulk')).toBe(true)
        expect(connection.offers('fs volume rm', 'yes_i_really_mean_it')).toBe(true)
        expect(connection.offers('fs frobnicate')).toBe(false)
      })

      it('asks monitors and managers', async () => {
        const pools = await connection.mon({ prefix: 'osd pool ls' }, options)
        expect(JSON.parse(pools.output)).toContain('images')
        const volumes = await connection.mgr({ prefix: 'fs volume ls' }, options)
        expect(JSON.parse(volumes.output)).toEqual([])
      })

      it("carries Ceph's own words and errno", async () => {
        const failed = connection.mon(
          { prefix: 'osd pool set', pool: 'none', var: 'size', val: '2' },
          options,
        )
        await expect(failed).rejects.toMatchObject({ errno: 2, code: 'ceph-enoent', kind: 'operation' })
        await expect(failed).rejects.toThrow(CephError)
        const image = connection.rbd.info({ pool: 'images', image: 'none' }, options)
        await expect(image).rejects.toMatchObject({ errno: 2 })
        const pool = connection.rbd.info({ pool: 'none', image: 'none' }, options)
        await expect(pool).rejects.toMatchObject({ errno: 2 })
      })

      it('sends data with a command', async () => {
        const key = 'AQCfWQFrV9HcHhAAlJ8UXPBA0B8CQsgjA7kHlQ=='
        const input = `[client.given-${name}]\n\tkey = ${key}\n\tcaps mon = "allow r"\n`
        await connection.mon({ prefix: 'auth import' }, { ...options, input })
        const got = await connection.mon({ prefix: 'auth get', entity: `client.given-${name}` }, options)
        expect(JSON.parse(got.output)).toMatchObject([{ key, caps: { mon: 'allow r' } }])
      })

      it('passes lists of words', async () => {
        const caps = ['mon', 'allow r', 'osd', 'allow rw pool=images']
        const command = { prefix: 'auth get-or-create', entity: `client.caps-${name}`, caps }
        await connection.mon(command, options)
        const got = await connection.mon({ prefix: 'auth get', entity: command.entity }, options)
        expect(JSON.parse(got.output)).toMatchObject([
          { caps: { mon: 'allow r', osd: 'allow rw pool=images' } },
        ])
      })

      // The same, where nothing else is asked of a process that stays
      if (name !== 'clients-alone')
        it('works with images', async () => {
          const { rbd } = connection
          await rbd.create(
            { ...at, size: GiB, objectSize: 2 ** 23, features: ['layering', 'exclusive-lock'] },
            options,
          )
          await expect(rbd.create({ ...at, size: GiB }, options)).rejects.toMatchObject({ errno: 17 })
          await rbd.setMetadata({ ...at, values: { 'infra.address': 'RbdImage/a', note: 'ä b' } }, options)
          await rbd.resize({ ...at, size: 2 * GiB, allowShrink: false }, options)
          await rbd.resize({ ...at, size: 2 * GiB, allowShrink: false }, options)
          await expect(rbd.resize({ ...at, size: GiB, allowShrink: false }, options)).rejects.toMatchObject({
            errno: 22,
          })
          await rbd.features(
            { ...at, enable: ['object-map', 'fast-diff', 'journaling'], disable: [] },
            options,
          )
          await rbd.features({ ...at, enable: [], disable: ['journaling'] }, options)
          await rbd.snapCreate({ ...at, snapshot: 's1' }, options)
          await rbd.snapProtect({ ...at, snapshot: 's1' }, options)
          const child = { pool: 'images', image: `b-${name}` }
          await rbd.clone({ ...child, parent: { ...at, snapshot: 's1' } }, options)
          expect(await rbd.info(child, options)).toMatchObject({
            parent: { ...at, snapshot: 's1' },
            snapshots: [],
          })
          expect(await rbd.info(at, options)).toMatchObject({
            name: at.image,
            size: 2 * GiB,
            objectSize: 2 ** 23,
            features: ['exclusive-lock', 'fast-diff', 'layering', 'object-map'],
            snapshots: [{ name: 's1', size: 2 * GiB, protected: true }],
            metadata: { 'infra.address': 'RbdImage/a', note: 'ä b' },
          })
          expect(await rbd.children(at, options)).toEqual([{ ...child, trash: false }])
          expect(await rbd.watchers(at, options)).toEqual([])
          await rbd.trashMove(child, options)
          await rbd.trashMove(at, options)
          expect(await rbd.list({ pool: 'images' }, options)).not.toContain(at.image)
          const trash = await rbd.trashList({ pool: 'images' }, options)
          const id = (name: string) => trash.find(one => one.name === name)?.id ?? ''
          await rbd.trashRestore({ pool: 'images', id: id(at.image), name: at.image }, options)
          expect(await rbd.info(at, options)).toMatchObject({ id: id(at.image), size: 2 * GiB })
          await rbd.trashMove(at, options)
          await rbd.trashRemove({ pool: 'images', id: id(child.image) }, options)
          await rbd.trashRemove({ pool: 'images', id: id(at.image) }, options)
          expect(JSON.parse(await lab.rbd('trash', 'ls', 'images', '--format', 'json'))).toEqual([])
        })

      it('keeps many commands in flight', async () => {
        // More than run at once
        const length = name === 'clients-alone' ? 10 : 80
        const many = Array.from({ length }, () => connection.mon({ prefix: 'osd pool ls' }, options))
        expect(await Promise.all(many)).toHaveLength(length)
      })

      it('ends a call with its signal', async () => {
        const abort = new AbortController()
        const call = connection.mgr({ prefix: 'fs volume ls' }, { signal: abort.signal })
        abort.abort(new Error('enough'))
        await expect(call).rejects.toThrow('enough')
        await connection.mon({ prefix: 'fsid' }, options)
      })
    })
  }

  it('says what is wrong where no monitor answers', async () => {
    const settings = { client: 'nobody', timeoutSeconds: 3 }
    await expect(openCeph(resolveAccess(settings, '/', lab.env), lab.env, signal)).rejects.toMatchObject({
      kind: 'connection',
      code: 'ceph-connect',
    })
    const lost = { conf: '/nowhere/ceph.conf' }
    await expect(openCeph(resolveAccess(lost, '/', {}), lab.env, signal)).rejects.toMatchObject({
      message: expect.stringContaining('/nowhere/ceph.conf'),
    })
  })

  it('gives up after its time where the monitor is gone, and works again when it is back', async () => {
    const access = resolveAccess({ timeoutSeconds: 4 }, '/', lab.env)
    const connection = await openCeph(access, lab.env, signal)
    try {
      await lab.kill('mon.a')
      await expect(connection.mon({ prefix: 'osd pool ls' }, { signal })).rejects.toMatchObject({
        kind: 'connection',
        code: 'ceph-no-answer',
      })
      await lab.start('mon.a')
      expect((await connection.mon({ prefix: 'fsid' }, { signal, timeoutSeconds: 20 })).output).toContain(
        'fsid',
      )
    } finally {
      await lab.start('mon.a')
      await connection.close()
    }
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Attributes, Json } from '../../../src/model/value.js'
import type { Provider } from '../../../src/providers/provider.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'
import { openProvider, Subject } from './harness.js'

const missing = await cephLabMissing()

/** Text as Ceph stores it: its length, and its bytes. */
function encoded(text: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, Buffer.from(text)])
}

describe.skipIf(missing)(`images ${missing ?? ''}`, () => {
  let lab: CephLab
  const providers: Provider[] = []
  beforeAll(async () => {
    lab = await cephLab({ name: 'images', port: 16900, mdss: 0 })
    await lab.ceph('osd', 'pool', 'create', 'images', '8')
    await lab.ceph('osd', 'pool', 'application', 'enable', 'images', 'rbd')
  })
  afterAll(async () => {
    for (const provider of providers) await provider.close()
    await lab?.clean()
  })

  const base: Attributes = { pool: 'images', size: '32MiB' }
  const changes: Readonly<Record<string, readonly { readonly reason: string; readonly spec: Attributes }[]>> =
    {
      library: [
        { reason: 'growth', spec: { ...base, size: '64MiB' } },
        { reason: 'shrinking', spec: base },
        { reason: 'fewer features', spec: { ...base, features: ['layering'] } },
        { reason: 'a journal', spec: { ...base, features: ['layering', 'journaling'] } },
        { reason: 'an object map', spec: { ...base, features: ['layering', 'object-map'] } },
        { reason: 'only the lock', spec: { ...base, features: ['layering', 'exclusive-lock'] } },
        {
          reason: 'snapshots',
          spec: {
            ...base,
            features: ['layering'],
            snapshots: [{ name: 'a' }, { name: 'b', protected: true }],
          },
        },
        {
          reason: 'protection the other way',
          spec: {
            ...base,
            features: ['layering'],
            snapshots: [{ name: 'a', protected: true }, { name: 'b' }],
          },
        },
        { reason: 'a snapshot less', spec: { ...base, features: ['layering'], snapshots: [{ name: 'b' }] } },
        { reason: 'no snapshots', spec: { ...base, features: ['layering'], snapshots: [] } },
      ],
      // Each operation once: its clients take long to start, and what is above them is the same
      command: [
        {
          reason: 'growth, a journal, snapshots',
          spec: {
            ...base,
            size: '64MiB',
            features: ['layering', 'journaling'],
            snapshots: [{ name: 'a' }, { name: 'b', protected: true }],
          },
        },
        {
          reason: 'all of it the other way',
          spec: { ...base, features: ['layering'], snapshots: [{ name: 'a', protected: true }] },
        },
        { reason: 'no snapshots', spec: { ...base, features: ['layering'], snapshots: [] } },
      ],
    }

  for (const transport of ['library', 'command']) {
    describe(`through ${transport}`, () => {
      let provider: Provider
      beforeAll(async () => {
        provider = await openProvider(lab, { transport })
        providers.push(provider)
      })
      const image = (name: string, spec: Attributes = base) =>
        new Subject(provider, 'RbdImage', `${name}-${transport}`, spec)

      it('makes an image that is as declared, and brings every field to what is declared later', async () => {
        const one = image('all', { ...base, objectSize: '8MiB', stripeUnit: '64KiB', stripeCount: 4 })
        const made = await one.create()
        expect(await one.differences()).toEqual([])
        expect(made.owner?.address).toBe(one.target.address)
        const shape = { objectSize: '8MiB', stripeUnit: '64KiB', stripeCount: 4 }
        for (const { reason, spec } of changes[transport] ?? []) {
          await one.update({ ...spec, ...shape })
          expect(await one.differences(), reason).toEqual([])
        }
        const info = await lab.rbdJson('info', `images/${one.name}`)
        expect(info).toMatchObject({
          size: 2 ** 25,
          object_size: 2 ** 23,
          features: ['layering', 'striping'],
        })
        await one.discard(await one.remove())
      })

      it('makes an image over the name that a create which was cut off has left, and takes such a name away', async () => {
        const one = image('remains')
        // As librbd leaves it that is killed between the pool's list of images and the image's own objects
        const halve = async () => {
          const { id } = await lab.rbdJson<{ id: string }>('info', `images/${one.name}`)
          for (const object of [`rbd_id.${one.name}`, `rbd_header.${id}`, `rbd_object_map.${id}`])
            await lab.rados('--pool', 'images', 'rm', object)
          expect(await lab.rbdJson('ls', 'images')).toContain(one.name)
          expect(await one.observe()).toMatchObject({ status: 'present', incomplete: true })
        }
        await one.create()
        await halve()
        await one.create()
        expect(await one.differences()).toEqual([])
        await halve()
        await one.remove()
        expect(await one.observe()).toEqual({ status: 'absent' })
        expect(await lab.rbdJson('ls', 'images')).not.toContain(one.name)
      })

      it('brings a deleted image back with its bytes and its snapshots, and destroys it when told', async () => {
        const one = image('kept', { ...base, snapshots: [{ name: 's', protected: true }] })
        await one.create()
        const path = `images/${one.name}`
        await lab.rbd('bench', '--io-type', 'write', '--io-pattern', 'rand', '--io-total', '2M', path)
        const [hash, empty] = [await lab.imageHash(path), await lab.imageHash(`${path}@s`)]
        expect(hash).not.toBe(empty)
        const token = await one.remove()
        expect(await one.observe()).toEqual({ status: 'absent' })
        await one.create(token)
        expect(await one.differences()).toEqual([])
        expect([await lab.imageHash(path), await lab.imageHash(`${path}@s`)]).toEqual([hash, empty])
        // As after a crash behind the restore: it is finished, not refused
        await one.create(token)
        const last = await one.remove()
        await one.discard(last)
        expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
        await one.discard(last)
        await expect(one.create(last)).rejects.toMatchObject({ code: 'ceph-kept-lost' })
      })

      if (transport === 'command') return

      it('leaves snapshots alone that it did not make', async () => {
        const one = image('foreign', { ...base, snapshots: [] })
        await one.create()
        await lab.rbd('snap', 'create', '--no-progress', `images/${one.name}@by-hand`)
        expect(await one.differences()).toEqual([])
        await one.update({ ...base, snapshots: [{ name: 'ours' }] })
        await one.update({ ...base, snapshots: [] })
        const left = await lab.rbdJson<{ name: string }[]>('snap', 'ls', `images/${one.name}`)
        expect(left.map(snapshot => snapshot.name)).toEqual(['by-hand'])
        await one.discard(await one.remove())
      })

      it('clones from a snapshot, and refuses to delete the parent before the clone', async () => {
        const parent = image('parent', { ...base, snapshots: [{ name: 's', protected: true }] })
        await parent.create()
        await lab.rbd('bench', '--io-type', 'write', '--io-total', '1M', `images/${parent.name}`)
        const from = { image: parent.name, snapshot: 's' }
        const child = image('child', { pool: 'images', from, size: '48MiB' })
        await child.create()
        expect(await child.differences()).toEqual([])
        await expect(parent.remove()).rejects.toMatchObject({
          code: 'ceph-held',
          message: expect.stringContaining(`clone images/${child.name}`),
        })
        const childToken = await child.remove()
        const parentToken = await parent.remove()
        await expect(parent.discard(parentToken)).rejects.toMatchObject({ code: 'ceph-held' })
        await child.discard(childToken)
        await parent.discard(parentToken)
        expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
      })

      it('never takes what exists with other attributes for what was to be made', async () => {
        const one = image('theirs')
        await lab.rbd('create', '--size', '16M', `images/${one.name}`)
        await expect(one.create()).rejects.toMatchObject({ code: 'ceph-exists' })
        await lab.rbd('rm', '--no-progress', `images/${one.name}`)
        await one.create()
        const other = image('theirs', { ...base, objectSize: '1MiB' })
        await expect(other.create()).rejects.toMatchObject({ code: 'ceph-exists' })
        one.identity = { ...one.identity, id: 'abc' }
        await expect(one.remove()).rejects.toMatchObject({ code: 'ceph-replaced' })
        one.identity = (await one.present()).identity
        await one.discard(await one.remove())
      })

      // Ceph's own time limit counts on: half a minute, the same whichever way it is reached.
      if (transport === 'library')
        it('deletes an image that a killed client was writing to', async () => {
          const one = image('dead-writer')
          await one.create()
          const path = `images/${one.name}`
          const words = ['--conf', lab.conf, 'bench', '--io-type', 'write', '--io-total', '1T', path]
          const writer = spawn('rbd', words, { stdio: 'ignore' })
          const ended = once(writer, 'exit')
          const users = async () =>
            (await lab.rbdJson<{ watchers: unknown[] }>('status', path)).watchers.length
          await expect.poll(users, { timeout: 60_000, interval: 100 }).toBe(1)
          writer.kill('SIGKILL')
          await ended
          expect(await users()).toBe(1)
          const token = await one.remove()
          expect(await lab.rbdJson('trash', 'ls', 'images')).toMatchObject([{ name: one.name }])
          await one.discard(token)
        })

      it('brings back an image whose way into the trash was cut off at its last step', async () => {
        const one = image('cut')
        await one.create()
        const path = `images/${one.name}`
        await lab.rbd('bench', '--io-type', 'write', '--io-total', '1M', path)
        const hash = await lab.imageHash(path)
        const token = await one.remove()
        const key = `id_${(token as { id: string }).id}`
        await lab.omap('images', 'rbd_trash', key, value => {
          // The last byte is the state; 1 is "moving"
          value[value.length - 1] = 1
          return value
        })
        await expect(lab.rbd('trash', 'restore', '--pool', 'images', key.slice(3))).rejects.toThrow()
        await one.create(token)
        expect(await lab.imageHash(path)).toBe(hash)
        expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
        await one.discard(await one.remove())
      })

      /** As a way out of the trash leaves it that was cut off: 3 is "restoring"; its name may lead to it before it is listed. */
      const halfBack = async (one: Subject, token: Json | undefined, named: boolean) => {
        const { id } = token as { readonly id: string }
        await lab.omap('images', 'rbd_trash', `id_${id}`, value => {
          value[value.length - 1] = 3
          return value
        })
        if (!named) return
        await lab.putObject('images', `rbd_id.${one.name}`, encoded(id))
      }
      const halves = [
        { reason: 'its name leads to it, and no list has it', named: true },
        { reason: 'it is only marked', named: false },
      ]
      for (const { reason, named } of halves) {
        it(`brings back an image whose way out of the trash was cut off where ${reason}`, async () => {
          const one = image(`out${named}`)
          await one.create()
          const path = `images/${one.name}`
          await lab.rbd('bench', '--io-type', 'write', '--io-total', '1M', path)
          const hash = await lab.imageHash(path)
          const token = await one.remove()
          await halfBack(one, token, named)
          await one.create(token)
          expect(await lab.imageHash(path)).toBe(hash)
          expect(await lab.rbdJson('ls', 'images')).toContain(one.name)
          expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
          await one.discard(await one.remove())
        })

        it(`makes another where one was whose way out of the trash was cut off where ${reason}`, async () => {
          const one = image(`new${named}`)
          const { identity } = await one.create()
          const token = await one.remove()
          await halfBack(one, token, named)
          const another = image(`new${named}`, { ...base, size: '32MiB' })
          expect((await another.create()).identity.id).not.toBe(identity.id)
          expect(await lab.rbdJson('trash', 'ls', 'images')).toMatchObject([{ id: identity.id }])
          await one.discard(token)
          expect(await another.differences()).toEqual([])
          await another.discard(await another.remove())
          expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
        })

        it(`destroys an image whose way out of the trash was cut off where ${reason}`, async () => {
          const one = image(`gone${named}`)
          await one.create()
          const token = await one.remove()
          await halfBack(one, token, named)
          await one.discard(token)
          expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
          const objects = await lab.rados('--pool', 'images', 'ls')
          expect(objects).not.toContain(one.name)
          expect(objects).not.toContain((token as { readonly id: string }).id)
        })
      }

      /** As a way into the trash leaves it that was cut off at its last step: listed still, and its name leads nowhere. */
      const halfGone = async (one: Subject, token: Json | undefined) => {
        const { id } = token as { readonly id: string }
        await lab.omap('images', 'rbd_trash', `id_${id}`, value => {
          value[value.length - 1] = 1
          return value
        })
        await lab.omap('images', 'rbd_directory', `name_${one.name}`, () => encoded(id))
        await lab.omap('images', 'rbd_directory', `id_${id}`, () => encoded(one.name))
      }
      it('keeps an image whose way into the trash was cut off, whatever is done next', async () => {
        const one = image('half')
        await one.create()
        const path = `images/${one.name}`
        await lab.rbd('bench', '--io-type', 'write', '--io-total', '1M', path)
        const hash = await lab.imageHash(path)
        const token = await one.remove()

        await halfGone(one, token)
        expect(await one.observe()).toMatchObject({ status: 'present', incomplete: true })
        await one.remove()
        expect(await one.observe()).toEqual({ status: 'absent' })
        await one.create(token)
        expect(await lab.imageHash(path)).toBe(hash)

        const again = await one.remove()
        await halfGone(one, again)
        const another = image('half', { ...base, size: '16MiB' })
        await another.create()
        await another.discard(await another.remove())
        await one.create(again)
        expect(await lab.imageHash(path)).toBe(hash)

        const last = await one.remove()
        await halfGone(one, last)
        await one.create(last)
        expect(await lab.imageHash(path)).toBe(hash)
        await one.discard(await one.remove())
        expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
      })

      it('destroys no image that is in its place again', async () => {
        const one = image('back')
        await one.create()
        const token = await one.remove()
        const key = `id_${(token as { id: string }).id}`
        let entry = Buffer.alloc(0)
        await lab.omap('images', 'rbd_trash', key, value => {
          entry = Buffer.from(value)
          return value
        })
        await one.create(token)
        // As a move leaves it that was cut off at its first step: in the trash, and still in its place
        entry[entry.length - 1] = 1
        await lab.omap('images', 'rbd_trash', key, () => entry)
        await one.discard(token)
        expect(await one.differences()).toEqual([])
        await one.discard(await one.remove())
        expect(await lab.rbdJson('trash', 'ls', 'images')).toEqual([])
      })

      it('lists images that nobody declared', async () => {
        const one = image('mine')
        await one.create()
        await lab.rbd('create', '--size', '16M', `images/stray-${transport}`)
        const found = await provider.unmanaged?.([one.target], new AbortController().signal)
        expect(found).toMatchObject([
          { kind: 'RbdImage', name: `stray-${transport}`, place: 'in pool images' },
        ])
        await lab.rbd('rm', '--no-progress', `images/stray-${transport}`)
        await one.discard(await one.remove())
      })

      it('finds nothing where there is no such pool', async () => {
        expect(await image('nowhere', { ...base, pool: 'none' }).observe()).toEqual({ status: 'absent' })
      })
    })
  }
})

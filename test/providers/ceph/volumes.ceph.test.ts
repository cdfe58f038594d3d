import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Provider } from '../../../src/providers/provider.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'
import { openProvider, Subject } from './harness.js'

const missing = await cephLabMissing()

describe.skipIf(missing)(`file systems and volumes ${missing ?? ''}`, () => {
  let lab: CephLab
  let provider: Provider
  let filesystem: Subject
  let group: Subject
  beforeAll(async () => {
    lab = await cephLab({ name: 'volumes', port: 17200 })
    provider = await openProvider(lab)
    filesystem = new Subject(provider, 'CephFilesystem', 'files', {})
    await filesystem.create()
    group = new Subject(provider, 'CephSubvolumeGroup', 'team', { filesystem: 'files' })
    await group.create()
  })
  afterAll(async () => {
    await provider?.close()
    await lab?.clean()
  })

  const at = { filesystem: 'files', group: 'team' }
  const volume = (name: string, spec: Attributes = {}) =>
    new Subject(provider, 'CephVolume', name, { ...at, size: '64MiB', ...spec })

  const pathOf = async (subject: Subject) => String((await subject.present()).facts.path)
  const write = async (subject: Subject, text: string) =>
    lab.mounted('files', await pathOf(subject), folder => writeFile(join(folder, 'data'), text))
  const read = async (subject: Subject) =>
    lab.mounted('files', await pathOf(subject), folder => readFile(join(folder, 'data'), 'utf8'))

  it('brings every field of a file system to what is declared', async () => {
    expect(await filesystem.differences()).toEqual([])
    expect((await filesystem.present()).remark).toBeUndefined()
    const changes: readonly Attributes[] = [
      { maxFileSize: '2TiB' },
      { standbyCount: 0 },
      { standbyReplay: true },
      { maxMds: 2 },
      {},
    ]
    for (const spec of changes) {
      await filesystem.update(spec)
      expect(await filesystem.differences()).toEqual([])
    }
    await lab.ceph('osd', 'pool', 'create', 'more', '8')
    await filesystem.update({ metadataPool: 'cephfs.files.meta', dataPools: ['cephfs.files.data', 'more'] })
    expect(await filesystem.differences()).toEqual([])
    filesystem.spec = { maxMds: 1, standbyReplay: false }
  })

  it('brings every field of a group to what is declared', async () => {
    expect(await group.differences()).toEqual([])
    const one = new Subject(provider, 'CephSubvolumeGroup', 'fields', {
      filesystem: 'files',
      size: '1GiB',
      mode: '750',
      uid: 7,
      gid: 8,
    })
    await one.create()
    expect(await one.differences()).toEqual([])
    const changes: readonly Attributes[] = [
      { size: '2GiB', mode: '750', uid: 7, gid: 8 },
      { size: '1GiB', mode: '711', uid: 7, gid: 8 },
      { size: 'infinite', mode: '711', uid: 9, gid: 8 },
      { size: '1GiB' },
      {},
    ]
    for (const spec of changes) {
      await one.update({ filesystem: 'files', ...spec })
      expect(await one.differences()).toEqual([])
    }
    const other = new Subject(provider, 'CephSubvolumeGroup', 'fields', { filesystem: 'files', mode: '700' })
    await expect(other.create()).rejects.toMatchObject({ code: 'ceph-exists' })
    expect(await one.remove()).toBeUndefined()
    expect(await one.observe()).toEqual({ status: 'absent' })
    expect(await lab.ceph('fs', 'subvolumegroup', 'ls', 'files')).not.toContain('fields')
  })

  it('makes a volume that is as declared, and brings every field to what is declared later', async () => {
    const one = volume('all', { mode: '0700', uid: 1000, gid: 1001, isolatedNamespace: true })
    const made = await one.create()
    expect(await one.differences()).toEqual([])
    expect(made.owner?.address).toBe('CephVolume/all')
    await write(one, 'kept through all of it')
    const changes: readonly { readonly reason: string; readonly spec: Attributes }[] = [
      { reason: 'growth', spec: { size: '128MiB', mode: '700', uid: 1000, gid: 1001 } },
      { reason: 'no limit', spec: { size: 'infinite', mode: '700', uid: 1000, gid: 1001 } },
      { reason: 'shrinking', spec: { size: '32MiB', mode: '700', uid: 1000, gid: 1001 } },
      { reason: 'mode', spec: { size: '32MiB', mode: '2775', uid: 1000, gid: 1001 } },
      { reason: 'owner', spec: { size: '32MiB', mode: '2775', uid: 5, gid: 6 } },
      { reason: 'root', spec: { size: '32MiB' } },
      { reason: 'owner again', spec: { size: '32MiB', uid: 5, gid: 0 } },
    ]
    for (const { reason, spec } of changes) {
      await one.update({ ...at, isolatedNamespace: true, ...spec })
      expect(await one.differences(), reason).toEqual([])
    }
    expect(await read(one)).toBe('kept through all of it')
    const info = await lab.cephJson('fs', 'subvolume', 'info', 'files', 'all', 'team')
    expect(info).toMatchObject({ bytes_quota: 2 ** 25, mode: 0o40755, uid: 5, gid: 0 })
    const owner = await lab.mounted('files', await pathOf(one), folder => stat(folder))
    expect([owner.uid, owner.gid]).toEqual([5, 0])
    await one.discard(await one.remove())
  })

  it('refuses a size below what is used', async () => {
    const one = volume('full')
    await one.create()
    await write(one, 'x'.repeat(2 ** 20))
    await expect(one.update({ ...at, size: '64KiB' })).rejects.toMatchObject({ code: 'ceph-size-below-used' })
    await one.discard(await one.remove())
  })

  it('brings a deleted volume back with its bytes, more than once, and destroys it when told', async () => {
    const one = volume('back', { mode: '770', uid: 3, gid: 4, isolatedNamespace: true })
    await one.create()
    await write(one, 'first')
    const first = await one.remove()
    expect(await one.observe()).toEqual({ status: 'absent' })
    // Made anew under the same name, it is empty; what was kept is still kept
    one.identity = { uuid: '11111111-1111-4111-8111-111111111111' }
    await one.create()
    await expect(read(one)).rejects.toThrow('ENOENT')
    await write(one, 'second')
    const second = await one.remove()
    await one.create(first)
    expect(await one.differences()).toEqual([])
    expect(await read(one)).toBe('first')
    // As after a crash behind the restore: it is finished, not refused
    await one.create(first)
    const third = await one.remove()
    await one.create(second)
    expect(await read(one)).toBe('second')
    const last = await one.remove()
    for (const token of [third, last, last]) await one.discard(token)
    const names = await lab.cephJson<{ name: string }[]>('fs', 'subvolume', 'ls', 'files', 'team')
    expect(names.map(one => one.name)).not.toContain('back')
    await expect(one.create(last)).rejects.toMatchObject({ code: 'ceph-kept-lost' })
  })

  it('never takes what exists with other attributes for what was to be made', async () => {
    await lab.ceph('fs', 'subvolume', 'create', 'files', 'theirs', '--group_name=team', '--mode=711')
    await expect(volume('theirs').create()).rejects.toMatchObject({ code: 'ceph-exists' })
    const info = await lab.cephJson('fs', 'subvolume', 'info', 'files', 'theirs', 'team')
    expect(info).toMatchObject({ mode: 0o40711, bytes_quota: 'infinite' })
    const found = await provider.unmanaged?.([volume('mine').target], new AbortController().signal)
    expect(found).toMatchObject([{ kind: 'CephVolume', name: 'theirs', place: 'in files/team' }])
    await lab.ceph('fs', 'subvolume', 'rm', 'files', 'theirs', 'team')
  })

  it('finishes what a manager left that was killed in the middle, and touches no data there', async () => {
    const torn = volume('torn', { mode: '700' })
    const theirs = volume('folder')
    await lab.mounted('files', '/volumes/team', async folder => {
      await mkdir(join(folder, 'torn', '8e67e54d-3745-433e-8490-cbc4c4df50a3'), { recursive: true })
      await writeFile(join(folder, 'torn', '.meta.tmp'), '[GLOBAL]')
      await mkdir(join(folder, 'folder'))
      await writeFile(join(folder, 'folder', 'data'), 'somebody’s own')
    })
    expect(await torn.present()).toMatchObject({ incomplete: true })
    await torn.create()
    expect(await torn.differences()).toEqual([])
    await write(torn, 'now whole')
    const token = await torn.remove()
    await torn.create(token)
    expect(await read(torn)).toBe('now whole')
    await torn.discard(await torn.remove())
    await expect(theirs.create()).rejects.toMatchObject({ code: 'ceph-exists' })
    await expect(theirs.remove()).rejects.toMatchObject({ code: 'ceph-cannot-keep' })
    expect(await read(theirs)).toBe('somebody’s own')
    await lab.ceph('fs', 'subvolume', 'rm', 'files', 'folder', 'team')
  })

  it('takes snapshots, clones them, and refuses to delete what they hold', async () => {
    const one = volume('source', { mode: '700', uid: 2, gid: 2 })
    await one.create()
    await write(one, 'at the snapshot')
    const spec = { ...at, volume: 'source', retention: { keepLast: 3, keepFor: '7d' } }
    const snapshot = new Subject(provider, 'CephSnapshot', 'monday', spec)
    const taken = await snapshot.create()
    expect(await snapshot.differences()).toEqual([])
    expect(taken.owner?.address).toBe('CephSnapshot/monday')
    await snapshot.update({ ...spec, retention: { keepLast: 5 } })
    expect(await snapshot.differences()).toEqual([])
    expect((await snapshot.present()).spec.retention).toEqual({ keepLast: 5 })
    await snapshot.update({ ...at, volume: 'source' })
    expect((await snapshot.present()).spec.retention).toBeUndefined()
    await write(one, 'after it')

    const source = { group: 'team', volume: 'source', snapshot: 'monday' }
    const clone = new Subject(provider, 'CephClone', 'copy', { filesystem: 'files', source, size: '80MiB' })
    await clone.create()
    expect(await clone.differences()).toEqual([])
    expect(await read(clone)).toBe('at the snapshot')
    await clone.update({ filesystem: 'files', source, size: '96MiB' })
    expect(await clone.differences()).toEqual([])

    await lab.ceph('fs', 'subvolume', 'snapshot', 'create', 'files', 'source', 'by-hand', 'team')
    const found = await provider.unmanaged?.([snapshot.target], new AbortController().signal)
    expect(found).toMatchObject([{ kind: 'CephSnapshot', name: 'by-hand', place: 'of volume source' }])
    await expect(one.remove()).rejects.toMatchObject({
      code: 'ceph-held',
      message: expect.stringMatching(/snapshot by-hand.*snapshot monday/),
    })
    await lab.ceph('fs', 'subvolume', 'snapshot', 'rm', 'files', 'source', 'by-hand', 'team')
    await snapshot.remove()
    expect(await snapshot.observe()).toEqual({ status: 'absent' })
    const copy = await clone.remove()
    await clone.create(copy)
    expect(await clone.differences()).toEqual([])
    expect(await read(clone)).toBe('at the snapshot')
    await clone.discard(await clone.remove())
    await one.discard(await one.remove())
  })

  it('deletes a group while volumes are kept in it, and brings both back', async () => {
    const box = new Subject(provider, 'CephSubvolumeGroup', 'box', { filesystem: 'files', mode: '750' })
    await box.create()
    const one = new Subject(provider, 'CephVolume', 'inner', { filesystem: 'files', group: 'box' })
    await one.create()
    await write(one, 'in the box')
    await expect(box.remove()).rejects.toMatchObject({ message: expect.stringContaining('volume inner') })
    const tokens = [await one.remove(), await box.remove()]
    expect(await box.observe()).toEqual({ status: 'absent' })
    await box.create(tokens[1])
    await one.create(tokens[0])
    expect(await box.differences()).toEqual([])
    expect(await read(one)).toBe('in the box')
    const last = [await box.remove().catch(() => undefined), await one.remove()]
    expect(last[0]).toBeUndefined()
    const group = await box.remove()
    // In either order, the folder goes with what was last kept in it
    await box.discard(group)
    await one.discard(last[1])
    expect(await lab.ceph('fs', 'subvolumegroup', 'ls', 'files')).not.toContain('box')
    expect(await lab.ceph('config-key', 'ls')).not.toContain('box')
  })

  it('finds nothing where there is no such file system', async () => {
    const nowhere = { filesystem: 'none', group: 'team' }
    expect(await new Subject(provider, 'CephVolume', 'a', nowhere).observe()).toEqual({ status: 'absent' })
    const snapshot = new Subject(provider, 'CephSnapshot', 'a', { ...nowhere, volume: 'b' })
    expect(await snapshot.observe()).toEqual({ status: 'absent' })
    const none = new Subject(provider, 'CephSubvolumeGroup', 'a', { filesystem: 'none' })
    expect(await none.observe()).toEqual({ status: 'absent' })
  })

  it('brings a deleted file system back with its volumes, and destroys its pools when told', async () => {
    const one = volume('survivor')
    await one.create()
    await write(one, 'all of it')
    await expect(filesystem.remove()).rejects.toMatchObject({
      code: 'ceph-held',
      message: expect.stringContaining('volume team/survivor'),
    })
    const kept = await one.remove()
    const token = await filesystem.remove('t9')
    expect(await filesystem.observe()).toEqual({ status: 'absent' })
    expect(await lab.cephJson<string[]>('osd', 'pool', 'ls')).toContain('infra-kept-t9-cephfs.files.meta')
    await filesystem.create(token)
    expect(await filesystem.differences()).toEqual([])
    expect((await filesystem.present()).remark).toBeUndefined()
    await one.create(kept)
    expect(await read(one)).toBe('all of it')
    await one.discard(await one.remove())
    await group.remove()
    await filesystem.discard(await filesystem.remove())
    expect(await lab.cephJson<string[]>('osd', 'pool', 'ls')).toEqual([])
  })
})

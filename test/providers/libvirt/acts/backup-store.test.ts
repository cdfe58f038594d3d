import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  beyondNewest,
  deleteBackup,
  findDoomed,
} from '../../../../src/providers/libvirt/acts/backup-delete.js'
import { exportBackup } from '../../../../src/providers/libvirt/acts/backup-export.js'
import { writeBytes, writeChunks } from '../../../../src/providers/libvirt/acts/backup-files.js'
import {
  type Backup,
  beginBackup,
  findBackup,
  finishBackup,
  isThere,
  listBackups,
  type Manifest,
  verifyBackup,
} from '../../../../src/providers/libvirt/acts/backup-store.js'
import type { Chunk } from '../../../../src/providers/libvirt/rpc/channel.js'

const signal = new AbortController().signal

describe('backups on the disk', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'infra-backups-'))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  async function* disk(): AsyncGenerator<Chunk> {
    yield Buffer.from('boot')
    yield { hole: 3_000_000 }
    yield Buffer.alloc(700_000, 7)
    yield { hole: 5 }
  }

  async function made(
    machine: string,
    id: string,
    at: string,
    sync?: (folder: string) => Promise<void>,
  ): Promise<Backup> {
    const folder = await beginBackup(root, machine, id)
    const written = await writeChunks(join(folder, 'vda.raw'), disk())
    const domain = {
      name: 'domain.xml',
      ...(await writeBytes(join(folder, 'domain.xml'), Buffer.from('<domain/>'))),
    }
    const manifest: Manifest = {
      format: 'infra.backup/v1',
      id,
      machine,
      uuid: 'u',
      at,
      host: 'libvirt',
      running: false,
      quiesced: false,
      domain,
      disks: [{ name: 'vda.raw', ...written, device: 'vda', format: 'raw', capacityBytes: written.bytes }],
      missing: [],
    }
    return finishBackup(folder, manifest, sync)
  }

  test('count only once their names would survive a loss of power', async () => {
    const synced: string[] = []
    const { folder } = await made('web', 'a', '2026-01-01T00:00:00Z', async path => {
      synced.push(`${path.slice(root.length + 1)}: ${(await readdir(path)).sort().join(' ')}`)
    })
    expect(synced).toEqual(['web/a.part: domain.xml manifest.json vda.raw', 'web: a', ': web'])
    expect(await isThere(folder)).toBe(true)
  })

  test('what cannot be looked at is not taken for missing', async () => {
    const loop = join(root, 'loop')
    await symlink(loop, loop)
    expect(await isThere(join(root, 'none'))).toBe(false)
    await expect(isThere(loop)).rejects.toMatchObject({ code: 'ELOOP' })
  })

  test('are written with their holes, listed, found and read back', async () => {
    const first = await made('web', 'a', '2026-01-01T00:00:00Z')
    await made('web', 'b', '2026-01-02T00:00:00Z')
    await beginBackup(root, 'web', 'unfinished')
    const listed = await listBackups(root)
    expect(listed.whole.map(one => one.manifest.id)).toEqual(['a', 'b'])
    expect(listed.broken).toEqual([])
    expect((await findBackup(root, 'web')).manifest.id).toBe('b')
    expect((await findBackup(root, 'web/a')).manifest.id).toBe('a')
    expect((await findBackup(root, first.folder)).manifest.id).toBe('a')
    await expect(findBackup(root, 'db')).rejects.toMatchObject({ code: 'no-backup' })
    const bytes = await readFile(join(first.folder, 'vda.raw'))
    expect(bytes.length).toBe(4 + 3_000_000 + 700_000 + 5)
    expect(bytes.subarray(0, 4).toString()).toBe('boot')
    expect(await verifyBackup(first, signal)).toEqual({ files: 2, bytes: bytes.length + 9 })
  })

  test.each<{ reason: string; spoil: (folder: string) => Promise<unknown>; why: RegExp }>([
    {
      reason: 'a byte that changed',
      spoil: async folder => {
        const bytes = await readFile(join(folder, 'vda.raw'))
        bytes[3_500_000] = 8
        await writeFile(join(folder, 'vda.raw'), bytes)
      },
      why: /vda\.raw is not what was written/,
    },
    {
      reason: 'a file that is shorter',
      spoil: folder => writeFile(join(folder, 'vda.raw'), 'boot'),
      why: /vda\.raw has 4 bytes/,
    },
    {
      reason: 'a file that is gone',
      spoil: folder => rm(join(folder, 'domain.xml')),
      why: /domain\.xml is not there/,
    },
  ])('$reason is told', async ({ spoil, why }) => {
    const backup = await made('web', 'a', '2026-01-01T00:00:00Z')
    await spoil(backup.folder)
    await expect(verifyBackup(backup, signal)).rejects.toMatchObject({
      code: 'backup-broken',
      why: expect.stringMatching(why),
    })
  })

  test.each([
    { reason: 'a torn manifest', text: '{"format": "infra.ba' },
    { reason: 'a manifest of another form', text: '{"format": "other"}' },
    {
      reason: 'a manifest that names a file elsewhere',
      text: '{"format":"infra.backup/v1","id":"x","machine":"m","uuid":"u","at":"t","host":"h","running":false,"quiesced":false,"domain":{"name":"../../etc/passwd","bytes":1,"sha256":"0"},"disks":[],"missing":[]}',
    },
    { reason: 'a folder without a manifest', text: undefined },
  ])('$reason is told, beside the others, and no older one takes its place', async ({ text }) => {
    await made('web', 'a', '2026-01-01T00:00:00Z')
    await made('db', 'z', '2026-01-01T00:00:00Z')
    const folder = join(root, 'web', 'x')
    await mkdir(folder, { recursive: true })
    if (text !== undefined) await writeFile(join(folder, 'manifest.json'), text)
    const { whole, broken } = await listBackups(root)
    expect(whole.map(one => one.manifest.id).sort()).toEqual(['a', 'z'])
    expect(broken).toMatchObject([
      { reference: 'web/x', error: { code: 'backup-broken', message: expect.stringContaining(folder) } },
    ])
    for (const reference of ['web', 'web/x'])
      await expect(findBackup(root, reference)).rejects.toMatchObject({ code: 'backup-broken' })
    expect((await findBackup(root, 'web/a')).manifest.id).toBe('a')
    expect((await findBackup(root, 'db')).manifest.id).toBe('z')
    await made('web', 'y', '2026-01-03T00:00:00Z')
    expect((await findBackup(root, 'web')).manifest.id).toBe('y')
    // it is deleted by its own name alone
    const doomed = await findDoomed(root, 'web/x')
    expect(doomed).toMatchObject({ folder, reference: 'web/x', error: { code: 'backup-broken' } })
    await rm(join(root, 'web', 'y'), { recursive: true })
    await expect(findDoomed(root, 'web')).rejects.toMatchObject({ code: 'backup-broken' })
    await expect(findDoomed(root, 'x')).rejects.toMatchObject({ code: 'no-backup' })
    await expect(findDoomed(root, root)).rejects.toMatchObject({ code: 'no-backup' })
    // an earlier try of it was cut off
    await mkdir(join(root, 'web', 'x.deleting', 'half'), { recursive: true })
    await deleteBackup(doomed)
    expect(await readdir(join(root, 'web'))).toEqual(['a'])
    expect((await listBackups(root)).broken).toEqual([])
    expect((await findDoomed(root, 'web')).reference).toBe('web/a')
  })

  test('are deleted but for the newest of each machine, or of those that are named', async () => {
    for (const [machine, id, hour] of [
      ['web', 'a', 1],
      ['web', 'b', 2],
      ['db', 'z', 3],
      ['db', 'y', 4],
    ] as const)
      await made(machine, id, `2026-01-01T0${hour}:00:00Z`)
    const { whole } = await listBackups(root)
    const doomed = (names: readonly string[]) => beyondNewest(root, whole, names, 1).map(one => one.reference)
    expect(doomed([])).toEqual(['web/a', 'db/z'])
    expect(doomed(['db', 'db'])).toEqual(['db/z'])
    expect(() => doomed(['db', 'wbe'])).toThrow(
      expect.objectContaining({ code: 'no-backup', why: 'There is web, db' }),
    )
  })

  test('are packed into a tar file that is compared with them, and deleted whole', async () => {
    const backup = await made('web', 'a', '2026-01-01T00:00:00Z')
    const file = join(root, 'web.tar')
    const exported = await exportBackup(backup, file, signal)
    expect(exported).toMatchObject({ file, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    await expect(exportBackup(backup, file, signal)).rejects.toMatchObject({ code: 'file-exists' })
    await deleteBackup(backup)
    expect(await listBackups(root)).toEqual({ whole: [], broken: [] })
    expect((await readdir(root)).sort()).toEqual(['web', 'web.tar'])
    expect(await readdir(join(root, 'web'))).toEqual([])
  })
})

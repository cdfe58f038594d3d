/** Backups on the disk of who made them: a folder each, with a manifest that tells every file and its sum. */
import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { InfraError, messageOf } from '../../../model/error.js'
import { sha256OfFile } from '../image/digest.js'
import { probeFile } from '../image/probe.js'
import { writeAndSync } from './backup-files.js'

const file = z.object({
  name: z.string().regex(/^[A-Za-z0-9._-]+$/),
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const manifestSchema = z.object({
  format: z.literal('infra.backup/v1'),
  id: z.string().regex(/^[A-Za-z0-9._-]+$/),
  machine: z.string().min(1),
  uuid: z.string(),
  /** ISO 8601. */
  at: z.string(),
  /** The connection and libvirt that it is from. */
  host: z.string(),
  /** Whether the machine ran meanwhile, and whether its guest froze its file systems for it. */
  running: z.boolean(),
  quiesced: z.boolean(),
  domain: file,
  nvram: file.extend({ path: z.string() }).optional(),
  disks: z.array(
    file.extend({
      device: z.string(),
      format: z.enum(['qcow2', 'raw']),
      capacityBytes: z.number().int().positive(),
      /** Where it was. */
      pool: z.string().optional(),
      volume: z.string().optional(),
      path: z.string().optional(),
    }),
  ),
  /** What is not in it, with why. */
  missing: z.array(z.string()),
})

export type Manifest = z.infer<typeof manifestSchema>

export interface Backup {
  /** Absolute. */
  readonly folder: string
  readonly manifest: Manifest
}

const manifestName = 'manifest.json'
/** What is behind the name of a folder that never counted, and of one that does no more. */
export const unfinished = '.part'
export const doomed = '.deleting'

/** The folder that a backup is in once it is whole. */
export function backupFolder(root: string, machine: string, id: string): string {
  return join(root, safeName(machine), id)
}

/** A new folder for a backup, to be filled and then made whole by `finish`. */
export async function beginBackup(root: string, machine: string, id: string): Promise<string> {
  const folder = `${backupFolder(root, machine, id)}${unfinished}`
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** Writes the manifest, and gives the folder its name: from now on it counts, and would survive a loss of power. */
export async function finishBackup(
  folder: string,
  manifest: Manifest,
  sync: (folder: string) => Promise<void> = syncFolder,
): Promise<Backup> {
  await writeAndSync(join(folder, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`)
  await sync(folder)
  const whole = folder.slice(0, -unfinished.length)
  await rename(folder, whole)
  const ofMachine = dirname(whole)
  await sync(ofMachine)
  await sync(dirname(ofMachine))
  return { folder: whole, manifest }
}

/** Returns once the names in a folder would survive a loss of power. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A folder among the backups that cannot be read as one. */
interface BrokenBackup {
  /** MACHINE/ID, by the names of its folders. */
  readonly reference: string
  readonly error: InfraError
}

export interface Backups {
  /** The oldest first. */
  readonly whole: readonly Backup[]
  readonly broken: readonly BrokenBackup[]
}

/** All backups below a folder. Those that are unfinished or half deleted are passed over: they never counted, or no more. */
export async function listBackups(root: string): Promise<Backups> {
  const machines = await namesIn(root)
  const found = await Promise.all(
    machines.map(async machine => {
      const ids = await namesIn(join(root, machine))
      return Promise.all(
        ids
          .filter(id => !id.endsWith(unfinished) && !id.endsWith(doomed))
          .map(id => wholeOrBroken(root, `${machine}/${id}`)),
      )
    }),
  )
  const all = found.flat()
  return {
    whole: all
      .flatMap(one => ('manifest' in one ? [one] : []))
      .sort((a, b) => (a.manifest.at < b.manifest.at ? -1 : 1)),
    broken: all.flatMap(one => ('error' in one ? [one] : [])),
  }
}

async function wholeOrBroken(root: string, reference: string): Promise<Backup | BrokenBackup> {
  try {
    return await readBackup(join(root, reference))
  } catch (error) {
    if (error instanceof InfraError) return { reference, error }
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
  return entries.filter(one => one.isDirectory()).map(one => one.name)
}

/** The backup in a folder, by its manifest; its files are not read. Fails with `backup-broken`. */
export async function readBackup(folder: string): Promise<Backup> {
  const path = join(folder, manifestName)
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw broken(folder, error.code === 'ENOENT' ? 'It has no manifest' : error.message)
  })
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    throw broken(folder, `Its manifest is torn: ${messageOf(error)}`)
  }
  const parsed = manifestSchema.safeParse(value)
  if (!parsed.success)
    throw broken(folder, `Its manifest is of another form: ${parsed.error.issues[0]?.path.join('.')}`)
  return { folder, manifest: parsed.data }
}

/** A backup by its folder, by MACHINE/ID, or the newest of MACHINE. Never an older one in the place of one that is broken. */
export async function findBackup(root: string, reference: string): Promise<Backup> {
  if (await isThere(join(reference, manifestName))) return readBackup(reference)
  const { whole, broken: notWhole } = await listBackups(root)
  const fits = whole.filter(({ manifest }) =>
    [`${manifest.machine}/${manifest.id}`, manifest.machine].includes(reference),
  )
  const found = fits.at(-1)
  // an id begins with its time, so that the later one sorts behind
  const newest = found === undefined ? '' : `${safeName(found.manifest.machine)}/${found.manifest.id}`
  const spoiled = notWhole.find(
    one =>
      one.reference === reference ||
      (one.reference.startsWith(`${safeName(reference)}/`) && one.reference > newest),
  )
  if (spoiled !== undefined) throw spoiled.error
  if (found !== undefined) return found
  throw noBackup(
    root,
    reference,
    whole.map(({ manifest }) => `${manifest.machine}/${manifest.id}`),
  )
}

/** Reads all of it back: every file with its sum, every disk with its header. Fails with the first that is not as written. */
export async function verifyBackup(
  { folder, manifest }: Backup,
  signal: AbortSignal,
  progress?: (message: string) => void,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const files = [
    manifest.domain,
    ...(manifest.nvram === undefined ? [] : [manifest.nvram]),
    ...manifest.disks,
  ]
  let bytes = 0
  for (const one of files) {
    const path = join(folder, one.name)
    if (!(await isThere(path))) throw broken(folder, `${one.name} is not there`)
    const { size } = await stat(path)
    if (size !== one.bytes) throw broken(folder, `${one.name} has ${size} bytes, not ${one.bytes}`)
    progress?.(`reads ${one.name} back`)
    const sum = await sha256OfFile(path, signal)
    if (sum !== one.sha256) throw broken(folder, `${one.name} is not what was written: its sha256 is ${sum}`)
    bytes += size
  }
  for (const disk of manifest.disks) {
    if (disk.format !== 'qcow2') continue
    const probed = await probeFile(join(folder, disk.name), 'qcow2')
    if (probed.virtualSizeBytes !== disk.capacityBytes)
      throw broken(
        folder,
        `${disk.name} holds a disk of ${probed.virtualSizeBytes} bytes, not ${disk.capacityBytes}`,
      )
  }
  return { files: files.length, bytes }
}

/** Whether there is anything of that name. Fails where that cannot be told. */
export function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw error
    },
  )
}

/** Names of machines that others made may hold anything. */
function safeName(machine: string): string {
  const safe = machine.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^\.+/, '')
  return safe === '' ? 'machine' : safe
}

/** The error of a backup, or a machine with backups, that is not there; `there` is what is. */
export function noBackup(root: string, reference: string, there: readonly string[]): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'no-backup',
    message: `There is no backup ${reference} in ${root}`,
    ...(there.length > 0 && { why: `There is ${there.slice(-5).join(', ')}` }),
    hint: '`infra vm backup list` lists them; --folder names another place.',
  })
}

/** The error of a backup that is not as it was written. */
export function broken(folder: string, why: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'backup-broken',
    message: `The backup ${folder} is not whole`,
    why,
    hint: 'Use another one (MACHINE/ID), and look what happened to the disk that it is on. `infra vm backup delete MACHINE/ID` removes it.',
  })
}

/** A backup as one tar file, by the system's own tar; read back before it counts. */
import { rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { execa } from 'execa'
import { InfraError } from '../../../model/error.js'
import { sha256OfFile } from '../image/digest.js'
import { type Backup, isThere, verifyBackup } from './backup-store.js'

export interface ExportedBackup {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/** Fails where the file is there already. */
export async function exportBackup(
  backup: Backup,
  file: string,
  signal: AbortSignal,
): Promise<ExportedBackup> {
  if (await isThere(file)) {
    throw new InfraError({
      kind: 'configuration',
      code: 'file-exists',
      message: `${file} is there already`,
      hint: 'Choose another name: nothing is written over.',
    })
  }
  await verifyBackup(backup, signal)
  const half = `${file}.part`
  const { folder } = backup
  const place = ['-C', dirname(folder)]
  try {
    await tar(['--create', '--sparse', '--file', half, ...place, basename(folder)], signal)
    // read back, member by member, against what is on the disk
    await tar(['--compare', '--file', half, ...place], signal)
    const { size } = await stat(half)
    const sha256 = await sha256OfFile(half, signal)
    await rename(half, file)
    return { file, bytes: size, sha256 }
  } finally {
    await rm(half, { force: true })
  }
}

async function tar(args: readonly string[], signal: AbortSignal): Promise<void> {
  const run = await execa('tar', args, { reject: false, cancelSignal: signal, all: true, stdin: 'ignore' })
  signal.throwIfAborted()
  if (!run.failed) return
  throw new InfraError({
    kind: 'storage',
    code: 'export-failed',
    message: 'The backup could not be packed',
    why: (run.all || run.shortMessage || '').slice(-500),
    hint: 'It takes GNU tar, and room for all of it.',
  })
}

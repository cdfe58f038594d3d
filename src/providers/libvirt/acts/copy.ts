/** Files in and out of a guest, through its agent. What arrived is compared with what was sent. */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { basename, posix } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { plainCause } from '../../../model/file-error.js'
import { closeGuestFile, type Guest, openGuestFile, readGuestFile, writeGuestFile } from './agent.js'
import { outputInGuest } from './exec.js'
import { cleanUpAndThrow } from './left-behind.js'

export interface CopyResult {
  readonly from: string
  readonly to: string
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
  /** Whether the guest's own sha256sum says the same; false where it has none, and the size alone was compared. */
  readonly verified: boolean
}

export interface CopyOptions {
  readonly signal: AbortSignal
  /** Told how many bytes have gone by. */
  progress?(bytes: number): void
}

const closingTime = 15_000

/** Copies a file into the guest: beside its place first, then renamed, so that nobody there sees half of it. */
export async function copyIntoGuest(
  guest: Guest,
  local: string,
  remote: string,
  options: CopyOptions,
): Promise<CopyResult> {
  const { signal } = options
  const info = await stat(local).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(local, error)
  })
  if (!info.isFile()) throw unreadable(local, new Error('it is no regular file'))
  const target = (await isGuestFolder(guest, remote, signal)) ? posix.join(remote, basename(local)) : remote
  const half = `${target}.infra-${randomUUID().slice(0, 8)}`
  const hash = createHash('sha256')
  let bytes = 0
  const handle = await openGuestFile(guest, half, 'w', signal)
  try {
    try {
      for await (const chunk of createReadStream(local, { highWaterMark: 1 << 19 })) {
        const part = chunk as Buffer
        await writeGuestFile(guest, handle, part, signal)
        hash.update(part)
        bytes += part.length
        options.progress?.(bytes)
      }
    } finally {
      await closeGuestFile(guest, handle, AbortSignal.timeout(closingTime))
    }
    const sha256 = hash.digest('hex')
    const verified = await compare(guest, half, { bytes, sha256 }, signal)
    const mode = (info.mode & 0o7777).toString(8)
    await inGuest(guest, ['sh', '-c', 'chmod "$1" "$2" && mv -f "$2" "$3"', 'sh', mode, half, target], signal)
    return { from: local, to: target, bytes, sha256, verified }
  } catch (error) {
    return cleanUpAndThrow(error, `${half} may be left in the guest`, () =>
      inGuest(guest, ['rm', '-f', half], AbortSignal.timeout(closingTime)),
    )
  }
}

/** Copies a file out of the guest; a file that is there is replaced only once all of it has come. */
export async function copyFromGuest(
  guest: Guest,
  remote: string,
  local: string,
  options: CopyOptions,
): Promise<CopyResult> {
  const { signal } = options
  const isFolder = await stat(local).then(
    info => info.isDirectory(),
    () => false,
  )
  const target = isFolder ? `${local}/${posix.basename(remote)}` : local
  const half = `${target}.infra-${randomUUID().slice(0, 8)}`
  const handle = await openGuestFile(guest, remote, 'r', signal)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    const file = await open(half, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      throw unreadable(target, error)
    })
    try {
      for (;;) {
        const part = await readGuestFile(guest, handle, signal)
        if (part.length === 0) break
        await file.writeFile(part).catch(error => {
          throw unreadable(half, error)
        })
        hash.update(part)
        bytes += part.length
        options.progress?.(bytes)
      }
    } finally {
      await file.close()
    }
    const sha256 = hash.digest('hex')
    const verified = await compare(guest, remote, { bytes, sha256 }, signal)
    await rename(half, target)
    return { from: remote, to: target, bytes, sha256, verified }
  } finally {
    await rm(half, { force: true })
    // all that was wanted of it has been read: the agent closes it when the guest ends
    await closeGuestFile(guest, handle, AbortSignal.timeout(closingTime)).catch(() => undefined)
  }
}

/** The guest's own sum where it can make one, else its size. */
async function compare(
  guest: Guest,
  path: string,
  copied: { readonly bytes: number; readonly sha256: string },
  signal: AbortSignal,
): Promise<boolean> {
  const said = await outputInGuest(guest, { command: ['sha256sum', path] }, signal)
  const sum = /^\\?([0-9a-f]{64})\b/.exec(said.output)?.[1]
  if (said.status === 0 && sum !== undefined) {
    if (sum !== copied.sha256) throw differs(path, `its sha256 is ${sum}, not ${copied.sha256}`)
    return true
  }
  const counted = await outputInGuest(guest, { command: ['sh', '-c', 'wc -c <"$1"', 'sh', path] }, signal)
  if (counted.status === 0 && Number(counted.output.trim()) !== copied.bytes)
    throw differs(path, `it has ${counted.output.trim()} bytes, not ${copied.bytes}`)
  return false
}

async function isGuestFolder(guest: Guest, path: string, signal: AbortSignal): Promise<boolean> {
  const { status } = await outputInGuest(guest, { command: ['test', '-d', path] }, signal)
  return status === 0
}

async function inGuest(
  guest: Guest,
  command: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<void> {
  const { status, errors } = await outputInGuest(guest, { command }, signal)
  if (status === 0) return
  throw new InfraError({
    kind: 'operation',
    code: 'guest-command',
    message: `${command[0]} failed in ${guest.domain.name} with ${status}`,
    ...(errors.trim() !== '' && { why: errors.trim().slice(0, 500) }),
  })
}

function unreadable(path: string, error: Error): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'local-file',
    message: `${path} cannot be used`,
    why: plainCause(error),
    hint: 'Look at the path, its permissions and the room there is. Whole folders are packed first: tar.',
  })
}

function differs(path: string, why: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'copy-differs',
    message: `${path} in the guest is not what was copied`,
    why,
    hint: 'Was it written meanwhile? Copy it again.',
  })
}

/**
 * Downloaded images, kept by the digest that their documents name. What is taken from the cache is hashed again: a file that
 * was changed or torn since is fetched anew, never used.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InfraError } from '../../../model/error.js'
import type { Clock } from '../../../model/ports.js'
import { sha256OfFile } from './digest.js'
import { type DownloadLimits, download } from './download.js'
import { type Fetch, shown } from './fetch.js'

export interface ImageSource {
  /** A local file, relative to the stack's folder. This or `url`. */
  readonly path?: string
  readonly url?: string
  readonly insecure?: boolean
  /** `sha256:…`; undefined or `none` takes the bytes as they come. */
  readonly checksum?: string
}

export interface CacheSettings {
  /** Folder of the cache. */
  readonly folder: string
  /** Folder that relative paths of sources start from. */
  readonly stackFolder: string
  readonly fetch: Fetch
  readonly clock: Clock
  readonly limits?: Partial<DownloadLimits>
}

/** A file with the bytes of a source, verified. */
export interface FetchedImage {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  /** Removes it where nothing would ever use it again (a download that has no checksum). */
  release(): Promise<void>
}

export interface ImageCache {
  fetch(source: ImageSource, signal: AbortSignal, progress: (message: string) => void): Promise<FetchedImage>
}

/** A cache in that folder. Fetching the same digest twice at once fetches it once. */
export function imageCache(settings: CacheSettings): ImageCache {
  const running = new Map<string, Promise<FetchedImage>>()
  return {
    async fetch(source, signal, progress) {
      if (source.url === undefined) return local(source, settings, signal)
      const { url } = source
      const digest = digestOf(source)
      if (digest === undefined) return unpinned(url, source, settings, signal, progress)
      // Two machines of one stack that start from one image fetch it once.
      const before = running.get(digest)
      if (before !== undefined) return before
      const fetched = pinned(url, digest, source, settings, signal, progress).finally(() =>
        running.delete(digest),
      )
      running.set(digest, fetched)
      return fetched
    },
  }
}

function digestOf(source: ImageSource): string | undefined {
  return /^sha256:([0-9a-f]{64})$/i.exec(source.checksum ?? '')?.[1]?.toLowerCase()
}

async function local(
  source: ImageSource,
  settings: CacheSettings,
  signal: AbortSignal,
): Promise<FetchedImage> {
  const given = source.path ?? ''
  const path = isAbsolute(given) ? given : resolve(settings.stackFolder, given)
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InfraError({
      kind: 'storage',
      code: 'image-unreadable',
      message: `The file ${path} cannot be read`,
      why: error.message,
      hint: 'Relative paths start from the stack’s folder.',
      cause: error,
    })
  })
  if (!info.isFile())
    throw new InfraError({
      kind: 'storage',
      code: 'image-unreadable',
      message: `${path} is no file`,
      hint: 'Name the image itself.',
    })
  const sha256 = await sha256OfFile(path, signal)
  const wanted = digestOf(source)
  if (wanted !== undefined && wanted !== sha256) throw mismatch(path, wanted, sha256)
  return { path, bytes: info.size, sha256, release: async () => undefined }
}

async function pinned(
  url: string,
  digest: string,
  source: ImageSource,
  settings: CacheSettings,
  signal: AbortSignal,
  progress: (message: string) => void,
): Promise<FetchedImage> {
  const path = join(settings.folder, `sha256-${digest}`)
  const kept = async () => undefined
  const size = await fileSize(path)
  if (size !== undefined) {
    progress(`checking the copy of ${shown(url)}`)
    if ((await sha256OfFile(path, signal)) === digest)
      return { path, bytes: size, sha256: digest, release: kept }
    await rm(path, { force: true })
  }
  await mkdir(settings.folder, { recursive: true, mode: 0o700 })
  const claim = await claimPart(path)
  try {
    await downloadTo(claim.path, url, source, settings, signal, progress)
    const real = await sha256OfFile(claim.path, signal)
    if (real !== digest) {
      await rm(claim.path, { force: true })
      throw mismatch(shown(url), digest, real)
    }
    await rename(claim.path, path)
  } finally {
    await claim.release()
  }
  return { path, bytes: (await fileSize(path)) ?? 0, sha256: digest, release: kept }
}

/** Without a checksum there is nothing to know a copy by: it is fetched each time, and not kept. */
async function unpinned(
  url: string,
  source: ImageSource,
  settings: CacheSettings,
  signal: AbortSignal,
  progress: (message: string) => void,
): Promise<FetchedImage> {
  await mkdir(settings.folder, { recursive: true, mode: 0o700 })
  const claim = await claimPart(
    join(settings.folder, `url-${createHash('sha256').update(url).digest('hex')}`),
  )
  const release = async (): Promise<void> => {
    await rm(claim.path, { force: true })
    await claim.release()
  }
  try {
    await downloadTo(claim.path, url, source, settings, signal, progress)
    const sha256 = await sha256OfFile(claim.path, signal)
    return { path: claim.path, bytes: (await fileSize(claim.path)) ?? 0, sha256, release }
  } catch (error) {
    await claim.release()
    throw error
  }
}

async function downloadTo(
  path: string,
  url: string,
  source: ImageSource,
  settings: CacheSettings,
  signal: AbortSignal,
  progress: (message: string) => void,
): Promise<void> {
  let told = settings.clock.now() - 1000
  await download({
    url,
    insecure: source.insecure === true,
    path,
    fetch: settings.fetch,
    clock: settings.clock,
    signal,
    ...(settings.limits !== undefined && { limits: settings.limits }),
    progress: (bytes, total) => {
      const now = settings.clock.now()
      if (now - told < 1000) return
      told = now
      progress(
        total === undefined
          ? `${mebibytes(bytes)} fetched`
          : `${mebibytes(bytes)} of ${mebibytes(total)} fetched, ${Math.floor((bytes / total) * 100)} %`,
      )
    },
  })
}

/**
 * The unfinished file of a download, which the next run continues. Where another process is at it now, a file of our own: two
 * writers in one would spoil both (the digest would tell, but all would be fetched again).
 */
async function claimPart(path: string): Promise<{ readonly path: string; release(): Promise<void> }> {
  const mark = `${path}.claim`
  const part = `${path}.part`
  const holder = await claimedBy(mark)
  if (holder !== undefined) {
    const own = await freePart(path)
    return { path: own, release: () => removeAll(own, `${own}.json`) }
  }
  return { path: part, release: () => removeAll(mark) }
}

/** A file beside it that nobody uses. */
async function freePart(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const own = `${path}.${process.pid}-${number}.part`
    try {
      await (await open(own, 'wx', 0o600)).close()
      return own
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** The process that holds the mark; undefined where we do now. */
async function claimedBy(mark: string): Promise<number | undefined> {
  try {
    const handle = await open(mark, 'wx', 0o600)
    await handle.writeFile(String(process.pid))
    await handle.close()
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const holder = Number(await readMark(mark))
  if (holder > 0 && isAlive(holder)) return holder
  // Its process is gone: what it fetched is ours to continue.
  await rm(mark, { force: true })
  return claimedBy(mark)
}

/** Empty where it has been let go of since, and where its process ended before it wrote its number. */
async function readMark(mark: string): Promise<string> {
  for (let turn = 0; ; turn += 1) {
    try {
      const number = await readFile(mark, 'utf8')
      if (number !== '' || turn === 20) return number
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
      throw error
    }
    // who has just made it writes its number next
    await sleep(50)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function removeAll(...paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map(path => rm(path, { force: true })))
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

function mismatch(name: string, wanted: string, real: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'checksum-mismatch',
    message: `${name} is not what its checksum says`,
    why: `expected sha256:${wanted}, found sha256:${real}`,
    hint: 'If the publisher has a new version, take its checksum; else somebody has changed the file.',
  })
}

/** A download into a file, continued where it was cut off, and tried again where that helps. */
import { type FileHandle, open, readFile, rm, writeFile } from 'node:fs/promises'
import { InfraError, messageOf } from '../../../model/error.js'
import type { Clock } from '../../../model/ports.js'
import { connectionError, type Fetch, fetchChecked, shown } from './fetch.js'

export interface DownloadRequest {
  readonly url: string
  readonly insecure: boolean
  /** Where the bytes go, as they come. What is there already is continued if the server still has the same file. */
  readonly path: string
  readonly fetch: Fetch
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Bytes so far, and of how many, where the server tells. */
  readonly progress: (bytes: number, total: number | undefined) => void
  readonly limits?: Partial<DownloadLimits>
}

export interface DownloadLimits {
  readonly answerMilliseconds: number
  /** How long nothing may come. */
  readonly idleMilliseconds: number
  readonly attempts: number
  /** Before the second attempt; it doubles with each. */
  readonly pauseMilliseconds: number
}

const usual: DownloadLimits = {
  answerMilliseconds: 30_000,
  idleMilliseconds: 60_000,
  attempts: 4,
  pauseMilliseconds: 1000,
}

/** Fetches all of it. What came so far stays in the file when it fails. */
export async function download(request: DownloadRequest): Promise<void> {
  const limits = { ...usual, ...request.limits }
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(request, limits)
    } catch (error) {
      request.signal.throwIfAborted()
      const again = error instanceof InfraError && error.kind === 'connection' && attempt < limits.attempts
      if (!again) throw error
      await request.clock.sleep(limits.pauseMilliseconds * 2 ** (attempt - 1), request.signal)
    }
  }
}

async function once(request: DownloadRequest, limits: DownloadLimits): Promise<void> {
  const mark = await readMark(request)
  const handle = await open(request.path, mark === undefined ? 'w' : 'a', 0o600)
  try {
    const have = mark === undefined ? 0 : (await handle.stat()).size
    const range: Record<string, string> =
      mark === undefined || have === 0 ? {} : { range: `bytes=${have}-`, 'if-range': mark.validator }
    const response = await fetchChecked(request.url, {
      fetch: request.fetch,
      insecure: request.insecure,
      headers: range,
      signal: request.signal,
      timeoutMilliseconds: limits.answerMilliseconds,
    })
    const start = await startOf(response, have, request)
    if (start !== have) await handle.truncate(0)
    await writeMark(request, response)
    const length = lengthOf(response)
    const total = length === undefined ? undefined : start + length
    await receive(response, handle, start, total, request, limits)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rm(markPath(request), { force: true })
}

/** Where the answer's bytes begin: at what we have, or at zero. */
async function startOf(response: Response, have: number, request: DownloadRequest): Promise<number> {
  if (response.status === 200) return 0
  const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')
  if (response.status === 206 && range !== null && Number(range[1]) === have) return have
  await response.body?.cancel()
  if (response.status === 416 || response.status === 206) {
    await rm(markPath(request), { force: true })
    throw connectionError(
      request.url,
      new Error(`what was fetched does not fit any more (HTTP ${response.status})`),
    )
  }
  const message = `${shown(request.url)} answers HTTP ${response.status}`
  if (response.status >= 500 || response.status === 429)
    throw connectionError(request.url, new Error(message))
  throw new InfraError({ kind: 'storage', code: 'download-refused', message, hint: 'Check the address.' })
}

async function receive(
  response: Response,
  handle: FileHandle,
  start: number,
  total: number | undefined,
  request: DownloadRequest,
  limits: DownloadLimits,
): Promise<void> {
  let bytes = start
  const reader = response.body?.getReader()
  if (reader === undefined) throw connectionError(request.url, new Error('the answer is empty'))
  try {
    for (;;) {
      const { done, value } = await next(reader, request, limits)
      if (done) break
      await writeAll(handle, value)
      bytes += value.length
      request.progress(bytes, total)
    }
  } catch (error) {
    // the connection may be what failed
    await reader.cancel().catch(() => undefined)
    throw error
  }
  if (total !== undefined && bytes !== total) {
    throw connectionError(request.url, new Error(`it ended after ${bytes} of ${total} bytes`))
  }
}

async function next(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  request: DownloadRequest,
  limits: DownloadLimits,
): Promise<Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          connectionError(request.url, new Error(`nothing came for ${limits.idleMilliseconds / 1000} s`)),
        ),
      limits.idleMilliseconds,
    )
  })
  try {
    return await Promise.race([reader.read(), late])
  } catch (error) {
    request.signal.throwIfAborted()
    throw error instanceof InfraError ? error : connectionError(request.url, error)
  } finally {
    clearTimeout(timer)
  }
}

/** A file system that is full may take a part: the rest is written again, and then it says so. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at).catch((error: unknown) => {
      throw new InfraError({
        kind: 'storage',
        code: 'cache-unwritable',
        message: 'The download cannot be written',
        why: messageOf(error),
        hint: 'Make room where images are cached; what was fetched already is kept.',
        cause: error,
      })
    })
    at += bytesWritten
  }
}

function lengthOf(response: Response): number | undefined {
  const text = response.headers.get('content-length')
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined
}

/** What tells that the server still has the same file: a strong ETag, or the time of its last change. */
interface Mark {
  readonly url: string
  readonly validator: string
}

function markPath(request: DownloadRequest): string {
  return `${request.path}.json`
}

async function readMark(request: DownloadRequest): Promise<Mark | undefined> {
  try {
    const mark = JSON.parse(await readFile(markPath(request), 'utf8')) as Partial<Mark>
    return mark.url === request.url && typeof mark.validator === 'string' ? (mark as Mark) : undefined
  } catch {
    // without it what is there of the download is fetched again, and never taken for whole
    return undefined
  }
}

async function writeMark(request: DownloadRequest, response: Response): Promise<void> {
  const etag = response.headers.get('etag')
  const validator = etag !== null && !etag.startsWith('W/') ? etag : response.headers.get('last-modified')
  if (validator === null) return rm(markPath(request), { force: true })
  await writeFile(markPath(request), JSON.stringify({ url: request.url, validator }), { mode: 0o600 })
}

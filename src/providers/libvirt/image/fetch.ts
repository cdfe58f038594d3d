/** One request for an image: https only, every redirect checked again, with time limits. */
import { InfraError, messageOf } from '../../../model/error.js'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface FetchOptions {
  readonly fetch: Fetch
  /** http is allowed, too: the document says so. */
  readonly insecure: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** How long the answer's head may take. */
  readonly timeoutMilliseconds: number
}

const mostRedirects = 5

/** The answer after its redirects, whatever its status. */
export async function fetchChecked(url: string, options: FetchOptions): Promise<Response> {
  let here = checkedUrl(url, options.insecure)
  for (let hops = 0; hops <= mostRedirects; hops++) {
    const response = await request(here, options)
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
    if (location === null) return response
    await response.body?.cancel()
    here = checkedUrl(new URL(location, here).href, options.insecure)
  }
  throw new InfraError({
    kind: 'storage',
    code: 'too-many-redirects',
    message: `${shown(here)} was redirected more than ${mostRedirects} times`,
  })
}

async function request(url: URL, options: FetchOptions): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new Error(`no answer within ${options.timeoutMilliseconds / 1000} s`)),
    options.timeoutMilliseconds,
  )
  try {
    return await options.fetch(url.href, {
      redirect: 'manual',
      // Bytes as they are: the digest is that of the file, not of what a compression came to.
      headers: { ...options.headers, 'accept-encoding': 'identity' },
      signal: AbortSignal.any([options.signal, late.signal]),
    })
  } catch (error) {
    options.signal.throwIfAborted()
    throw connectionError(url, late.signal.aborted ? late.signal.reason : error)
  } finally {
    clearTimeout(timer)
  }
}

function checkedUrl(text: string, insecure: boolean): URL {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new InfraError({
      kind: 'validation',
      code: 'invalid-url',
      message: 'The address of the image is no URL',
      hint: 'Write all of it: `https://…`.',
    })
  }
  if (url.username !== '' || url.password !== '') {
    throw new InfraError({
      kind: 'validation',
      code: 'url-credentials',
      message: `The address at ${url.host} holds a user name or password`,
      hint: 'Leave them out.',
    })
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && insecure)) return url
  throw new InfraError({
    kind: 'storage',
    code: 'insecure-url',
    message: `${shown(url)} is not fetched: it is not https`,
    hint: 'Use an https address; `insecure: true` in the source allows http.',
  })
}

/** Without its query, which may hold a signature. */
export function shown(url: URL | string): string {
  const { origin, pathname } = typeof url === 'string' ? new URL(url) : url
  return `${origin}${pathname}`
}

export function connectionError(url: URL | string, error: unknown): InfraError {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : ''
  return new InfraError({
    kind: 'connection',
    code: 'download-failed',
    message: `${shown(url)} could not be fetched`,
    why: `${messageOf(error)}${cause}`,
    hint: 'Check the address and the network, then apply again: what was fetched already is kept.',
    cause: error,
  })
}

/** The host cluster's API as the provider uses it: reads, lists, merge patches, deletes, with time limits and retries. */
import { KubeConfig } from '@kubernetes/client-node'
import { InfraError, messageOf } from '../../../model/error.js'
import type { Clock } from '../../../model/ports.js'
import { timeLimit } from '../../../model/time-limit.js'
import { type Asked, readAnswer, readEvent, readList, readObject, saysMissing, unfit } from './answers.js'
import { hasCode, statusError, unreachable } from './errors.js'
import type { KubeObject } from './objects.js'
import { bodyOf, openTransport } from './transport.js'

export interface HostOptions {
  /** Absolute path of the kubeconfig. */
  readonly kubeconfig: string
  /** The kubeconfig itself, in the place of the file. */
  readonly text?: string
  readonly context?: string
  readonly clock: Clock
  /** How long one attempt may take, milliseconds. */
  readonly attemptTimeout?: number
  /** How long attempts are made in all, milliseconds. */
  readonly patience?: number
}

export interface Query {
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly [key: string]: string | undefined
}

export interface Host {
  /** `lab at https://127.0.0.1:6443`. */
  readonly name: string
  readonly server: string
  readonly config: KubeConfig
  readonly kubeconfig: string
  readonly context: string
  /** The object, or undefined where there is none. */
  get<T extends KubeObject>(path: string, signal: AbortSignal): Promise<T | undefined>
  /** All objects that fit, page by page; with `metadataOnly` nothing but their metadata crosses the wire. */
  list<T extends KubeObject>(
    path: string,
    query: Query,
    signal: AbortSignal,
    metadataOnly?: boolean,
  ): Promise<readonly T[]>
  /** The version of a list, which a watch can start from. */
  version(path: string, query: Query, signal: AbortSignal): Promise<string>
  create<T extends KubeObject>(path: string, object: object, signal: AbortSignal): Promise<T>
  /** A merge patch. */
  patch<T extends KubeObject>(path: string, change: object, signal: AbortSignal): Promise<T>
  /** Deletes; nothing happens where there is none. */
  remove(path: string, signal: AbortSignal, options?: object): Promise<void>
  /** A text answer, such as `/readyz` or a log. */
  text(path: string, query: Query, signal: AbortSignal): Promise<string>
  /** A text answer as it comes; without retries. */
  stream(path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<Buffer>>
  /**
   * A watch of the objects that fit, from now on: resolves once it is open. Metadata alone crosses the wire. It ends when the
   * server has had enough, and throws when the connection breaks.
   */
  watch(path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>>
  /** The host's own wall clock, milliseconds since 1970, as its last answer told; undefined before any. */
  now(): number | undefined
  close(): void
}

export interface WatchEvent {
  /** `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`, `ERROR`. */
  readonly type: string
  /** Of an error, a Status: no metadata that says anything. */
  readonly object: KubeObject
}

const pageSize = '500'
/** More pages than any host has: a list that goes on behind them has no end. */
const mostPages = 2_000
/** Characters of one event; an object has less than 2 MiB, and its metadata much less. */
const longestEvent = 4 << 20
const json = 'application/json'
const metadataEvents = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'
const metadata = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'

/** Reads the kubeconfig; talks to nobody yet. */
export function openHost(options: HostOptions): Host {
  const config = readConfig(options)
  const cluster = config.getCurrentCluster()
  if (cluster === null || cluster === undefined)
    throw new InfraError({
      kind: 'configuration',
      code: 'no-host-cluster',
      message: `The kubeconfig ${options.kubeconfig} names no cluster${options.context === undefined ? '' : ` for context ${options.context}`}.`,
      hint: `contexts in it: ${
        config
          .getContexts()
          .map(context => context.name)
          .join(', ') || 'none'
      }`,
    })
  const transport = openTransport(config, new URL(cluster.server))
  const name = `${config.getCurrentContext()} at ${cluster.server}`
  const { clock, attemptTimeout = 15_000, patience = 60_000 } = options
  let told: { readonly host: number; readonly here: number } | undefined

  async function attempt(
    method: string,
    path: string,
    accept: string,
    body: string | undefined,
    type: string,
    signal: AbortSignal,
  ) {
    const limited = AbortSignal.any([signal, timeLimit(attemptTimeout)])
    const response = await transport.send({
      method,
      path,
      headers: { accept, 'user-agent': 'infra', ...(body !== undefined && { 'content-type': type }) },
      signal: limited,
      ...(body !== undefined && { body }),
    })
    const date = Date.parse(response.headers.date ?? '')
    if (!Number.isNaN(date)) told = { host: date, here: clock.now() }
    return {
      status: response.statusCode ?? 0,
      text: await bodyOf(response),
      after: response.headers['retry-after'],
    }
  }

  /** Tries again where the server was busy, failed or did not answer. Every call of this provider bears being sent twice. */
  async function request(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: object,
    type = json,
    accept = json,
  ) {
    const what = `${method} ${path.split('?')[0]}`
    const text = body === undefined ? undefined : JSON.stringify(body)
    let spent = 0
    let renewed = false
    for (let turn = 0; ; turn += 1) {
      const began = clock.now()
      let failure: InfraError
      let pause = Math.min(5_000, 250 * 2 ** turn)
      try {
        const answer = await attempt(method, path, accept, text, type, signal)
        if (answer.status < 400 || answer.status === 404) return answer
        failure = statusError(answer.status, answer.text, what, name)
        if (answer.status === 401 && !renewed) {
          renewed = true
          transport.forgetCredentials()
          continue
        }
        if (answer.status !== 429 && answer.status < 500) throw failure
        pause = retryAfter(answer.after) ?? pause
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (error instanceof InfraError) throw error
        failure = unreachable(
          timedOut(error) ? new Error(`no answer in ${attemptTimeout / 1000} s`) : error,
          what,
          name,
        )
        if (isTls(error)) throw failure
      }
      spent += Math.max(0, clock.now() - began) + pause
      if (spent > patience) throw failure
      // A signal of its own: many calls that wait at once are no leak of listeners.
      await clock.sleep(pause, AbortSignal.any([signal]))
    }
  }

  const asked = (method: string, path: string): Asked => ({
    what: `${method} ${path.split('?')[0]}`,
    host: name,
  })

  /** The text of an answer that must be there. */
  async function required(method: string, path: string, signal: AbortSignal, body?: object, type?: string) {
    const answer = await request(method, path, signal, body, type)
    if (answer.status === 404) throw statusError(404, answer.text, `${method} ${path}`, name)
    return answer.text
  }

  /** All pages of a list, one after the other. */
  async function pages<T extends KubeObject>(
    path: string,
    query: Query,
    signal: AbortSignal,
    metadataOnly: boolean,
  ): Promise<T[]> {
    const items: T[] = []
    let next = ''
    let count = 0
    do {
      const page = encode({ ...query, limit: pageSize, ...(next !== '' && { continue: next }) })
      const answer = await request(
        'GET',
        `${path}${page}`,
        signal,
        undefined,
        json,
        metadataOnly ? metadata : json,
      )
      if (answer.status === 404) throw statusError(404, answer.text, `GET ${path}`, name)
      const list = readList<T>(answer.text, asked('GET', path))
      for (const item of list.items ?? []) items.push(item)
      const before = next
      next = list.metadata?.continue ?? ''
      count += 1
      if (next !== '' && (next === before || count === mostPages))
        throw unfit(asked('GET', path), 'its pages have no end')
    } while (next !== '')
    return items
  }

  return {
    name,
    server: cluster.server,
    config,
    kubeconfig: options.kubeconfig,
    context: config.getCurrentContext(),
    async get<T extends KubeObject>(path: string, signal: AbortSignal) {
      const answer = await request('GET', path, signal)
      if (answer.status !== 404) return readObject<T>(answer.text, asked('GET', path))
      if (saysMissing(answer.text)) return undefined
      throw statusError(404, answer.text, `GET ${path}`, name)
    },
    async list<T extends KubeObject>(path: string, query: Query, signal: AbortSignal, metadataOnly = false) {
      for (let turn = 1; ; turn += 1) {
        try {
          return await pages<T>(path, query, signal, metadataOnly)
        } catch (error) {
          // The place between two pages is kept for a few minutes only; a list that takes longer begins anew.
          if (turn === 3 || !hasCode(error, 'host-list-expired')) throw error
        }
      }
    },
    async version(path, query, signal) {
      const url = `${path}${encode({ ...query, limit: '1' })}`
      const list = readList(await required('GET', url, signal), asked('GET', path))
      return list.metadata?.resourceVersion ?? ''
    },
    async create<T extends KubeObject>(path: string, object: object, signal: AbortSignal) {
      return readAnswer(await required('POST', path, signal, object), asked('POST', path)) as unknown as T
    },
    async patch<T extends KubeObject>(path: string, change: object, signal: AbortSignal) {
      const text = await required('PATCH', path, signal, change, 'application/merge-patch+json')
      return readObject<T>(text, asked('PATCH', path))
    },
    async remove(path, signal, how) {
      await request('DELETE', path, signal, how)
    },
    async text(path, query, signal) {
      const answer = await request('GET', `${path}${encode(query)}`, signal, undefined, json, '*/*')
      if (answer.status === 404) throw statusError(404, answer.text, `GET ${path}`, name)
      return answer.text
    },
    async stream(path, query, signal) {
      const response = await transport.send({
        method: 'GET',
        path: `${path}${encode(query)}`,
        headers: { accept: '*/*', 'user-agent': 'infra' },
        signal,
      })
      if ((response.statusCode ?? 0) >= 400)
        throw statusError(response.statusCode ?? 0, await bodyOf(response), `GET ${path}`, name)
      return response
    },
    async watch(path, query, signal) {
      const sent = transport.send({
        method: 'GET',
        path: `${path}${encode({ ...query, watch: 'true', allowWatchBookmarks: 'true' })}`,
        headers: { accept: metadataEvents, 'user-agent': 'infra' },
        signal,
      })
      const response = await sent.catch(error => {
        signal.throwIfAborted()
        throw unreachable(error, `GET ${path}`, name)
      })
      if ((response.statusCode ?? 0) >= 400)
        throw statusError(response.statusCode ?? 0, await bodyOf(response), `GET ${path}`, name)
      return eventsOf(response, asked('GET', path))
    },
    now: () => (told === undefined ? undefined : told.host + (clock.now() - told.here)),
    close: () => transport.close(),
  }
}

/** Lines of JSON, one event each. */
async function* eventsOf(chunks: AsyncIterable<Buffer>, asked: Asked): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield readEvent(line, asked)
    if (rest.length > longestEvent) throw unfit(asked, 'an event in it has no end')
  }
}

function readConfig(options: HostOptions): KubeConfig {
  const config = new KubeConfig()
  try {
    if (options.text !== undefined) config.loadFromString(options.text)
    else config.loadFromFile(options.kubeconfig)
  } catch (error) {
    throw new InfraError({
      kind: 'configuration',
      code: 'no-kubeconfig',
      message: `The kubeconfig ${options.kubeconfig} of the host cluster cannot be read.`,
      why: messageOf(error).split('\n')[0] ?? '',
      hint: 'name the file in the connection: settings.kubeconfig',
    })
  }
  if (options.context !== undefined) config.setCurrentContext(options.context)
  return config
}

function encode(query: Query): string {
  const entries = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries)}`
}

/** Milliseconds of a Retry-After header, at most half a minute. */
function retryAfter(header: string | undefined): number | undefined {
  const seconds = header === undefined ? Number.NaN : Number(header)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(30_000, seconds * 1000) : undefined
}

function timedOut(error: unknown): boolean {
  const { name, cause } = error as { name?: string; cause?: { name?: string } }
  return name === 'TimeoutError' || cause?.name === 'TimeoutError'
}

/** A certificate that does not fit will not fit next time either. */
function isTls(error: unknown): boolean {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO/.test(code)
}

/** The host cluster's API as the provider uses it: reads, lists, merge patches, deletes, with time limits and retries. */
import type { KubeConfig } from '@kubernetes/client-node'
import type { Clock } from '../../../model/ports.js'
import { type Asked, readAnswer, readEvent, readList, readObject, saysMissing, unfit } from './answers.js'
import { type ConfigOptions, hostConfig } from './config.js'
import { hasCode, statusError, unreachable } from './errors.js'
import type { KubeObject } from './objects.js'
import { json, openRequests } from './requests.js'
import { bodyOf, openTransport } from './transport.js'

export interface HostOptions extends ConfigOptions {
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
const metadataEvents = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'
const metadata = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'

/** Reads the kubeconfig; talks to nobody yet. */
export function openHost(options: HostOptions): Host {
  const { config, cluster } = hostConfig(options)
  const transport = openTransport(config, new URL(cluster.server))
  const name = `${config.getCurrentContext()} at ${cluster.server}`
  const { clock, attemptTimeout = 15_000, patience = 60_000 } = options
  const { send, now } = openRequests({ name, transport, clock, attemptTimeout, patience })

  const asked = (method: string, path: string): Asked => ({
    what: `${method} ${path.split('?')[0]}`,
    host: name,
  })

  /** The text of an answer that must be there. */
  async function required(method: string, path: string, signal: AbortSignal, body?: object, type?: string) {
    const answer = await send(method, path, signal, body, type)
    if (answer.status === 404) throw statusError(404, answer.text, `${method} ${path}`, name)
    return answer.text
  }

  /** An answer that comes bit by bit, of any length; without retries. */
  async function open(path: string, query: Query, accept: string, signal: AbortSignal) {
    const url = `${path}${encode(query)}`
    const sent = transport.send({
      method: 'GET',
      path: url,
      headers: { accept, 'user-agent': 'infra' },
      signal,
    })
    const response = await sent.catch(error => {
      signal.throwIfAborted()
      throw unreachable(error, `GET ${path}`, name)
    })
    const { statusCode: status = 0 } = response
    if (status >= 400) throw statusError(status, await bodyOf(response), `GET ${path}`, name)
    return response
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
      const answer = await send(
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
      const answer = await send('GET', path, signal)
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
      await send('DELETE', path, signal, how)
    },
    async text(path, query, signal) {
      const answer = await send('GET', `${path}${encode(query)}`, signal, undefined, json, '*/*')
      if (answer.status === 404) throw statusError(404, answer.text, `GET ${path}`, name)
      return answer.text
    },
    stream: (path, query, signal) => open(path, query, '*/*', signal),
    async watch(path, query, signal) {
      const watched = { ...query, watch: 'true', allowWatchBookmarks: 'true' }
      return eventsOf(await open(path, watched, metadataEvents, signal), asked('GET', path))
    },
    now,
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

function encode(query: Query): string {
  const entries = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries)}`
}

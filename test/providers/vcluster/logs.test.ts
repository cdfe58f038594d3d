/** A stream that ends: followed logs go on where they were, with no line lost and none twice. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { InfraError } from '../../../src/model/error.js'
import { clusterLogs } from '../../../src/providers/vcluster/acts/logs.js'
import type { Session } from '../../../src/providers/vcluster/session.js'

const labels = { app: 'vcluster', release: 'team' }
const workload = {
  metadata: { name: 'team', namespace: 'team', generation: 1, labels },
  spec: { replicas: 1, template: {} },
}
const pod = { metadata: { name: 'team-0', namespace: 'team', labels }, spec: {}, status: {} }
const line = (second: number) => `2026-01-01T00:00:0${second}.5Z line ${second}\n`

/** A session whose log is cut into these streams; an error in the place of one is a lost connection. */
function sessionOf(streams: readonly (readonly string[] | Error)[], asked: object[], ended: () => void) {
  let count = 0
  return {
    host: {
      name: 'test',
      list: async (path: string) =>
        path.endsWith('/statefulsets') ? [workload] : path.endsWith('/pods') ? [pod] : [],
      get: async (path: string) => (path.includes('/statefulsets/') ? workload : undefined),
      stream: async (_path: string, query: object) => {
        asked.push(query)
        const next = streams[count]
        count += 1
        if (count === streams.length) ended()
        if (next instanceof Error) throw next
        return Readable.from((next ?? []).map(text => Buffer.from(text))) as IncomingMessage
      },
    },
    ports: { clock: { now: () => 0, sleep: async () => undefined } },
  } as unknown as Session
}

test('a stream that ends, or is lost, is followed on', async () => {
  const ending = new AbortController()
  const asked: { sinceTime?: string; tailLines?: string }[] = []
  const written: string[] = []
  const broken = new Error('socket hang up')
  const session = sessionOf(
    [[line(1), line(2)], broken, [line(2), line(3).slice(0, 10), line(3).slice(10)], [line(4)], []],
    asked,
    () => ending.abort(),
  )
  await clusterLogs(
    session,
    { name: 'team', follow: true, tail: 2 },
    text => written.push(text),
    ending.signal,
  )
  expect(written).toEqual(['line 1', 'line 2', 'line 3', 'line 4'])
  expect(asked.map(query => query.sinceTime?.slice(17, 19))).toEqual([undefined, '02', '02', '03', '04'])
  expect(asked.map(query => query.tailLines)).toEqual(['2', ...Array(4).fill(undefined)])
})

test('without following it ends with the stream, and a lost connection is an error', async () => {
  const signal = AbortSignal.timeout(5_000)
  const written: string[] = []
  await clusterLogs(
    sessionOf([[line(1)], []], [], () => undefined),
    { name: 'team' },
    text => written.push(text),
    signal,
  )
  expect(written).toEqual(['line 1'])
  const broken = sessionOf([new Error('socket hang up'), []], [], () => undefined)
  await expect(clusterLogs(broken, { name: 'team' }, () => undefined, signal)).rejects.toMatchObject({
    code: 'host-unreachable',
    why: 'socket hang up',
  })
})

const refusal = (why: string, code = 'bad-request') =>
  new InfraError({ kind: 'operation', code, message: 'The host cluster test answered 400.', why })

test.each([
  { reason: 'a container that is not there', refused: refusal('container x is not valid for pod team-0') },
  { reason: 'an account that may not read it', refused: refusal('', 'host-forbidden') },
])('what no waiting mends is told though it follows: $reason', async ({ refused }) => {
  const session = sessionOf([refused, [line(1)]], [], () => undefined)
  const following = clusterLogs(
    session,
    { name: 'team', follow: true },
    () => undefined,
    AbortSignal.timeout(5_000),
  )
  await expect(following).rejects.toBe(refused)
})

test('a container that is about to start is waited for', async () => {
  const ending = new AbortController()
  const written: string[] = []
  const starting = refusal('container "syncer" in pod "team-0" is waiting to start: PodInitializing')
  const session = sessionOf([starting, [line(1)]], [], () => undefined)
  const write = (text: string) => {
    written.push(text)
    ending.abort()
  }
  await clusterLogs(session, { name: 'team', follow: true }, write, ending.signal)
  expect(written).toEqual(['line 1'])
})

test('lines of the very same time are all told', async () => {
  const written: string[] = []
  const same = '2026-01-01T00:00:01.5Z'
  const session = sessionOf([[`${same} one\n${same} two\n`, `${same} three\n`], []], [], () => undefined)
  await clusterLogs(session, { name: 'team' }, text => written.push(text), AbortSignal.timeout(5_000))
  expect(written).toEqual(['one', 'two', 'three'])
})

/** The host client against an API server that misbehaves. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../../src/model/node-ports.js'
import type { Clock } from '../../../../src/model/ports.js'
import { requireAccess } from '../../../../src/providers/vcluster/client/access.js'
import { type Host, openHost } from '../../../../src/providers/vcluster/client/host.js'

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

let folder: string
let server: http.Server
let answer: Answer
let calls: string[]
let slept: number[]
let host: Host

/** Time that passes at once, and is counted. */
const clock: Clock = {
  now: () => nodePorts.clock.now(),
  sleep: async (milliseconds, signal) => {
    signal?.throwIfAborted()
    slept.push(milliseconds)
  },
}
const signal = () => AbortSignal.timeout(10_000)
const reply = (
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-host-'))
  calls = []
  slept = []
  server = http.createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`)
    answer(request, response, calls.length)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  const file = join(folder, 'config')
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'c',
          cluster: {
            server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`,
            'insecure-skip-tls-verify': true,
          },
        },
      ],
      users: [{ name: 'u', user: { token: 'secret-token' } }],
      contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'test',
    }),
  )
  // An attempt has long enough for a busy machine; one that is to end without an answer says so itself
  host = openHost({ kubeconfig: file, clock, attemptTimeout: 8_000, patience: 10_000 })
})
afterEach(async () => {
  host.close()
  server.closeAllConnections()
  await new Promise<void>(resolve => server.close(() => resolve()))
  await rm(folder, { recursive: true })
})

describe('a host', () => {
  test('that hangs up on a stream is told as one that did not answer', async () => {
    answer = request => request.socket.destroy()
    await expect(host.stream('/api/v1/pods', {}, signal())).rejects.toMatchObject({
      code: 'host-unreachable',
    })
  })

  test('is asked below its prefix, with its token', async () => {
    answer = (request, response) =>
      reply(response, 200, { metadata: { name: String(request.headers.authorization) } })
    expect((await host.get('/api/v1/namespaces/a', signal()))?.metadata.name).toBe('Bearer secret-token')
    expect(calls).toEqual(['GET /prefix/api/v1/namespaces/a'])
  })

  test('that is busy is waited for as long as it says', async () => {
    answer = (_, response, count) =>
      count < 3
        ? reply(response, 429, {}, { 'retry-after': '1' })
        : reply(response, 200, { metadata: { name: 'a' } })
    expect((await host.get('/x', signal()))?.metadata.name).toBe('a')
    expect(slept).toEqual([1_000, 1_000].slice(0, slept.length))
    expect(slept).toHaveLength(2)
  })

  test.each([
    { reason: 'that stays busy', status: 429, code: 'host-busy' },
    { reason: 'that keeps failing', status: 500, code: 'host-failed' },
  ])('$reason is given up, in its own words', async ({ status, code }) => {
    answer = (_, response) => reply(response, status, { message: 'etcd is on fire' })
    await expect(host.get('/x', signal())).rejects.toMatchObject({
      kind: 'connection',
      code,
      why: 'etcd is on fire',
    })
    expect(calls.length).toBeGreaterThan(2)
    expect(calls.length).toBeLessThan(10)
  })

  test('that hangs is given up', async () => {
    answer = () => undefined
    const kubeconfig = join(folder, 'config')
    const impatient = openHost({ kubeconfig, clock, attemptTimeout: 300, patience: 1_000 })
    await expect(impatient.get('/x', signal())).rejects.toMatchObject({
      code: 'host-unreachable',
      why: 'no answer in 0.3 s',
    })
    impatient.close()
  })

  test('that nobody is at says so in the same words, whichever call was given up', async () => {
    const kubeconfig = join(folder, 'nobody')
    const port = (server.address() as AddressInfo).port
    const text = await readFile(join(folder, 'config'), 'utf8')
    // Port 9, of the service that discards: nobody is there.
    await writeFile(kubeconfig, text.replace(`127.0.0.1:${port}`, '127.0.0.1:9'))
    const nobody = openHost({ kubeconfig, clock, patience: 100 })
    const said = await Promise.all(
      ['/x', '/y'].map(path => nobody.get(path, signal()).catch(error => `${error.message} ${error.why}`)),
    )
    nobody.close()
    const words =
      'The host cluster test at http://127.0.0.1:9/prefix did not answer. connect ECONNREFUSED 127.0.0.1:9'
    expect(said).toEqual([words, words])
  })

  test('that drops a connection is asked again', async () => {
    answer = (request, response, count) =>
      count === 1 ? request.socket.destroy() : reply(response, 200, { metadata: { name: 'a' } })
    expect((await host.get('/x', signal()))?.metadata.name).toBe('a')
  })

  test('that refuses says the rule to add', async () => {
    answer = (_, response) =>
      reply(response, 403, {
        message:
          'pods is forbidden: User "u" cannot list resource "pods" in API group "" in the namespace "n"',
      })
    await expect(host.list('/x', {}, signal())).rejects.toMatchObject({
      code: 'host-forbidden',
      hint: 'add to a Role in namespace n, or a ClusterRole: { apiGroups: [""], resources: ["pods"], verbs: ["list"] }',
    })
    expect(calls).toHaveLength(1)
  })

  test.each([
    { reason: 'a conflict', body: { reason: 'Conflict' }, code: 'host-conflict' },
    { reason: 'what exists', body: { reason: 'AlreadyExists' }, code: 'host-object-exists' },
  ])('tells $reason apart', async ({ body, code }) => {
    answer = (_, response) => reply(response, 409, body)
    await expect(host.create('/x', {}, signal())).rejects.toMatchObject({ code })
  })

  test('gives lists page by page', async () => {
    answer = (request, response) => {
      const next = new URL(request.url ?? '', 'http://x').searchParams.get('continue')
      reply(
        response,
        200,
        next === null
          ? { metadata: { continue: 'more' }, items: [{ metadata: { name: 'a' } }] }
          : { metadata: {}, items: [{ metadata: { name: 'b' } }] },
      )
    }
    expect(
      (await host.list('/x', { labelSelector: 'a=b' }, signal())).map(item => item.metadata.name),
    ).toEqual(['a', 'b'])
  })

  test('an abort is an abort', async () => {
    answer = () => undefined
    const ending = new AbortController()
    setTimeout(() => ending.abort(new Error('enough')), 50)
    await expect(host.get('/x', ending.signal)).rejects.toThrow('enough')
  })

  test('tells its own time', async () => {
    answer = (_, response) =>
      reply(response, 200, { metadata: { name: 'a' } }, { date: 'Tue, 01 Jan 2030 00:00:00 GMT' })
    expect(host.now()).toBeUndefined()
    await host.get('/x', signal())
    expect(Math.abs((host.now() ?? 0) - Date.UTC(2030, 0, 1))).toBeLessThan(5_000)
  })

  test('rights that are missing are said before anything is made, as rules to add', async () => {
    answer = (request, response) => {
      let body = ''
      request.on('data', chunk => {
        body += chunk
      })
      request.on('end', () => {
        const { resource, verb } = (
          JSON.parse(body) as { spec: { resourceAttributes: { resource: string; verb: string } } }
        ).spec.resourceAttributes
        reply(response, 201, {
          metadata: { name: '' },
          status: { allowed: !(resource === 'statefulsets' && verb !== 'get') },
        })
      })
    }
    await expect(
      requireAccess(host, 'n', { namespace: true, volumes: true }, signal()),
    ).rejects.toMatchObject({
      code: 'host-access-missing',
      hint: expect.stringContaining(
        '{ apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["create", "patch", "delete", "list"] }',
      ),
    })
    expect(new Set(calls)).toEqual(
      new Set(['POST /prefix/apis/authorization.k8s.io/v1/selfsubjectaccessreviews']),
    )
  })
})

test('a list whose next page has expired begins anew, and is given up when that happens again and again', async () => {
  let gone = 1
  answer = (request, response) => {
    const next = new URL(request.url ?? '', 'http://x').searchParams.get('continue')
    if (next === null)
      reply(response, 200, { metadata: { continue: 'more' }, items: [{ metadata: { name: 'a' } }] })
    else if (gone-- > 0) reply(response, 410, { reason: 'Expired', message: 'too old' })
    else reply(response, 200, { metadata: {}, items: [{ metadata: { name: 'b' } }] })
  }
  const names = async () => (await host.list('/api/v1/pods', {}, signal())).map(one => one.metadata.name)
  expect(await names()).toEqual(['a', 'b'])
  gone = 99
  await expect(names()).rejects.toMatchObject({ code: 'host-list-expired', why: 'too old' })
})

test('a kubeconfig that is none says so without its text', () => {
  expect(() => openHost({ kubeconfig: '/nowhere', clock })).toThrowError(
    expect.objectContaining({ code: 'no-kubeconfig', why: 'There is no such file or folder.' }),
  )
})

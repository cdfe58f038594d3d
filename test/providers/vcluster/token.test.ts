/** A kubeconfig with a token that ends: from a virtual API server in the place of its certificate. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http, { type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import type { Host } from '../../../src/providers/vcluster/client/host.js'
import { openKubeconfigs } from '../../../src/providers/vcluster/kubeconfig/access.js'
import type { Found } from '../../../src/providers/vcluster/snapshot.js'

/** What the virtual API server answers: status and body. */
type Answers = (request: IncomingMessage) => readonly [number, object] | undefined

let folder: string
let server: http.Server
let answers: Answers
let asked: string[]

const status = (code: number, reason: string) => [code, { kind: 'Status', reason }] as const
const object = (request: IncomingMessage) =>
  [200, { metadata: { name: request.url?.split('/').at(-1) } }] as const

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-token-'))
  asked = []
  server = http.createServer((request, response) => {
    if (request.url === '/readyz') {
      response.end('ok')
      return
    }
    asked.push(`${request.method} ${request.url?.split('/').slice(-2).join('/')}`)
    const [code, body] = answers(request) ?? object(request)
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise<void>(resolve => server.close(() => resolve()))
  await rm(folder, { recursive: true })
})

/** The kubeconfig of cluster `team`, fetched with a token of ten minutes. */
async function refreshed() {
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const written = {
    clusters: [
      { name: 'c', cluster: { server: 'https://localhost:8443', 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { 'client-key-data': 'a certificate’s key' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  const data = { config: Buffer.from(JSON.stringify(written)).toString('base64') }
  const kubeconfigs = openKubeconfigs({
    host: { get: async () => ({ metadata: { name: 'vc-team' }, data }) } as unknown as Host,
    files: nodePorts.files,
    clock: nodePorts.clock,
    folders: { stack: folder, own: folder },
    limited: work => work(),
  })
  const spec = { kubeconfig: { server: address, tokenExpiry: '10m', path: 'team.yaml' } }
  const found = { namespace: 'team', name: 'team', pods: [] } as unknown as Found
  return kubeconfigs.refresh({ spec }, found, AbortSignal.timeout(30_000))
}

/** A server that gives this token to an account that is there. */
const giving =
  (token: string): Answers =>
  request =>
    request.url?.endsWith('/token')
      ? [201, { metadata: { name: 'infra-team' }, status: { token } }]
      : undefined

describe('a kubeconfig with a token', () => {
  test('has the token, and no key', async () => {
    answers = giving('t0ken')
    await refreshed()
    const text = await readFile(join(folder, 'team.yaml'), 'utf8')
    expect(text).toContain('token: t0ken')
    expect(text).not.toContain('key')
  })

  test('is not written without one', async () => {
    answers = giving('')
    await expect(refreshed()).rejects.toMatchObject({
      code: 'no-token',
      hint: expect.stringContaining('leave out kubeconfig.tokenExpiry'),
    })
    await expect(readFile(join(folder, 'team.yaml'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('is made of an account that somebody else was faster to make, or whose answer was lost', async () => {
    const token = giving('t0ken')
    answers = request => {
      if (request.method === 'GET') return status(404, 'NotFound')
      return token(request) ?? status(409, 'AlreadyExists')
    }
    await refreshed()
    expect(asked).toEqual([
      'GET serviceaccounts/infra-team',
      'POST kube-system/serviceaccounts',
      'GET clusterrolebindings/infra-team',
      'POST v1/clusterrolebindings',
      'POST infra-team/token',
    ])
    expect(await readFile(join(folder, 'team.yaml'), 'utf8')).toContain('token: t0ken')
  })

  test('is none where the account may not be made', async () => {
    answers = request => (request.method === 'GET' ? status(404, 'NotFound') : status(403, 'Forbidden'))
    await expect(refreshed()).rejects.toMatchObject({ code: 'host-forbidden' })
  })
})

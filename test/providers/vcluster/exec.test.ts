/** A command with the kubeconfig of a virtual cluster, which is gone afterwards however it ends. A real one is in commands/. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import { execInCluster } from '../../../src/providers/vcluster/acts/exec.js'
import type { Session } from '../../../src/providers/vcluster/session.js'

const labels = { app: 'vcluster', release: 'team' }
const workload = { metadata: { name: 'team', namespace: 'team', labels }, spec: { replicas: 1 } }

let folder: string
let server: http.Server
let kubeconfig: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-exec-'))
  // A virtual API server that answers from here
  server = http.createServer((_, response) => response.end('ok'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  kubeconfig = JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: 'x' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise<void>(resolve => server.close(() => resolve()))
  await rm(folder, { recursive: true })
})

/** Its exit status, and what it wrote. */
async function run(command: readonly string[], { replicas = 1, input = '' } = {}) {
  const session = {
    host: {
      name: 'lab',
      list: async (path: string) =>
        path.endsWith('/statefulsets') ? [{ ...workload, spec: { replicas } }] : [],
      get: async () => undefined,
    },
    kubeconfigs: { current: async () => kubeconfig },
    privateFolder: join(folder, 'own'),
    ports: nodePorts,
  } as unknown as Session
  const [out, err] = [new PassThrough(), new PassThrough()]
  const words = Promise.all([text(out), text(err)])
  const streams = { stdin: Readable.from([input]), stdout: out, stderr: err }
  try {
    const code = await execInCluster(session, { name: 'team' }, command, streams, AbortSignal.timeout(30_000))
    return { code, words: words.then(([first, second]) => ({ out: first, err: second })) }
  } finally {
    out.end()
    err.end()
    // Whatever became of it: no way is left behind
    expect(await readdir(join(folder, 'own')).catch(() => [])).toEqual([])
  }
}

describe('a command', () => {
  test('has the kubeconfig, which nobody else may read, and its three streams', async () => {
    const script = 'stat -c %a "$KUBECONFIG"; cat "$KUBECONFIG"; cat; echo wrong >&2'
    const { code, words } = await run(['sh', '-c', script], { input: 'told' })
    expect(code).toBe(0)
    expect(await words).toEqual({ out: `600\n${kubeconfig}told`, err: 'wrong\n' })
  })

  test.each([
    { reason: 'its own exit status', script: 'exit 42', code: 42 },
    { reason: 'that of a shell, where a signal ended it', script: 'kill -9 $$', code: 137 },
  ])('ends with $reason', async ({ script, code }) => {
    expect((await run(['sh', '-c', script])).code).toBe(code)
  })

  test.each([
    { reason: 'that is not there', command: ['no-such-tool'], code: 'no-such-command' },
    { reason: 'that is none', command: [], code: 'no-command' },
  ])('$reason is told', async ({ command, code }) => {
    await expect(run(command)).rejects.toMatchObject({ code })
  })

  test('is not run where the cluster is paused', async () => {
    await expect(run(['true'], { replicas: 0 })).rejects.toMatchObject({
      code: 'cluster-paused',
      hint: 'infra cluster resume team',
    })
  })
})

/** A host cluster whose API server, or what stands before it, answers with anything: lists, objects, releases, cut and torn. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http, { type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import { type Attributes, isObject, type Json } from '../../src/model/value.js'
import { manifestOf } from '../../src/providers/vcluster/helm/run.js'
import { vclusterProvider } from '../../src/providers/vcluster/index.js'
import { vclusterKinds } from '../../src/providers/vcluster/kinds/index.js'
import type { Dice } from '../sim/dice.js'
import { mutatedBytes, mutatedJson } from './mutate.js'
import { survives, tellsNoCode } from './survive.js'

const [kind] = vclusterKinds
const meta = { name: 'till', labels: {}, annotations: {} }
const spec = kind?.canonical({ namespace: 'shop' }, meta) ?? {}
const target = { address: 'VirtualCluster/till', kind: 'VirtualCluster', name: 'till', spec }

/** An object of the cluster `till` in the namespace `shop`. */
const object = (name: string, labels: Attributes, more: Attributes = {}) => ({
  metadata: { name, namespace: 'shop', uid: name, resourceVersion: '7', generation: 1, labels },
  ...more,
})
const mine = { app: 'vcluster', release: 'till', chart: 'vcluster-0.30.1' }
const base64 = (text: string) => Buffer.from(text).toString('base64')
const manifest = [
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'till' }, spec: { type: 'ClusterIP' } },
  {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vc-config-till' } },
    data: { 'config.yaml': base64('sync: {}\n') },
  },
]
  .map(one => `---\n${JSON.stringify(one)}\n`)
  .join('')
const release = {
  config: { sync: {} },
  chart: { metadata: { name: 'vcluster', version: '0.30.1' }, values: {} },
  manifest,
}
const pod = object('till-0', mine, {
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [{ name: 'syncer', ready: true, state: {}, restartCount: 0 }],
  },
})
const service = object('till', mine, {
  spec: { type: 'ClusterIP', clusterIP: '10.0.0.1', ports: [{ port: 443 }] },
})
const record = object('sh.helm.release.v1.till.v1', {
  ...{ owner: 'helm', name: 'till', version: '1', status: 'deployed', modifiedAt: '1700000000' },
})
const kubeconfig = 'clusters: [{name: c, cluster: {server: "https://localhost:8443"}}]\nusers: []\n'

/** Answers as a host with one virtual cluster gives them, by path. */
const objects: Readonly<Record<string, Json>> = {
  '/version': { gitVersion: 'v1.36.0' },
  '/api/v1/namespaces': list(object('shop', {}, { status: { phase: 'Active' } })),
  '/apis/apps/v1/statefulsets': list(
    object('till', mine, {
      spec: { replicas: 1, template: { metadata: { annotations: { vClusterConfigHash: 'a' } } } },
      status: { replicas: 1, readyReplicas: 1, observedGeneration: 1 },
    }),
  ),
  '/api/v1/pods': list(pod),
  '/api/v1/services': list(service),
  '/api/v1/persistentvolumeclaims': list(
    object('data-till-0', mine, { spec: { resources: { requests: { storage: '5Gi' } } } }),
  ),
  '/api/v1/secrets': list(
    object('vc-till', { ...mine, 'vcluster-name': 'till' }),
    record,
    object('vc-config-till', mine),
  ),
  '/api/v1/namespaces/shop/services/till': service,
  '/api/v1/namespaces/shop/secrets/vc-config-till': object('vc-config-till', mine, {
    data: { 'config.yaml': base64('sync: {a: 1}\n') },
  }),
  '/api/v1/namespaces/shop/secrets/vc-till': object('vc-till', mine, {
    data: { config: base64(kubeconfig) },
  }),
}
function list(...items: Json[]): Json {
  return { metadata: { resourceVersion: '9' }, items }
}

/** The release's Secret, whose content may be hostile inside its packing. */
function releaseSecret(dice: Dice, strange: boolean): Json {
  const content = strange && dice.chance(0.5) ? mutatedJson(release, dice) : release
  const packed = gzipSync(JSON.stringify(content)).toString('base64')
  return { ...record, data: { release: base64(packed) } }
}

/** What says nothing on whether anything is there. */
const transport: readonly ((body: Buffer, response: ServerResponse, dice: Dice) => void)[] = [
  (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in first</html>'),
  (_, response) => response.writeHead(404).end('404 page not found'),
  (_, response) => response.writeHead(404).end('default backend - 404'),
  (_, response) => response.writeHead(200).end(),
  (_, response) => response.writeHead(204).end(),
  (_, response) => response.writeHead(200).end('{}'),
  (_, response) => response.writeHead(200).end('null'),
  (_, response) => response.writeHead(302, { location: 'https://login.example.com/' }).end(),
  (body, response, dice) => response.writeHead(200).end(body.subarray(0, dice.roll(body.length))),
  (body, response, dice) => {
    response.writeHead(200, { 'content-length': body.length })
    response.write(body.subarray(0, dice.roll(body.length)), () => response.destroy())
  },
  (_, response, dice) =>
    response.writeHead(dice.pick([401, 409, 429, 500, 503]), { 'retry-after': '0' }).end('{}'),
  (_, response) => response.writeHead(200).end(JSON.stringify({ metadata: { continue: 'on' }, items: [] })),
]
const content: typeof transport = [
  (body, response, dice) =>
    response.writeHead(200).end(JSON.stringify(mutatedJson(JSON.parse(body.toString()) as Json, dice))),
  (body, response, dice) => response.writeHead(200).end(mutatedBytes(body, dice)),
]

let folder: string
let server: http.Server
let answer: (path: string, response: ServerResponse) => void
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-hostile-'))
  server = http.createServer((request, response) => answer((request.url ?? '').split('?')[0] ?? '', response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  const config = {
    clusters: [
      { name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  await writeFile(join(folder, 'config'), JSON.stringify(config))
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  await rm(folder, { recursive: true })
})

/** Time that passes at once. */
const clock = { now: () => nodePorts.clock.now(), sleep: async () => undefined }

/** Observes the cluster while some answers are strange; none of them is before `/version` was told. */
async function observed(dice: Dice, strangers: typeof transport) {
  let strange = false
  answer = (path, response) => {
    const released = path === `/api/v1/namespaces/shop/secrets/${record.metadata.name}`
    const body = Buffer.from(
      JSON.stringify(
        released ? releaseSecret(dice, strange && strangers === content) : (objects[path] ?? list()),
      ),
    )
    if (strange && dice.chance(0.15)) dice.pick(strangers)(body, response, dice)
    else response.writeHead(200).end(body)
  }
  const connection = {
    ...{ name: 'lab', type: 'vcluster', folder, stateFolder: join(folder, '.infra') },
    settings: { kubeconfig: join(folder, 'config'), patience: '1s' },
  }
  const { signal } = new AbortController()
  const provider = await vclusterProvider.open(connection, { ...nodePorts, clock }, signal)
  try {
    strange = true
    const seen = (await provider.observe([target], signal)).get(target.address)
    if (seen === undefined) throw new Error('nothing is said of it')
    if (seen.status === 'unreadable') tellsNoCode(seen.why)
    await provider.unmanaged?.([], signal)
    return seen
  } finally {
    await provider.close()
  }
}

const calm = { chance: () => false } as unknown as Dice

describe('a hostile host cluster', () => {
  it('is read as it is where nothing is strange', async () => {
    const seen = await observed(calm, [])
    expect(seen).toMatchObject({
      status: 'present',
      facts: { phase: 'Running', server: 'https://localhost:8443' },
    })
    expect(isObject(seen as unknown as Json) && seen.status === 'present' && seen.spec.handChanges).toContain(
      'config',
    )
  })

  it('whose answers have another content', () => survives(dice => observed(dice, content), 60), 600_000)

  it('whose answers are no answers: it is read as it is, or not at all', async () => {
    const plain = await observed(calm, [])
    await survives(async dice => {
      const seen = await observed(dice, transport)
      if (seen.status !== 'unreadable' && !isDeepStrictEqual(seen, plain))
        throw new Error(`it was taken for another:\n${JSON.stringify(seen)}`)
    }, 60)
  }, 600_000)

  it('what helm prints', () =>
    survives(dice => {
      const printed = Buffer.from(JSON.stringify({ name: 'till', manifest }))
      manifestOf(mutatedBytes(printed, dice).toString('utf8'), { binary: 'helm', version: '3.21.4' })
      manifestOf(JSON.stringify(mutatedJson({ name: 'till', manifest }, dice)), {
        binary: 'helm',
        version: '3',
      })
    }))
})

// 200 virtual clusters of one host observed, against the bare list calls of the same objects in the same run: 1.5 is the goal.
// The host is an API server alone: the objects are real, the pods only say that they run. By hand, after a build:
//
//   node test/bench/vcluster.mjs
//
// It brings up a host of its own (test/lab/kubernetes/lab.sh up-api) and takes it away again.
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import '../lab/typescript-loader.mjs'

const { nodePorts } = await import('../../src/model/node-ports.ts')
const { openVclusterSession, vclusterProvider } = await import('../../src/providers/vcluster/index.ts')
const { vclusterKinds } = await import('../../src/providers/vcluster/kinds/index.ts')
const { writeKubeconfig } = await import('../../src/providers/vcluster/kubeconfig/store.ts')
const { recordApplied } = await import('../../src/providers/vcluster/workload.ts')
const { readOne } = await import('../../src/providers/vcluster/ready.ts')

const count = Number(process.argv[2] ?? 200)
const rounds = 7
const atOnce = 10
const run = '/var/tmp/infra-kubernetes-bench'
const script = new URL('../lab/kubernetes/lab.sh', import.meta.url).pathname
const lab = verb =>
  execFileSync('bash', [script, verb], { env: { ...process.env, LAB_RUN: run, LAB_PORT: '6660' } })
    .toString()
    .trim()
const say = text => process.stdout.write(`${text}\n`)
const signal = AbortSignal.timeout(1_800_000)
const folder = await mkdtemp(join(tmpdir(), 'infra-bench-'))

lab('clean')
lab('up-api')
try {
  const connection = {
    name: 'bench',
    type: 'vcluster',
    settings: { kubeconfig: `${run}/admin.kubeconfig`, helm: `${lab('cache-dir')}/bin/helm` },
    folder,
    stateFolder: join(folder, '.infra'),
  }
  const provider = await vclusterProvider.open(connection, nodePorts, signal)
  const session = openVclusterSession(connection, nodePorts)
  const kubeconfig = JSON.stringify({
    clusters: [
      { name: 'c', cluster: { server: 'https://10.0.0.1', 'certificate-authority-data': 'A'.repeat(1500) } },
    ],
    users: [{ name: 'u', user: { token: 'x'.repeat(1000) } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })

  const target = name => ({
    address: `VirtualCluster/${name}`,
    kind: 'VirtualCluster',
    name,
    spec: vclusterKinds[0].canonical(
      { chart: { path: lab('chart') }, ttl: '2h', readinessTimeout: '1s' },
      { name, labels: {}, annotations: {} },
    ),
  })
  const names = Array.from({ length: count }, (_, n) => `c-${n}`)
  const targets = names.map(target)

  async function make(one) {
    const { name } = one
    const namespace = `vcluster-${name}`
    const place = { namespace, name }
    const request = {
      ...one,
      identity: { uuid: name },
      owner: { lineage: 'bench', address: one.address },
      labels: {},
    }
    await provider.create(request, { signal, keep: async () => {}, progress: () => {} }).catch(error => {
      if (error.code !== 'cluster-not-ready') throw error
    })
    const { host } = session
    const base = `/api/v1/namespaces/${namespace}`
    const pod = {
      metadata: { name: `${name}-0`, labels: { app: 'vcluster', release: name } },
      spec: {
        automountServiceAccountToken: false,
        containers: [{ name: 'syncer', image: 'lab.local/busybox:1' }],
      },
    }
    await host.create(`${base}/serviceaccounts`, { metadata: { name: 'default' } }, signal)
    await host.create(`${base}/pods`, pod, signal)
    const ready = { conditions: [{ type: 'Ready', status: 'True' }], phase: 'Running' }
    await host.patch(`${base}/pods/${name}-0/status`, { status: ready }, signal)
    const counts = { replicas: 1, readyReplicas: 1, updatedReplicas: 1 }
    await host.patch(
      `/apis/apps/v1/namespaces/${namespace}/statefulsets/${name}/status`,
      { status: counts },
      signal,
    )
    const data = { config: Buffer.from(kubeconfig).toString('base64') }
    const labels = { app: 'vcluster', 'vcluster-name': name }
    await host.create(`${base}/secrets`, { metadata: { name: `vc-${name}`, labels }, data }, signal)
    await recordApplied(session, one.spec, place, true, signal)
  }
  async function forAll(work) {
    const queue = [...targets]
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let one = queue.shift(); one !== undefined; one = queue.shift()) await work(one)
      }),
    )
  }
  const began = performance.now()
  await forAll(make)
  say(
    `${count} virtual clusters made in ${((performance.now() - began) / 1000).toFixed(0)} s, ${atOnce} at once`,
  )

  // The lists that an observation makes, and nothing around them: no paging, no judging.
  const options = {}
  await session.host.config.applyToHTTPSOptions(options)
  const agent = new https.Agent({
    ca: options.ca,
    cert: options.cert,
    key: options.key,
    keepAlive: true,
    maxSockets: 16,
  })
  const get = (path, accept) =>
    new Promise((resolve, reject) => {
      https
        .get(`https://127.0.0.1:6660${path}`, { agent, headers: { accept } }, response => {
          const chunks = []
          response.on('data', chunk => chunks.push(chunk))
          response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))))
        })
        .on('error', reject)
    })
  const full = 'application/json'
  const metadata = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
  const ours = 'labelSelector=app%3Dvcluster'
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const lists = [
    [`/apis/apps/v1/statefulsets?${ours}`, full],
    [`/apis/apps/v1/deployments?${ours}`, full],
    [`/api/v1/pods?${ours}`, full],
    [`/api/v1/services?${ours}`, full],
    [`/api/v1/persistentvolumeclaims?${ours}`, full],
    [`/api/v1/secrets?${ours}`, metadata],
    [`/api/v1/serviceaccounts?${ours}`, metadata],
    [`${rbac}/roles?${ours}`, metadata],
    [`${rbac}/rolebindings?${ours}`, metadata],
    ['/api/v1/secrets?labelSelector=owner%3Dhelm', metadata],
    ['/api/v1/namespaces', full],
  ]
  const bare = () => Promise.all(lists.map(([path, accept]) => get(path, accept)))

  async function observe() {
    const seen = await provider.observe(targets, signal)
    for (const [address, one] of seen)
      if (one.status !== 'present' || one.spec.handChanges !== 'none' || one.facts.phase !== 'Running')
        throw new Error(`${address}: ${JSON.stringify(one).slice(0, 500)}`)
  }
  const timed = async work => {
    const start = performance.now()
    await work()
    return performance.now() - start
  }
  const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
  async function compare(what) {
    const mine = []
    const theirs = []
    await observe()
    await bare()
    for (let round = 0; round < rounds; round++) {
      // In turns, so that neither always comes first.
      const both = [async () => mine.push(await timed(observe)), async () => theirs.push(await timed(bare))]
      for (const work of round % 2 ? both.reverse() : both) await work()
    }
    say(
      `${count} virtual clusters observed, ${what}: infra ${median(mine).toFixed(0)} ms, bare lists ${median(theirs).toFixed(0)} ms, ratio ${(median(mine) / median(theirs)).toFixed(2)}`,
    )
  }
  say(`the first look, which reads ${count} kubeconfigs: ${(await timed(observe)).toFixed(0)} ms`)
  await compare('kubeconfigs in memory')
  await forAll(async one => {
    const found = await readOne(session, { namespace: `vcluster-${one.name}`, name: one.name }, signal)
    const place = session.kubeconfigs.place(one, found.namespace, one.name)
    await writeKubeconfig(nodePorts.files, nodePorts.clock, place, kubeconfig, found.workload.metadata.uid)
  })
  await compare('kubeconfigs in files')
  agent.destroy()
  session.host.close()
  await provider.close()
} finally {
  lab('clean')
  await rm(folder, { recursive: true, force: true })
}
process.exit(0)

// Ten real virtual clusters made at once by `infra plan` and `infra apply`, proved with kubectl and helm, and destroyed; then as many
// by a bare loop of helm and kubectl, in the same run. By hand, after a build:
//
//   node test/bench/vcluster-real.mjs 10
//
// It brings up a host of its own (test/lab/kubernetes/lab.sh up) and takes it away again. Ten need 6 GiB of memory. Seconds are the
// wall's; processor time is that of infra, helm and kubectl, without the clusters' own, which is many times as much for either.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import '../lab/typescript-loader.mjs'
import { measure } from './measure.mjs'

const { kubernetesLab } = await import('../lab/kubernetes.ts')

const run = promisify(execFile)
const count = Number(process.argv[2] ?? 10)
const infra = fileURLToPath(new URL('../../bin/infra', import.meta.url))
const say = text => process.stdout.write(`${text}\n`)
const minutes = 60
const timeoutSeconds = 40 * minutes

const host = await kubernetesLab()
if ('skip' in host) throw new Error(host.skip)
const folder = await mkdtemp(join(tmpdir(), 'infra-bench-'))
const env = { PATH: `${host.bin}:${process.env.PATH}`, KUBECONFIG: host.kubeconfig }
const seconds = ({ wall, cpu }) =>
  `${wall.toFixed(1)} s${cpu === undefined ? '' : ` (processor: ${cpu.toFixed(1)} s)`}`

const script = join(folder, 'bare')
const values = join(folder, 'values.yaml')
await writeFile(values, stringify(host.values))
// Waits by watches alone: a poll by kubectl is a tenth of a second of a processor
await writeFile(
  script,
  `set -eu
each() { for n in $NAMES; do "$@" & pids="\${pids:-} $!"; done; for p in $pids; do wait $p; done; pids=; }
make() { helm install $n "$CHART" -n vcluster-$n --create-namespace -f "$VALUES" >"$OUT/$n.log"; }
ready() {
  kubectl -n vcluster-$n wait --for=create secret/vc-$n pod/$n-0 --timeout=30m >"$OUT/$n.log"
  kubectl -n vcluster-$n wait --for=condition=Ready pod/$n-0 --timeout=30m >"$OUT/$n.log"
  address=$(kubectl -n vcluster-$n get service $n -o 'jsonpath={.spec.clusterIP}')
  kubectl -n vcluster-$n get secret vc-$n -o 'jsonpath={.data.config}' | base64 -d | sed "s,https://localhost:8443,https://$address," >"$OUT/$n"
  until kubectl --kubeconfig "$OUT/$n" get --raw /readyz >"$OUT/$n.log" 2>&1; do sleep .5; done
}
gone() { helm uninstall $n -n vcluster-$n >"$OUT/$n.log"; kubectl delete namespace vcluster-$n >"$OUT/$n.log"; }
case $1 in make) each make; each ready ;; delete) each gone ;; esac
`,
)
const bare = (verb, names) =>
  measure('bash', [script, verb], {
    env: { ...env, NAMES: names.join(' '), CHART: host.chart, VALUES: values, OUT: folder },
    timeoutSeconds,
  })

const stack = join(folder, 'stack')
const names = Array.from({ length: count }, (_, n) => `many-${n}`)
await mkdir(stack)
await writeFile(
  join(stack, 'stack.yaml'),
  [
    {
      ...{ apiVersion: 'infra/v1', kind: 'Stack', metadata: { name: 'bench' } },
      spec: { providers: { vcluster: { kubeconfig: host.kubeconfig, helm: join(host.bin, 'helm') } } },
    },
    ...names.map(name => ({
      ...{ apiVersion: 'infra/v1', kind: 'VirtualCluster', metadata: { name } },
      spec: { chart: { path: host.chart }, ttl: '2h', readinessTimeout: '30m', values: host.values },
    })),
  ]
    .map(one => stringify(one))
    .join('---\n'),
)
const asked = { env, cwd: folder, timeoutSeconds }
const json = async (...args) =>
  JSON.parse((await run(infra, [...args, '--json'], { cwd: folder, env: { ...process.env, ...env } })).stdout)

/** That each is there: for infra, for kubectl through the kubeconfig that infra wrote, and for helm. */
async function prove() {
  const { clusters } = await json('cluster', 'list', '-s', stack)
  const releases = await host.helmJson('list', '-A')
  await Promise.all(
    names.map(async name => {
      const listed = clusters.find(one => one.name === name)
      const release = releases.find(one => one.name === name && one.namespace === `vcluster-${name}`)
      const { path } = await json('cluster', 'kubeconfig', name, '-s', stack)
      const inside = (...args) => host.kubectl('--kubeconfig', path, ...args)
      const found = {
        phase: listed?.phase,
        release: release?.status,
        readyz: await inside('get', '--raw', '/readyz'),
        pod: await host.kubectl('-n', `vcluster-${name}`, 'wait', '--for=condition=Ready', `pod/${name}-0`),
      }
      await inside('create', 'configmap', `of-${name}`)
      const own = await inside('get', 'configmaps', '-o', 'name')
      const others = names.filter(one => one !== name && own.includes(`configmap/of-${one}\n`))
      if (
        found.phase !== 'Running' ||
        found.release !== 'deployed' ||
        found.readyz !== 'ok' ||
        others.length > 0
      )
        throw new Error(`${name}: ${JSON.stringify({ ...found, others })}`)
    }),
  )
  const { steps } = await json('plan', stack)
  if (steps.length > 0) throw new Error(`a second plan has ${steps.length} steps`)
}

async function proveGone() {
  const spaces = await host.kubectl('get', 'namespaces', '-o', 'name')
  const releases = await host.helmJson('list', '-A')
  if (spaces.includes('vcluster-many') || releases.length > 0) throw new Error(`left: ${spaces}`)
}

try {
  // What is read from the disk is read once for both
  bare('make', ['first'])
  bare('delete', ['first'])

  const planned = measure(infra, ['plan', stack, '--out', join(folder, 'plan.json')], asked)
  const applied = measure(infra, ['apply', '--plan', join(folder, 'plan.json'), '--yes'], asked)
  await prove()
  const destroyed = measure(infra, ['destroy', stack, '--yes'], asked)
  await proveGone()
  const others = names.map(name => name.replace('many', 'bare'))
  const made = bare('make', others)
  const deleted = bare('delete', others)
  say(`${count} real virtual clusters at once`)
  say(`  plan     infra ${seconds(planned)}`)
  say(
    `  make     infra ${seconds(applied)}, helm and kubectl ${seconds(made)}, ratio ${(applied.wall / made.wall).toFixed(2)}`,
  )
  say(`  delete   infra ${seconds(destroyed)}, volumes kept; helm and kubectl ${seconds(deleted)}`)
} finally {
  await host.clean()
  await rm(folder, { recursive: true, force: true })
}

/**
 * A real Kubernetes host for tests, made by lab/kubernetes/lab.sh: whole, with a kubelet that runs real pods, or the API server
 * alone. A machine that cannot run one skips, with the reason; with CI=true it fails.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { begun, lastWords } from './begun.js'
import { own, ownerNow } from './owner.js'

const run = promisify(execFile)
const script = fileURLToPath(new URL('./kubernetes/lab.sh', import.meta.url))

export interface KubernetesLab {
  /** The host's kubeconfig, of an administrator. */
  readonly kubeconfig: string
  /** The host's API server, `https://127.0.0.1:6443`. */
  readonly server: string
  /** Folder of the vCluster chart. */
  readonly chart: string
  /** Values that make the chart use the lab's images. */
  readonly values: { readonly [key: string]: unknown }
  /** Folder of helm, vclusterctl and kubectl. */
  readonly bin: string
  /** Standard output; rejects with what the program said. */
  kubectl(...args: readonly string[]): Promise<string>
  kubectlJson<T>(...args: readonly string[]): Promise<T>
  /** `kubectl apply -f -` of this object. */
  apply(object: object): Promise<void>
  helm(...args: readonly string[]): Promise<string>
  helmJson<T>(...args: readonly string[]): Promise<T>
  vclusterctl(...args: readonly string[]): Promise<string>
  /** SIGKILL of the API server; `start` brings it back. `pause` lets it hang, `continue` ends that. */
  apiServer(fault: 'kill' | 'start' | 'pause' | 'continue'): Promise<void>
  /** Ends it, leaving nothing. */
  clean(): Promise<void>
}

/**
 * The lab's images, which are there and cannot be pulled, and a start that takes half of a processor's work: no CoreDNS (there is no
 * image of it), of the controllers only those without which nothing starts, a database that does not wait for the disk, and fewer
 * turns of the garbage collector. The life of a cluster, test/providers/vcluster/life.suite.ts, is with the chart's own defaults.
 */
const labValues = {
  controlPlane: {
    statefulSet: {
      image: { repository: 'loft-sh/vcluster-oss' },
      probes: {
        // A cluster is looked at every six seconds by default until it is up: half of that, at each of many starts
        startupProbe: { periodSeconds: 1 },
        // And every second, twice, from then on: as many handshakes as there are clusters
        readinessProbe: { periodSeconds: 5 },
        livenessProbe: { periodSeconds: 20 },
      },
      env: [{ name: 'GOGC', value: '400' }],
    },
    coredns: { enabled: false },
    backingStore: {
      database: {
        embedded: {
          dataSource:
            'sqlite:///data/state.db?_journal=WAL&_synchronous=OFF&cache=shared&_busy_timeout=30000&_txlock=immediate',
        },
      },
    },
    distro: {
      k8s: {
        enabled: true,
        imagePullPolicy: 'Never',
        apiServer: { extraArgs: ['--enable-priority-and-fairness=false'] },
        controllerManager: {
          extraArgs: [
            '--controllers=serviceaccount-controller,serviceaccount-token-controller,root-ca-certificate-publisher-controller,namespace-controller',
            '--leader-elect=false',
          ],
        },
      },
    },
  },
  telemetry: { enabled: false },
}

export interface KubernetesLabOptions {
  /** No kubelet, no pods: a host of its own on this port and the two next. One a test file. */
  readonly apiOnly?: { readonly port: number }
  /** A metrics server, too, of the host that is whole. It tells of a pod some twenty seconds after the pod has begun. */
  readonly metrics?: true
}

export async function kubernetesLab(
  options: KubernetesLabOptions = {},
): Promise<KubernetesLab | { readonly skip: string }> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return unavailable('a Kubernetes of its own needs Linux and root')
  const port = options.apiOnly?.port ?? 6443
  const folder = `/var/tmp/infra-lab-kubernetes-${options.apiOnly === undefined ? 'tests' : port}`
  const env: NodeJS.ProcessEnv = { ...process.env, LAB_PORT: String(port), LAB_RUN: folder }
  const lab = async (...args: readonly string[]) =>
    (await run('bash', [script, ...args], { env, maxBuffer: 64 << 20 })).stdout.trim()
  const cache = await lab('cache-dir')
  if (!existsSync(`${cache}/bin/vclusterctl`) && (await hasNoGo()))
    return unavailable('nothing is built yet, and there is no Go to build it with')
  try {
    await letGo(folder)
    await begun('Kubernetes', async () => {
      // What a killed run left behind goes first.
      await lab('clean')
      await lab(options.apiOnly === undefined ? 'up' : 'up-api')
      if (options.metrics) await lab('up-metrics')
    })
    own(folder)
  } catch (error) {
    await lab('clean').catch(() => '')
    return unavailable(lastWords(error))
  }
  const kubeconfig = `${folder}/admin.kubeconfig`
  const bin = `${cache}/bin`
  const tool =
    (name: string) =>
    async (...args: readonly string[]): Promise<string> => {
      const path = `${bin}:${process.env.PATH ?? ''}`
      return (
        await run(name, [...args], {
          // The vcluster tool refuses a folder whose name holds its own.
          cwd: '/',
          env: { ...process.env, PATH: path, KUBECONFIG: kubeconfig },
          maxBuffer: 64 << 20,
        })
      ).stdout
    }
  const kubectl = tool('kubectl')
  const helm = tool('helm')
  return {
    kubeconfig,
    server: `https://127.0.0.1:${port}`,
    chart: await lab('chart'),
    values: labValues,
    bin,
    kubectl,
    kubectlJson: async <T>(...args: readonly string[]) =>
      JSON.parse(await kubectl(...args, '-o', 'json')) as T,
    apply: async object => {
      const child = run('kubectl', ['apply', '-f', '-'], {
        env: { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}`, KUBECONFIG: kubeconfig },
      })
      child.child.stdin?.end(JSON.stringify(object))
      await child
    },
    helm,
    helmJson: async <T>(...args: readonly string[]) => JSON.parse(await helm(...args, '-o', 'json')) as T,
    vclusterctl: tool('vclusterctl'),
    apiServer: async fault => {
      await lab(`${fault}-apiserver`)
    },
    clean: async () => {
      await lab('clean')
    },
  }
}

/** A machine has room for one such lab: another run that is using it is waited for. */
async function letGo(folder: string): Promise<void> {
  while (![undefined, process.pid].includes(ownerNow(folder))) await sleep(2_000)
}

async function hasNoGo(): Promise<boolean> {
  return run('go', ['version']).then(
    () => false,
    () => true,
  )
}

function unavailable(skip: string): { readonly skip: string } {
  if (process.env.CI === 'true') throw new Error(`no lab of Kubernetes: ${skip}`)
  return { skip }
}

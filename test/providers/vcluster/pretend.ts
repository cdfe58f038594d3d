/** Clusters on a host without pods that look ready all the same: the test writes what a kubelet and a syncer would. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { nodePorts } from '../../../src/model/node-ports.js'
import { type Host, openHost } from '../../../src/providers/vcluster/client/host.js'
import type { Workload } from '../../../src/providers/vcluster/client/objects.js'
import { paths } from '../../../src/providers/vcluster/client/paths.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'

export interface Pretence {
  /** Ends it, and fails with what went wrong meanwhile. */
  end(): Promise<void>
}

/**
 * Until it is ended, each virtual cluster on the host looks as one whose pods start and stop at once: it has a pod that is
 * ready, or none while it has no replicas, and a kubeconfig whose virtual API server is the host's own. `only` names the
 * namespaces in which.
 */
export function pretendKubelet(lab: KubernetesLab, only: readonly string[]): Pretence {
  const ending = new AbortController()
  const host = openHost({ kubeconfig: lab.kubeconfig, clock: nodePorts.clock })
  const running = (async () => {
    const config = await readFile(lab.kubeconfig, 'utf8')
    const seen = new Map<string, string>()
    while (!ending.signal.aborted) {
      for (const [kind, all, path] of [
        ['StatefulSet', paths.all.statefulSets, paths.statefulSets],
        ['Deployment', paths.all.deployments, paths.deployments],
      ] as const) {
        for (const workload of await host.list<Workload>(
          all,
          { labelSelector: 'app=vcluster' },
          ending.signal,
        )) {
          const { uid = '', generation, namespace = '', name } = workload.metadata
          if (!only.includes(namespace) || seen.get(uid) === String(generation)) continue
          const own = path(namespace, name)
          await live(host, { kind, path: own, workload, config }, ending.signal)
          seen.set(uid, String(generation))
        }
      }
      await sleep(200)
    }
  })()
  // Told where it is ended
  running.catch(() => undefined)
  return {
    async end() {
      ending.abort()
      await running.catch(error => {
        if (error !== ending.signal.reason) throw error
      })
      host.close()
    },
  }
}

interface Living {
  readonly kind: string
  readonly path: string
  readonly workload: Workload
  readonly config: string
}

/** Brings pod, kubeconfig and status to what the workload asks for. What is gone meanwhile needs none. */
async function live(host: Host, { kind, path, workload, config }: Living, signal: AbortSignal) {
  const { namespace = '', name, uid = '', generation } = workload.metadata
  const pod = paths.pods(namespace, `${name}-0`)
  const replicas = workload.spec.replicas ?? 1
  const tell = (object: string, status: object) => host.patch(`${object}/status`, { status }, signal)
  try {
    if (replicas === 0) await host.remove(pod, signal)
    else {
      const owner = { apiVersion: 'apps/v1', kind, name, uid }
      const labels = { app: 'vcluster', release: name }
      await made(host, paths.pods, namespace, signal, {
        kind: 'Pod',
        metadata: { name: `${name}-0`, labels, ownerReferences: [owner] },
        spec: { serviceAccountName: `vc-${name}`, containers: [{ name: 'syncer', image: 'none' }] },
      })
      await made(host, paths.secrets, namespace, signal, {
        kind: 'Secret',
        metadata: { name: `vc-${name}`, ownerReferences: [owner] },
        stringData: { config },
      })
      await tell(pod, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] })
    }
    const all = { replicas, readyReplicas: replicas, updatedReplicas: replicas }
    await tell(path, { observedGeneration: generation, ...all })
  } catch (error) {
    if ((await host.get(path, signal)) !== undefined) throw error
  }
}

async function made(
  host: Host,
  place: (namespace: string, name?: string) => string,
  namespace: string,
  signal: AbortSignal,
  object: {
    readonly metadata: { readonly name: string; readonly [key: string]: unknown }
    readonly [key: string]: unknown
  },
) {
  if ((await host.get(place(namespace, object.metadata.name), signal)) === undefined)
    await host.create(place(namespace), { apiVersion: 'v1', ...object }, signal)
}

/** What the look finds, as soon as it finds something; its errors mean that nothing is there yet. */
export async function appears<T>(look: () => Promise<T>): Promise<T> {
  for (;;) {
    const seen = await look().catch(() => undefined)
    if (seen !== undefined) return seen
    await sleep(100)
  }
}

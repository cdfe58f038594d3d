/** Clusters on a host without pods that look ready all the same: the test writes what a kubelet and a syncer would. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubernetesLab } from '../../lab/kubernetes.js'

/**
 * Waits for the workload of a cluster, and lets it look ready: a pod that is, and a kubeconfig whose virtual API server is the
 * host's own.
 */
export async function pretendReady(host: KubernetesLab, namespace: string, name: string): Promise<void> {
  const place = ['-n', namespace] as const
  const workload = await appears(() =>
    host.kubectlJson<{ metadata: { generation: number } }>(...place, 'get', 'statefulset', name),
  )
  const pod = `${name}-0`
  await host.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod, namespace, labels: { app: 'vcluster', release: name } },
    spec: { serviceAccountName: `vc-${name}`, containers: [{ name: 'syncer', image: 'none' }] },
  })
  await host.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `vc-${name}`, namespace },
    stringData: { config: await readFile(host.kubeconfig, 'utf8') },
  })
  const status = (resource: string, object: string, value: object) => {
    const patch = JSON.stringify({ status: value })
    return host.kubectl(
      ...place,
      'patch',
      resource,
      object,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    )
  }
  await status('pod', pod, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] })
  const { generation } = workload.metadata
  const replicas = { replicas: 1, readyReplicas: 1, updatedReplicas: 1 }
  await status('statefulset', name, { observedGeneration: generation, ...replicas })
}

/** Takes the pod away, as a controller would once the cluster is paused or deleted. */
export async function pretendStopped(host: KubernetesLab, namespace: string, name: string): Promise<void> {
  await host.kubectl('-n', namespace, 'delete', 'pod', `${name}-0`)
}

/** What the look finds, as soon as it finds something; its errors mean that nothing is there yet. */
export async function appears<T>(look: () => Promise<T>): Promise<T> {
  for (;;) {
    const seen = await look().catch(() => undefined)
    if (seen !== undefined) return seen
    await sleep(100)
  }
}

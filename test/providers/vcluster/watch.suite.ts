/** What a host cluster tells of virtual clusters as it happens, without a pod: objects alone. */
import { afterEach, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import type { Hint, Target } from '../../../src/providers/provider.js'
import { vclusterProvider } from '../../../src/providers/vcluster/index.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'

const workload = (name: string, replicas: number) => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name, namespace: 'default', labels: { app: 'vcluster', release: name } },
  spec: {
    replicas,
    serviceName: name,
    selector: { matchLabels: { app: 'vcluster', release: name } },
    template: {
      metadata: { labels: { app: 'vcluster', release: name } },
      spec: { containers: [{ name: 'syncer', image: 'none' }] },
    },
  },
})
const release = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: `sh.helm.release.v1.${name}.v1`,
    namespace: 'default',
    labels: { owner: 'helm', name, version: '1', status: 'deployed' },
  },
  stringData: { release: 'a-secret-of-helm' },
})
const target = (namespace: string): Target => ({
  address: 'VirtualCluster/pen',
  kind: 'VirtualCluster',
  name: 'pen',
  spec: { namespace },
})

/** Registers the suite. The host, an API server alone, is its own: it is killed and paused. */
export function watch(host: KubernetesLab): void {
  describe.sequential('the watch of a host cluster', () => {
    let end = async () => {}
    afterEach(() => end())

    async function listen() {
      const ending = new AbortController()
      const connection = {
        name: 'lab',
        type: 'vcluster',
        settings: { kubeconfig: host.kubeconfig, timeout: '5s', patience: '5s' },
        folder: '/nowhere',
        stateFolder: '/nowhere',
      }
      const provider = await vclusterProvider.open(connection, nodePorts, ending.signal)
      const hints = await provider.watch?.(ending.signal)
      const heard: Hint[] = []
      let failure: unknown
      const listening = (async () => {
        for await (const hint of hints ?? []) heard.push(hint)
      })().catch(error => {
        failure = error
      })
      end = async () => {
        ending.abort()
        await listening
        await provider.close()
      }
      const until = async (holds: () => boolean, seconds = 60) => {
        for (let turn = 0; turn < seconds * 20 && !holds(); turn += 1) await nodePorts.clock.sleep(50)
        expect(holds(), JSON.stringify(heard.map(one => one.what))).toBe(true)
      }
      return { heard, until, failure: () => failure }
    }

    test('tells of workloads, services and releases, each for its namespace, and of nothing before', async () => {
      await host.apply(workload('before', 0))
      const { heard, until } = await listen()
      await host.apply(workload('pen', 0))
      await until(() => heard.some(one => one.what === 'statefulsets default/pen added'))
      await host.kubectl('scale', 'statefulset/pen', '--replicas=1')
      await until(() => heard.some(one => one.what === 'statefulsets default/pen modified'))
      await host.apply(release('pen'))
      await until(() => heard.some(one => one.what === 'secrets default/sh.helm.release.v1.pen.v1 added'))
      await host.kubectl('delete', 'statefulset/pen', '--wait=false')
      await until(() => heard.some(one => one.what.startsWith('statefulsets default/pen')))
      expect(heard.every(one => one.touches(target('default')) && !one.touches(target('elsewhere')))).toBe(
        true,
      )
      expect(heard.map(one => one.what).join()).not.toContain('before')
      // Metadata alone crosses the wire, and none of it is a secret
      expect(JSON.stringify(heard)).not.toContain('a-secret-of-helm')
    })

    test('ends with an error when the API server is lost, and when it hangs', async () => {
      for (const [fault, mend] of [
        ['kill', 'start'],
        ['pause', 'continue'],
      ] as const) {
        const { until, failure } = await listen()
        await host.apiServer(fault)
        try {
          await until(() => failure() !== undefined, 120)
          expect(failure()).toMatchObject({ kind: 'connection' })
        } finally {
          await host.apiServer(mend)
        }
        await end()
      }
    })

    test('ends quietly with its signal', async () => {
      const { failure } = await listen()
      await end()
      expect(failure()).toBeUndefined()
    })
  })
}

/** The provider's contract, kept on a host without pods; test/providers/vcluster/life.suite.ts brings a volume back. */

import { describe } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Kind } from '../../../src/providers/kind.js'
import { vclusterKinds } from '../../../src/providers/vcluster/kinds/index.js'
import { conformance } from '../../conformance/suite.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { pretendKubelet } from './pretend.js'
import { openWorld } from './world.js'

/** Registers the suite. The host is an API server alone. */
export function contract(host: KubernetesLab): void {
  describe.sequential('contract', () =>
    conformance('vCluster', async () => {
      const world = await openWorld(host)
      const pretence = pretendKubelet(host, ['vcluster-held'])
      const spec = {
        chart: { path: host.chart },
        // There is nothing here that would make a volume
        values: { controlPlane: { statefulSet: { persistence: { volumeClaim: { enabled: false } } } } },
        kubeconfig: { server: host.server },
        ttl: '2h',
        readinessTimeout: '3m',
      } as Attributes
      return {
        provider: world.provider,
        samples: [
          {
            kind: vclusterKinds[0] as Kind,
            name: 'held',
            spec,
            // A change of values starts the cluster again: that is in its life
            changed: { ...spec, ttl: '3h' },
            seconds: 180,
          },
        ],
        exists: async sample =>
          (await host.vclusterctl('list', '--driver', 'helm', '--output', 'json')).includes(
            `"${sample.name}"`,
          ),
        dispose: async () => {
          await pretence.end()
          await world.close()
        },
      }
    }))
}

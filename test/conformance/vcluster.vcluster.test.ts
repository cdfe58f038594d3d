import { describe } from 'vitest'
import type { Attributes } from '../../src/model/value.js'
import type { Kind } from '../../src/providers/kind.js'
import { vclusterKinds } from '../../src/providers/vcluster/kinds/index.js'
import { type KubernetesLab, kubernetesLab } from '../lab/kubernetes.js'
import { openWorld } from '../providers/vcluster/world.js'
import { conformance } from './suite.js'

const lab = await kubernetesLab()

describe.skipIf('skip' in lab)(`vCluster ${'skip' in lab ? lab.skip : ''}`, () => {
  conformance('vCluster', async () => {
    const host = lab as KubernetesLab
    const world = await openWorld(host)
    const spec = {
      chart: { path: host.chart },
      values: host.values as Attributes,
      ttl: '2h',
      readinessTimeout: '3m',
    }
    return {
      provider: world.provider,
      samples: [
        {
          kind: vclusterKinds[0] as Kind,
          name: 'held',
          spec,
          changed: { ...spec, ttl: '3h', values: { ...spec.values, logging: { encoding: 'json' } } },
          seconds: 180,
        },
      ],
      exists: async sample =>
        (await host.vclusterctl('list', '--driver', 'helm', '--output', 'json')).includes(`"${sample.name}"`),
      dispose: async () => {
        await world.close()
        await host.clean()
      },
    }
  })
})

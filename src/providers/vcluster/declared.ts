/** The attributes that a document declares, as they really are. */
import { type Attributes, isObject } from '../../model/value.js'
import type { Target } from '../provider.js'
import type { Namespace } from './client/objects.js'
import { foreignValues } from './hand-changes.js'
import type { ReleaseContent } from './helm/release.js'
import { canonicalSpec } from './kinds/canonical.js'
import { lower } from './kinds/shortcuts.js'
import { type Values, valueAt } from './kinds/tree.js'
import { marks, replicasBefore } from './marks.js'
import type { Found } from './snapshot.js'
import { chartVersion, madeFor } from './told.js'

/** The declared attributes as they are. Without a change since the last apply they are the recorded ones. */
export function specOf(
  target: Target,
  found: Found,
  release: ReleaseContent | undefined,
  space: Namespace | undefined,
  handMade: readonly string[],
): Attributes {
  const { workload } = found
  const meta = { name: found.name, labels: {}, annotations: {} }
  const given = lower(target.spec)
  const read = release === undefined ? undefined : canonicalSpec({ values: release.values }, meta)
  const kept = read ?? target.spec
  const foreign = [
    ...(release === undefined ? [] : foreignValues(given, release.values as Values)),
    ...handMade,
  ]
  const { replicas: _replicas, kubeconfig: _kubeconfig, chart: _chart, ...rest } = kept
  const replicas = workload?.spec.replicas === 0 ? replicasBefore(workload) : workload?.spec.replicas
  const claim = found.claims.find(one => one.metadata.name === `data-${found.name}-0`)
  const size = claim?.spec.resources?.requests?.storage
  const server = valueAt(kept, ['kubeconfig', 'server'])
  const version = chartVersion(found)
  return {
    ...rest,
    ...(target.spec.hostCluster !== undefined && { hostCluster: target.spec.hostCluster }),
    namespace: found.namespace,
    createNamespace: madeFor(space, found.name) !== undefined,
    chart: {
      ...(isObject(target.spec.chart) ? target.spec.chart : {}),
      ...(version !== undefined && { version }),
    },
    ...(replicas !== undefined && { replicas }),
    ...(isObject(kept.storage) && { storage: { ...kept.storage, ...(size !== undefined && { size }) } }),
    ttl: workload?.metadata.annotations?.[marks.ttl] ?? 'none',
    paused: workload?.spec.replicas === 0,
    kubeconfig: {
      ...(isObject(target.spec.kubeconfig) ? withoutServer(target.spec.kubeconfig) : {}),
      ...(server !== undefined && { server }),
    },
    readinessTimeout: target.spec.readinessTimeout ?? '5m',
    handChanges: foreign.length === 0 ? 'none' : foreign.join('; '),
  }
}

function withoutServer(kubeconfig: Attributes): Attributes {
  const { server: _, ...rest } = kubeconfig
  return rest
}

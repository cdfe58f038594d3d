/** What infra knows of virtual clusters without asking any. */
import type { Attributes } from '../../../model/value.js'
import type { Deletion, Kind } from '../../kind.js'
import { canonicalSpec } from './canonical.js'
import { changes } from './changes.js'
import { checkSpec } from './check.js'
import { virtualClusterSchema } from './schema.js'
import { valueAt } from './tree.js'

const virtualCluster: Kind = {
  kind: 'VirtualCluster',
  provider: 'vcluster',
  summary: 'A virtual Kubernetes cluster (vCluster), installed as a Helm release in a host cluster',
  get schema() {
    return virtualClusterSchema()
  },
  keyedLists: {},
  fileLists: ['valuesFiles'],
  sensitive: [
    'values.controlPlane.backingStore.database.external.dataSource',
    'values.platform.apiKey',
    'kubeconfigContent',
  ],
  facts: {
    phase: '`Pending`, `Running`, `Paused`, `Failed` or `Terminating`',
    server: 'Address of its API server, as its kubeconfig has it',
    kubeconfigPath: 'The file that holds its kubeconfig on this machine',
    kubeconfigContent: 'The kubeconfig itself: a secret',
    version: 'Version of Kubernetes in it',
    chartVersion: 'Version of the chart that is installed',
    revision: 'Revision of the Helm release',
    createdAt: 'When the host cluster made it (UTC, ISO 8601)',
    expiresAt: 'When its time to live ends (UTC, ISO 8601)',
  },
  told: ({ expiresAt }) => (typeof expiresAt === 'string' ? `lives until ${expiresAt}` : undefined),
  changes,
  canonical: canonicalSpec,
  check: checkSpec,
  connection: spec => (typeof spec.hostCluster === 'string' ? spec.hostCluster : undefined),
  deletion,
}

/** Its volume is kept until the checkpoint is pruned; without a volume its objects are gone for good. */
function deletion(spec: Attributes): Deletion {
  const claim =
    spec.backingStore === 'etcd'
      ? [
          'controlPlane',
          'backingStore',
          'etcd',
          'deploy',
          'statefulSet',
          'persistence',
          'volumeClaim',
          'enabled',
        ]
      : ['controlPlane', 'statefulSet', 'persistence', 'volumeClaim', 'enabled']
  const external = spec.backingStore === 'external-database' || spec.backingStore === 'external-etcd'
  if (external || valueAt(spec.values, claim) !== false) return { hazards: ['deletes-data'], undo: 'restore' }
  return { hazards: ['deletes-data', 'irreversible'], undo: 'none' }
}

export const vclusterKinds: readonly Kind[] = [virtualCluster]

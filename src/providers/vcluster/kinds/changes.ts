/** How a change of a VirtualCluster can be met. The values that the chart or vCluster refuses are named with why. */
import { type Json, sameValue } from '../../../model/value.js'
import type { ChangeRule } from '../../kind.js'
import { amountOf } from './quantity.js'
import { valueAt } from './tree.js'

const newCluster = ['deletes-data', 'interrupts-service'] as const
const restart = {
  how: 'live',
  why: 'the control plane starts anew; what runs in the cluster goes on',
  hazards: ['interrupts-service'],
} as const

/** A path that only a new cluster can have otherwise, also where a whole object above it comes, goes or changes. */
function forLife(path: string, why: string): ChangeRule[] {
  const keys = path.split('.')
  const above = keys.slice(1).map((_, index) => keys.slice(0, index + 1))
  return [
    { path, how: 'replace', why, hazards: newCluster },
    ...above.reverse().map((prefix): ChangeRule => {
      const rest = keys.slice(prefix.length)
      return {
        path: prefix.join('.'),
        when: {
          text: `${rest.join('.')} in it changes`,
          holds: (from, to) => !sameValue(valueAt(from, rest), valueAt(to, rest)),
        },
        how: 'replace',
        why,
        hazards: newCluster,
      }
    }),
  ]
}

export const changes: readonly ChangeRule[] = [
  {
    path: 'hostCluster',
    how: 'replace',
    why: 'a virtual cluster cannot move to another host cluster',
    hazards: newCluster,
  },
  {
    path: 'namespace',
    how: 'replace',
    why: 'a Helm release cannot move to another namespace',
    hazards: newCluster,
  },
  {
    path: 'backingStore',
    how: 'replace',
    why: 'vCluster does not move objects between stores',
    hazards: newCluster,
  },
  ...forLife('values.controlPlane.backingStore', 'vCluster does not move objects between stores'),
  ...forLife('sync.toHost.namespaces', 'vCluster refuses a change of sync.toHost.namespaces'),
  ...forLife('values.sync.toHost.namespaces', 'vCluster refuses a change of sync.toHost.namespaces'),
  ...forLife('values.privateNodes', 'vCluster refuses a change of how private nodes are joined'),
  {
    path: 'storage.size',
    when: { text: 'it becomes smaller', holds: (from, to) => bytes(to) < bytes(from) },
    how: 'refuse',
    why: 'Kubernetes cannot make a volume claim smaller',
    hint: 'keep the size, or make a new cluster beside it and move over',
  },
  {
    ...restart,
    path: 'storage.size',
    why: 'the claim is expanded, where its storage class allows that, and the control plane starts anew',
  },
  {
    path: 'storage.class',
    how: 'replace',
    why: 'the class of a volume claim cannot change',
    hazards: newCluster,
  },
  ...forLife(
    'values.controlPlane.statefulSet.persistence',
    'the volume claims of a StatefulSet cannot change',
  ),
  {
    path: 'kubernetesVersion',
    when: { text: 'the minor version becomes lower', holds: (from, to) => minor(to) < minor(from) },
    how: 'refuse',
    // One that did not come up goes back to the revision before: its objects were not converted yet.
    forwardOnly: true,
    why: 'Kubernetes cannot be downgraded',
    hint: 'restore a backup that was made with the older version',
  },
  {
    path: 'kubernetesVersion',
    when: { text: 'it skips a minor version', holds: (from, to) => minor(to) > minor(from) + 1 },
    how: 'refuse',
    forwardOnly: true,
    why: 'Kubernetes is upgraded one minor version at a time',
    hint: 'go by way of each version in between',
  },
  { ...restart, path: 'kubernetesVersion' },
  { ...restart, path: 'chart' },
  { ...restart, path: 'values' },
  { ...restart, path: 'valuesFiles' },
  { ...restart, path: 'replicas' },
  { ...restart, path: 'resources' },
  { ...restart, path: 'expose' },
  { ...restart, path: 'sync' },
  { ...restart, path: 'kubeconfig.server' },
  { path: 'kubeconfig', how: 'live' },
  {
    path: 'createNamespace',
    when: { text: 'it becomes true', holds: (_, to) => to === true },
    how: 'refuse',
    forwardOnly: true,
    why: 'infra did not make the namespace, and would remove it with all that others have in it',
    hint: 'say createNamespace: false',
  },
  { path: 'createNamespace', how: 'live' },
  { path: 'ttl', how: 'live' },
  {
    path: 'paused',
    when: { text: 'it becomes true', holds: (_, to) => to === true },
    how: 'live',
    why: 'its control plane and its pods stop',
    hazards: ['interrupts-service'],
  },
  { path: 'paused', how: 'live' },
  { path: 'readinessTimeout', how: 'live' },
  { path: 'handChanges', how: 'live', why: 'the release is applied again', hazards: ['interrupts-service'] },
]

/** Bytes of a size such as `5Gi`; not a number where it is not known. */
function bytes(value: Json | undefined): number {
  return typeof value === 'string' ? amountOf(value) : Number.NaN
}

/** `v1.36.0` is 136; majors count for a hundred minors. Not a number where it is not known. */
function minor(value: Json | undefined): number {
  const match = typeof value === 'string' ? /^v?(\d+)\.(\d+)/.exec(value) : null
  return match === null ? Number.NaN : Number(match[1]) * 100 + Number(match[2])
}

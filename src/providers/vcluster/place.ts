/** Where a virtual cluster is in its host: the namespace and the name of its release, its workload and its service. */
import type { Target } from '../provider.js'

export interface Place {
  readonly namespace: string
  readonly name: string
}

/** Where a target is, or is to be. */
export function placeOf(target: Pick<Target, 'identity' | 'name' | 'spec'>): Place {
  return {
    namespace: target.identity?.namespace ?? String(target.spec.namespace),
    name: target.identity?.name ?? target.name,
  }
}

/** `NAMESPACE/NAME`, one a host. */
export const keyOf = ({ namespace, name }: Place): string => `${namespace}/${name}`

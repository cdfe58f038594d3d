/** What systems below would say of specs, found without asking them: the values of charts that are at hand. */
import type { Inspect } from '../stack/load.js'

/** An inspection of all kinds that have one. What it needs is loaded only for stacks that have such a resource. */
export function inspectWith(environment: Readonly<Record<string, string | undefined>>): Inspect {
  return async stack => {
    const clusters = [...stack.resources.values()].filter(one => one.kind === 'VirtualCluster' && one.managed)
    if (clusters.length === 0) return []
    const { inspectValues } = await import('./chart-values.js')
    return inspectValues(clusters, stack.folder, environment)
  }
}

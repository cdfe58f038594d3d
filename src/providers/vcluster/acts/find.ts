/** The cluster that a command names. */
import { InfraError } from '../../../model/error.js'
import { keyOf } from '../place.js'
import type { Session } from '../session.js'
import { type Found, takeSnapshot } from '../snapshot.js'

/** A cluster by name, or by `namespace/name`. Fails with those that are there. */
export async function findCluster(
  session: Session,
  name: string,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const snapshot = await takeSnapshot(
    session.host,
    new Set(namespace === undefined ? [] : [namespace]),
    signal,
  )
  const all = [...snapshot.clusters.values()].filter(found => found.workload !== undefined)
  const found = all.filter(
    one => one.name === name && (namespace === undefined || one.namespace === namespace),
  )
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const names = (found.length > 0 ? found : all).map(keyOf).sort()
  throw new InfraError({
    kind: 'configuration',
    code: found.length > 1 ? 'ambiguous-cluster' : 'no-such-cluster',
    message:
      found.length > 1
        ? `There are ${found.length} virtual clusters ${name} in ${session.host.name}.`
        : `There is no virtual cluster ${name} in ${session.host.name}.`,
    hint:
      names.length === 0
        ? 'there are none'
        : `${found.length > 1 ? 'say which with --namespace' : 'there are'}: ${names.join(', ')}`,
  })
}

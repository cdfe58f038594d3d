/** Putting off the end of a virtual cluster. */
import { InfraError } from '../../../model/error.js'
import type { Workload } from '../client/objects.js'
import { safeNow, timeLeft } from '../expiry.js'
import { marks } from '../marks.js'
import { workloadPath } from '../release.js'
import type { Session } from '../session.js'
import type { ClusterChoice } from './connect.js'
import { findCluster } from './find.js'

/** Adds so many seconds to what is left; from now, where nothing is. Resolves to the new end (UTC, ISO 8601), read back. */
export async function extendCluster(
  session: Session,
  choice: ClusterChoice,
  seconds: number,
  signal: AbortSignal,
): Promise<string> {
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  const clocks = { host: session.host.now(), here: session.ports.clock.now() }
  const before = found.workload?.metadata.annotations?.[marks.expiresAt]
  const left = timeLeft(before, clocks)
  if (left === undefined)
    throw new InfraError({
      kind: 'operation',
      code: 'no-expiry',
      message: `The virtual cluster ${choice.name} has no time to live that could be extended.`,
      hint: 'set spec.ttl in its document',
    })
  const from =
    left > 0 && before !== undefined
      ? Date.parse(before)
      : safeNow({ ...clocks, here: clocks.host ?? clocks.here })
  const end = new Date(from + seconds * 1000).toISOString()
  const changed = await session.host.patch<Workload>(
    workloadPath(found),
    { metadata: { annotations: { [marks.expiresAt]: end } } },
    signal,
  )
  const seen = changed.metadata.annotations?.[marks.expiresAt]
  if (seen !== end)
    throw new InfraError({
      kind: 'operation',
      code: 'not-extended',
      message: `The end of ${choice.name} did not change.`,
      why: `it is ${seen ?? 'gone'}`,
    })
  return end
}

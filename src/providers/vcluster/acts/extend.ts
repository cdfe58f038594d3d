/** Putting off the end of a virtual cluster. */
import { InfraError } from '../../../model/error.js'
import type { Workload } from '../client/objects.js'
import { timeLeft } from '../expiry.js'
import { marks } from '../marks.js'
import type { Session } from '../session.js'
import type { Found } from '../snapshot.js'
import { workloadPath } from '../workload.js'
import type { ClusterChoice } from './connect.js'
import { findCluster } from './find.js'
import type { Begin, ExtendAct } from './journaled.js'

/** Adds so many seconds to what is left; from now, where nothing is. Resolves to the new end (UTC, ISO 8601), read back. */
export async function extendCluster(
  session: Session,
  choice: ClusterChoice,
  seconds: number,
  begin: Begin,
  signal: AbortSignal,
): Promise<string> {
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  const clocks = { host: session.host.now(), here: session.ports.clock.now() }
  const before = found.workload?.metadata.annotations?.[marks.expiresAt]
  const left = timeLeft(before, clocks)
  if (left === undefined || before === undefined)
    throw new InfraError({
      kind: 'operation',
      code: 'no-expiry',
      message: `The virtual cluster ${choice.name} has no time to live that could be extended.`,
      hint: 'set spec.ttl in its document',
    })
  const from = left > 0 ? Date.parse(before) : (clocks.host ?? clocks.here)
  const end = new Date(from + seconds * 1000).toISOString()
  const { name, namespace } = found
  const ended = await begin({ verb: 'extend', name, namespace, from: before, to: end })
  await setEnd(session, found, end, signal)
  ended()
  return end
}

/**
 * Settles one that was cut off: the end becomes what it was to be, or what it was before. Resolves to the end that is there: one
 * that is neither is somebody else's, and stays.
 */
export async function settleExtend(
  session: Session,
  { name, namespace, from, to }: ExtendAct,
  direction: 'forward' | 'back',
  signal: AbortSignal,
): Promise<string> {
  const found = await findCluster(session, name, namespace, signal)
  const now = found.workload?.metadata.annotations?.[marks.expiresAt]
  const wanted = direction === 'forward' ? to : from
  if (now !== from && now !== to) return now ?? 'none'
  if (now !== wanted) await setEnd(session, found, wanted, signal)
  return wanted
}

async function setEnd(session: Session, found: Found, end: string, signal: AbortSignal): Promise<void> {
  const changed = await session.host.patch<Workload>(
    workloadPath(found),
    { metadata: { annotations: { [marks.expiresAt]: end } } },
    signal,
  )
  const seen = changed.metadata.annotations?.[marks.expiresAt]
  if (seen === end) return
  throw new InfraError({
    kind: 'operation',
    code: 'not-extended',
    message: `The end of ${found.name} did not change.`,
    why: `it is ${seen ?? 'gone'}`,
  })
}

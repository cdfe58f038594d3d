/** Making a virtual cluster: namespace, kept volumes, release, marks; then waiting until it answers. */
import type { Call, CreateRequest } from '../provider.js'
import { ensureNamespace } from './namespace.js'
import { isPaused, setPaused } from './pause.js'
import { placeOf } from './place.js'
import { readOne, waitReady } from './ready.js'
import { bringRelease } from './release.js'
import type { Session } from './session.js'
import { asKept, bringBack, releaseMarks } from './volumes.js'
import { markWorkload, recordApplied } from './workload.js'

/**
 * Makes it, or finishes one that a create began: called again, it makes no second. Resolves once the cluster is ready and has answered.
 * Fails with `namespace-taken`, `namespace-occupied`, `cluster-not-ready` and the errors of helm and of the host.
 */
export async function create(session: Session, request: CreateRequest, call: Call): Promise<void> {
  const { signal, progress } = call
  const place = placeOf(request)
  const make = request.spec.createNamespace !== false
  await session.helm(signal)
  await session.requireAccess(place.namespace, make, signal)
  const { spec } = request
  const kept = asKept(request.restore)

  await ensureNamespace(
    session,
    { ...place, make, owner: request.owner, identity: request.identity, labels: request.labels },
    progress,
    signal,
  )
  if (kept !== undefined) {
    progress('taking back its volume')
    await bringBack(session, kept, signal)
  }
  await bringRelease(session, request, spec, place, progress, signal)
  await markWorkload(session, request, place, await readOne(session, place, signal), signal)
  await recordApplied(session, spec, place, false, signal)
  // A cluster that is to be paused is started all the same: only a running one writes its kubeconfig and proves itself.
  const { workload } = await readOne(session, place, signal)
  if (workload !== undefined && isPaused(workload)) await setPaused(session, place, false, signal)
  await waitReady(session, request, place, progress, signal)
  if (request.spec.paused === true) await setPaused(session, place, true, signal)
  if (kept !== undefined) await releaseMarks(session, kept, signal)
  await recordApplied(session, spec, place, true, signal)
}

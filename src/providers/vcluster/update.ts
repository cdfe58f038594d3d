/** Changing a virtual cluster in place: time to live and pause by marks, everything else by its Helm release. */
import { isObject } from '../../model/value.js'
import type { Call, UpdateRequest } from '../provider.js'
import type { Namespace } from './client/objects.js'
import { paths } from './client/paths.js'
import { growStorage } from './grow.js'
import { labelNames, marks, ownerOf } from './marks.js'
import { labelNamespace } from './namespace.js'
import { isPaused, setPaused } from './pause.js'
import { type Place, placeOf } from './place.js'
import { lookReady, readOne, waitReady } from './ready.js'
import { bringRelease } from './release.js'
import type { Session } from './session.js'
import { markWorkload, recordApplied } from './workload.js'

/** Fields that a release knows nothing of. */
const beside = new Set(['ttl', 'paused', 'readinessTimeout', 'createNamespace', 'hostCluster'])

/**
 * Brings what is there to the spec of the request, as far as its changes say that something moves. Resolves once the cluster is ready
 * again, or paused; at once where one of somebody else is taken over unchanged. Fails with `volume-cannot-grow`, `cluster-not-ready` and the errors of helm and of the host.
 */
export async function update(session: Session, request: UpdateRequest, call: Call): Promise<void> {
  const { signal, progress } = call
  const place = placeOf(request)
  const make = request.spec.createNamespace !== false
  await session.requireAccess(place.namespace, make, signal)
  const { spec } = request
  const paths_ = request.changes.map(change => change.path)
  const releaseMoves = paths_.some(path => !beside.has(path.split(/[.[]/)[0] ?? '') && !isLocal(path))
  const wanted = request.spec.paused === true

  if (paths_.some(path => path === 'storage' || path === 'storage.size') && isObject(request.spec.storage))
    await growStorage(session, place, String(request.spec.storage.size), signal)
  if (releaseMoves) await bringRelease(session, request, spec, place, progress, signal)
  await markNamespace(session, request, place, make, signal)
  const found = await readOne(session, place, signal)
  const owner = ownerOf(found.workload)
  await markWorkload(session, request, place, found, signal)
  const ours = owner?.address === request.owner.address && owner.lineage === request.owner.lineage
  if (request.changes.length === 0 && !ours) {
    // It is taken over as it is, also where it is paused, or has never been ready: that is for who looks after it.
    const proven = wanted || !(await lookReady(session, request, place, signal)).ready ? undefined : true
    await recordApplied(session, spec, place, proven, signal)
    return
  }
  // Helm gives a paused cluster its replicas back; so the wanted state is set after it, whatever it was before.
  const { workload } = await readOne(session, place, signal)
  if (wanted) {
    progress('pausing')
    await setPaused(session, place, true, signal)
  } else {
    if (workload !== undefined && isPaused(workload)) await setPaused(session, place, false, signal)
    await waitReady(session, request, place, progress, signal)
  }
  await removeMoved(session, request, place)
  await recordApplied(session, spec, place, true, signal)
}

/** A kubeconfig that is kept elsewhere from now on is not left behind at its old path. */
async function removeMoved(
  { kubeconfigs }: Session,
  { from, spec }: UpdateRequest,
  { namespace, name }: Place,
): Promise<void> {
  const [before, now] = [from, spec].map(one => kubeconfigs.place({ spec: one }, namespace, name).path)
  if (before !== now) await kubeconfigs.remove({ spec: from }, namespace, name)
}

/** The file on this machine only. */
function isLocal(path: string): boolean {
  return path.startsWith('kubeconfig') && path !== 'kubeconfig.server' && path !== 'kubeconfig'
}

async function markNamespace(
  session: Session,
  request: UpdateRequest,
  place: Place,
  make: boolean,
  signal: AbortSignal,
) {
  const space = await session.host.get<Namespace>(paths.namespace(place.namespace), signal)
  if (space === undefined) return
  const made = space.metadata.annotations?.[marks.made] === place.name
  if (make)
    await labelNamespace(
      session,
      { ...place, make, owner: request.owner, identity: request.identity, labels: request.labels },
      labelNames(space),
      signal,
    )
  else if (made)
    await session.host.patch(
      paths.namespace(place.namespace),
      {
        metadata: {
          labels: { [marks.lineage]: null },
          annotations: { [marks.made]: null, [marks.address]: null, [marks.identity]: null },
        },
      },
      signal,
    )
}

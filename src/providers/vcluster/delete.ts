/** Deleting a virtual cluster so that it can come back: its volumes are kept, everything else goes. */
import { InfraError } from '../../model/error.js'
import type { Json } from '../../model/value.js'
import type { Call, DeleteRequest } from '../provider.js'
import type { KubeObject } from './client/objects.js'
import { paths } from './client/paths.js'
import { revisionsOf, settle } from './helm/release.js'
import { uninstall } from './helm/run.js'
import { paused as pauseMarks } from './marks.js'
import { removeNamespace } from './namespace.js'
import { setPaused } from './pause.js'
import { type Place, placeOf } from './place.js'
import { readOne } from './ready.js'
import type { Session } from './session.js'
import { claimsOf, planKeep, retain } from './volumes.js'

/** What the virtual cluster makes in its namespace, beside its release. */
const synced = ['pods', 'services', 'endpoints', 'configmaps', 'secrets', 'persistentvolumeclaims'] as const

/**
 * Takes it away: what its volumes hold is given to `keep` first. Succeeds where nothing is there. Fails with `cluster-protected`,
 * `volume-not-kept`, `namespace-stuck` and `cluster-not-gone`.
 */
export async function remove(session: Session, request: DeleteRequest, call: Call): Promise<void> {
  const { signal, progress } = call
  const place = placeOf(request)
  const { namespace, name } = place
  const [found, revisions, claims] = await Promise.all([
    readOne(session, place, signal),
    revisionsOf(session.host, place, signal),
    claimsOf(session, namespace, name, signal),
  ])
  const there = found.workload !== undefined || revisions.length > 0 || claims.length > 0
  if (there) {
    await session.requireAccess(namespace, request.spec.createNamespace !== false, signal)
    refuseProtected(found.workload, name)
    const helm = await session.helm(signal)
    await settle(session.host, place, session.ports.clock, progress, signal)

    const { kept, already } = await planKeep(session, namespace, name, request.trash, signal)
    // Cut off earlier, some of the claims may be gone by now: what was kept then is all of it, and the last that is kept counts.
    if (kept.volumes.length > 0 && !already) {
      await call.keep(kept as unknown as Json)
      await retain(session, kept, signal)
    }
    // The writer ends before its volume is let go.
    if (found.workload !== undefined && found.workload.metadata.annotations?.[pauseMarks.flag] !== 'true')
      await setPaused(session, place, true, signal).catch(error => {
        signal.throwIfAborted()
        progress(error instanceof Error ? error.message : String(error))
      })
    progress('helm uninstall')
    await uninstall(helm, session.host, place, signal)
  }
  const gone = await removeNamespace(session, namespace, name, progress, signal)
  if (!gone) {
    if (there) await removeLeftovers(session, place, signal)
    await requireGone(session, place, signal)
  }
  await session.kubeconfigs.remove(request, namespace, name)
}

/** A namespace that stays is left as it was found: without what the virtual cluster made in it, and without its claims. */
async function removeLeftovers(session: Session, place: Place, signal: AbortSignal): Promise<void> {
  const { host } = session
  const { namespace, name } = place
  const selectors = [
    `vcluster.loft.sh/managed-by=${name}`,
    `vcluster.loft.sh/belongs-to=${name}`,
    `app=vcluster,vcluster-name=${name}`,
    `app=vcluster,release=${name}`,
    `app=vcluster-etcd,release=${name}`,
  ]
  await Promise.all(
    synced.flatMap(plural =>
      selectors.map(async labelSelector => {
        const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${plural}`
        const objects = await host.list<KubeObject>(path, { labelSelector }, signal, true)
        await Promise.all(
          objects.map(object => host.remove(`${path}/${encodeURIComponent(object.metadata.name)}`, signal)),
        )
      }),
    ),
  )
}

/** Reads back that nothing of it is left in a namespace that stays. */
async function requireGone(session: Session, place: Place, signal: AbortSignal): Promise<void> {
  const { clock } = session.ports
  for (let turn = 0; ; turn += 1) {
    const [found, claims, workloads] = await Promise.all([
      readOne(session, place, signal),
      claimsOf(session, place.namespace, place.name, signal),
      session.host.list<KubeObject>(
        paths.pods(place.namespace),
        { labelSelector: `vcluster.loft.sh/managed-by=${place.name}` },
        signal,
        true,
      ),
    ])
    const left = [found.workload, found.service, ...found.pods, ...claims, ...workloads].filter(
      object => object !== undefined,
    )
    if (left.length === 0) return
    if (turn > 60)
      throw new InfraError({
        kind: 'operation',
        code: 'cluster-not-gone',
        message: `Objects of ${place.name} do not go away in namespace ${place.namespace}.`,
        why: left
          .map(
            object =>
              `${object.metadata.name}${(object.metadata.finalizers ?? []).length > 0 ? ` (finalizers: ${object.metadata.finalizers?.join(', ')})` : ''}`,
          )
          .join('; '),
      })
    await clock.sleep(1_000, signal)
  }
}

/** The platform's own protection is honoured. */
function refuseProtected(workload: KubeObject | undefined, name: string): void {
  if (workload?.metadata.annotations?.['loft.sh/non-deletable'] !== 'true') return
  throw new InfraError({
    kind: 'operation',
    code: 'cluster-protected',
    message: `The virtual cluster ${name} is protected from deletion; nothing was deleted.`,
    why: 'its annotation loft.sh/non-deletable is true',
    hint: `remove it first: kubectl annotate statefulset ${name} -n ${workload.metadata.namespace ?? ''} loft.sh/non-deletable-`,
  })
}

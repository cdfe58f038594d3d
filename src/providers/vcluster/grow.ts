/** Growing the volume of a virtual cluster. */
import { InfraError } from '../../model/error.js'
import type { StorageClass } from './client/objects.js'
import { paths } from './client/paths.js'
import type { Place } from './place.js'
import { readOne } from './ready.js'
import type { Session } from './session.js'
import { workloadPath } from './workload.js'

/**
 * Grows the control plane's claim, where its class allows that. The StatefulSet is removed without its pods: its claim
 * templates cannot change, and the upgrade that follows makes it anew around them.
 */
export async function growStorage(
  session: Session,
  place: Place,
  size: string,
  signal: AbortSignal,
): Promise<void> {
  const { host } = session
  const found = await readOne(session, place, signal)
  const claims = found.claims.filter(claim => claim.metadata.name.startsWith(`data-${place.name}-`))
  const grow = claims.filter(claim => claim.spec.resources?.requests?.storage !== size)
  for (const claim of grow) {
    const name = claim.spec.storageClassName
    const storage =
      name === undefined ? undefined : await host.get<StorageClass>(paths.storageClass(name), signal)
    if (storage?.allowVolumeExpansion !== true)
      throw new InfraError({
        kind: 'storage',
        code: 'volume-cannot-grow',
        message: `The volume of ${place.name} cannot grow to ${size}; nothing was changed.`,
        why: `the storage class ${name ?? '(none)'} does not allow volume expansion`,
        hint: 'set allowVolumeExpansion: true on the class if its driver can do it, or keep the size',
      })
  }
  for (const claim of grow)
    await host.patch(
      paths.claims(place.namespace, claim.metadata.name),
      { spec: { resources: { requests: { storage: size } } } },
      signal,
    )
  if (found.workloadKind === 'StatefulSet')
    await host.remove(workloadPath(found), signal, {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy: 'Orphan',
    })
}

/** Where what is in a virtual cluster is kept before a restore takes its place. */
import { InfraError, messageOf } from '../../../model/error.js'
import type { Session } from '../session.js'
import type { Found } from '../snapshot.js'
import { isReady } from '../trouble.js'
import { runInSyncer } from './syncer.js'

/** On the volume of the control plane, where vCluster's own restore finds it again. */
const prefix = '/data/infra-before-restore-'

/**
 * The address of a new backup on the cluster's own volume. Fails with `no-place-to-keep` where that volume does not outlive the
 * restore: vCluster stops the cluster for it, and of several control planes keeps the first one's volume alone.
 */
export function placeToKeep(session: Session, found: Found): string {
  const { name, workload, workloadKind } = found
  const replicas = workload?.spec.replicas ?? 1
  const lasting = found.claims.some(claim => claim.metadata.name === `data-${name}-0`)
  if (workloadKind !== 'StatefulSet' || !lasting || replicas > 1)
    throw new InfraError({
      kind: 'configuration',
      code: 'no-place-to-keep',
      message: `What is in ${name} cannot be kept on its own volume; nothing was changed.`,
      why:
        replicas > 1
          ? 'it has several control planes, and a restore keeps the volume of the first alone'
          : 'its control plane has no volume that outlives a restore',
      hint: 'name another place with --keep (oci://, s3:// or https://), or do without a way back: --forget',
    })
  const now = new Date(session.host.now() ?? session.ports.clock.now()).toISOString()
  return `container://${prefix}${now.replaceAll(/[-:.]/g, '')}.tar.gz`
}

/** Removes what earlier restores kept on the volume. What cannot be removed stays: it only takes room. */
export async function dropEarlier(
  session: Session,
  found: Found,
  latest: string,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const pod = found.pods.find(isReady)?.metadata.name
  if (pod === undefined || !latest.startsWith(`container://${prefix}`)) return
  const script = `for file in ${prefix}*; do [ "$file" = "$1" ] || rm -f "$file"; done`
  const command = ['sh', '-c', script, 'sh', latest.slice('container://'.length)]
  const where = { namespace: found.namespace, pod }
  const { failure } = await runInSyncer(session, where, command, signal).catch(error => {
    signal.throwIfAborted()
    return { failure: messageOf(error) }
  })
  if (failure !== undefined) progress(`what earlier restores kept is still there: ${failure}`)
}

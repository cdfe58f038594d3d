/** Putting a backup back by vCluster's own restore, which stops the cluster meanwhile. */
import { InfraError } from '../../../model/error.js'
import type { Pod } from '../client/objects.js'
import { paths } from '../client/paths.js'
import { waitReady } from '../ready.js'
import type { Session } from '../session.js'
import type { ClusterChoice } from './connect.js'
import { findCluster } from './find.js'
import type { Begin, RestoreAct } from './journaled.js'
import { readBack } from './read-back.js'
import { checkAddress, tool } from './snapshot-tool.js'

/** The objects in the cluster become those of the snapshot. Resolves once it is ready and answers. */
export async function restoreCluster(
  session: Session,
  choice: ClusterChoice,
  address: string,
  begin: Begin,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  checkAddress(address)
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  // A snapshot that cannot be read is found out before the cluster is stopped.
  await readBack(session, found, address, signal)
  const { name, namespace } = found
  const act: RestoreAct = { verb: 'restore', name, namespace, address }
  const ended = await begin(act)
  await restore(session, act, choice, progress, signal)
  ended()
}

/**
 * Does one that was cut off once more, from its beginning: whatever it had written is written again. It was read before the
 * cluster was stopped, which may be stopped still.
 */
export async function finishRestore(
  session: Session,
  act: RestoreAct,
  choice: ClusterChoice,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await endWriters(session, act.namespace, signal)
  await restore(session, act, choice, progress, signal)
}

async function restore(
  session: Session,
  act: RestoreAct,
  choice: ClusterChoice,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  progress('restoring')
  const found = await findCluster(session, act.name, act.namespace, signal)
  await tool(session, found, ['restore', found.name, act.address, '--driver', 'helm'], signal)
  await waitReady(session, { spec: choice.spec ?? {} }, found, progress, signal)
}

/** A pod of the tool's own goes on when the tool is gone, and must not write beside the next one. */
async function endWriters(session: Session, namespace: string, signal: AbortSignal): Promise<void> {
  const { host, ports } = session
  for (let turn = 0; ; turn += 1) {
    const pods = await host.list<Pod>(
      paths.pods(namespace),
      { labelSelector: 'app=vcluster-snapshot' },
      signal,
    )
    const [pod] = pods
    if (pod === undefined) return
    if (turn > 240)
      throw new InfraError({
        kind: 'operation',
        code: 'restore-busy',
        message: `The pod ${pod.metadata.name} of the restore that was cut off does not go away.`,
        hint: `kubectl describe pod ${pod.metadata.name} -n ${namespace}`,
      })
    await Promise.all(
      pods
        .filter(pod => pod.metadata.deletionTimestamp === undefined)
        .map(pod => host.remove(`${paths.pods(namespace)}/${encodeURIComponent(pod.metadata.name)}`, signal)),
    )
    await ports.clock.sleep(500, signal)
  }
}

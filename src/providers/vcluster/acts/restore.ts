/** Putting a backup back by vCluster's own restore, which stops the cluster meanwhile. */
import { InfraError, InfraErrors } from '../../../model/error.js'
import type { Pod } from '../client/objects.js'
import { paths } from '../client/paths.js'
import { waitReady } from '../ready.js'
import type { Session } from '../session.js'
import { backupCluster } from './backup.js'
import type { ClusterChoice } from './connect.js'
import { findCluster } from './find.js'
import type { Begin, RestoreAct } from './journaled.js'
import { dropEarlier, placeToKeep } from './keep.js'
import { readBack } from './read-back.js'
import { checkAddress, tool } from './snapshot-tool.js'

export interface RestoreAnswer {
  /** The backup of what was in it before; absent where it was to go without one. */
  readonly kept?: string
}

/**
 * The objects in the cluster become those of the snapshot. What was in it is kept first: on its own volume, at the address that is
 * given, or not at all. A restore that fails puts it back. Resolves once the cluster is ready and answers.
 */
export async function restoreCluster(
  session: Session,
  choice: ClusterChoice,
  address: string,
  keep: { readonly address?: string } | 'forget',
  begin: Begin,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<RestoreAnswer> {
  checkAddress(address)
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  // A snapshot that cannot be read is found out before the cluster is stopped.
  await readBack(session, found, address, signal)
  const { name, namespace } = found
  const kept = keep === 'forget' ? undefined : (keep.address ?? placeToKeep(session, found))
  if (kept === address)
    throw new InfraError({
      kind: 'configuration',
      code: 'backup-address',
      message: `What is in ${name} cannot be kept at ${address}: that is what is to be restored.`,
    })
  if (kept !== undefined) {
    progress(`keeping what is in it: ${kept}`)
    await backupCluster(session, { ...choice, namespace }, kept, begin, progress, signal)
  }
  const act: RestoreAct = { verb: 'restore', name, namespace, address, ...(kept !== undefined && { kept }) }
  const ended = await begin(act)
  try {
    await restore(session, act, choice, progress, signal)
  } catch (error) {
    if (signal.aborted || kept === undefined) throw error
    await putBack(session, { ...act, address: kept }, choice, error, progress, signal)
    ended()
    throw error instanceof InfraError
      ? new InfraError({ ...error.details(), hint: `what was in ${name} before was put back` })
      : error
  }
  ended()
  if (kept === undefined) return {}
  const after = await findCluster(session, name, namespace, signal)
  await dropEarlier(session, after, kept, progress, signal)
  return { kept }
}

/** The way back of a restore that failed. Where there is none either, both errors are told, and the act stays open. */
async function putBack(
  session: Session,
  act: RestoreAct,
  choice: ClusterChoice,
  first: unknown,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  progress('the restore failed: putting back what was in it')
  await finishRestore(session, act, choice, progress, signal).catch(second => {
    signal.throwIfAborted()
    if (!(first instanceof InfraError && second instanceof InfraError)) throw first
    throw new InfraErrors([first, second])
  })
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

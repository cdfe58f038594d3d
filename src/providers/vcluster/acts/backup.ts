/** Backups by vCluster's own snapshots: to a registry, a bucket, or the volume of the cluster; each read back. */
import { InfraError } from '../../../model/error.js'
import type { KubeObject } from '../client/objects.js'
import { paths } from '../client/paths.js'
import type { Session } from '../session.js'
import type { Found } from '../snapshot.js'
import type { ClusterChoice } from './connect.js'
import { findCluster } from './find.js'
import type { BackupAct, Begin } from './journaled.js'
import { readBack } from './read-back.js'
import { checkAddress, patience, tool } from './snapshot-tool.js'

interface RequestMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

export interface BackupAnswer {
  readonly address: string
  /** How it was read back. */
  readonly verified: string
}

/** Makes a snapshot and waits for it. Resolves once it was read back. */
export async function backupCluster(
  session: Session,
  choice: ClusterChoice,
  address: string,
  begin: Begin,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<BackupAnswer> {
  checkAddress(address)
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  const { name, namespace } = found
  const before = (await requestsOf(session, found, signal)).map(request => request.metadata.name)
  const act: BackupAct = { verb: 'backup', name, namespace, address, before }
  const ended = await begin(act)
  try {
    await tool(session, found, ['snapshot', 'create', name, address], signal)
  } catch (error) {
    if (await isNotAsked(session, found, act, signal)) ended()
    throw error
  }
  return follow(session, found, act, ended, progress, signal)
}

/** Whether vCluster was never asked for the snapshot, so that nothing of it is left; not where that cannot be told. */
async function isNotAsked(
  session: Session,
  found: Found,
  act: BackupAct,
  signal: AbortSignal,
): Promise<boolean> {
  // a tool that was broken off may have asked all the same
  if (signal.aborted) return false
  return requestOf(session, found, act, signal).then(
    request => request === undefined,
    () => false,
  )
}

/** Goes on with one that was cut off: with the snapshot that was asked for, or with a new one where none was. */
export async function finishBackup(
  session: Session,
  act: BackupAct,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<BackupAnswer> {
  const found = await findCluster(session, act.name, act.namespace, signal)
  if ((await requestOf(session, found, act, signal)) === undefined)
    await tool(session, found, ['snapshot', 'create', act.name, act.address], signal)
  return follow(session, found, act, () => undefined, progress, signal)
}

/** Waits for the snapshot and reads it back. `ended` is called where vCluster has said how it ended. */
async function follow(
  session: Session,
  found: Found,
  act: BackupAct,
  ended: () => void,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<BackupAnswer> {
  for (let waited = 0; ; waited += 1_000) {
    const status = statusOf(await requestOf(session, found, act, signal))
    if (status.phase === 'Completed') break
    if (status.phase === 'Failed' || status.phase === 'PartiallyFailed') {
      ended()
      throw new InfraError({
        kind: 'operation',
        code: 'backup-failed',
        message: `The backup of ${found.name} failed.`,
        why: status.error ?? 'vCluster does not say why; see infra cluster logs',
      })
    }
    if (waited > patience)
      throw new InfraError({
        kind: 'operation',
        code: 'backup-stuck',
        message: `The backup of ${found.name} is not done after ${patience / 60_000} minutes.`,
        why: `its phase is ${status.phase ?? 'unknown'}`,
      })
    progress(`backup: ${status.phase ?? 'asked for'}`)
    await session.ports.clock.sleep(1_000, signal)
  }
  ended()
  return { address: act.address, verified: await readBack(session, found, act.address, signal) }
}

/** The request of this backup: one that was not there before it. */
async function requestOf(
  session: Session,
  found: Found,
  act: BackupAct,
  signal: AbortSignal,
): Promise<RequestMap | undefined> {
  const before = new Set(act.before)
  return (await requestsOf(session, found, signal)).find(one => !before.has(one.metadata.name))
}

async function requestsOf(
  session: Session,
  found: Found,
  signal: AbortSignal,
): Promise<readonly RequestMap[]> {
  return session.host.list<RequestMap>(
    paths.configMaps(found.namespace),
    { labelSelector: `vcluster.loft.sh/snapshot-request,vcluster.loft.sh/vcluster-name=${found.name}` },
    signal,
  )
}

function statusOf(request: RequestMap | undefined): { readonly phase?: string; readonly error?: string } {
  try {
    const value = JSON.parse(request?.data?.snapshotRequest ?? '{}') as {
      status?: { phase?: string; error?: { message?: string } }
    }
    const { phase, error } = value.status ?? {}
    return {
      ...(phase !== undefined && { phase }),
      ...(error?.message !== undefined && { error: error.message }),
    }
  } catch {
    // half written by vCluster: it is read again until it has a phase
    return {}
  }
}

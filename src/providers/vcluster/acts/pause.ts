/** Pausing and resuming by hand. In a stack it shows as drift until the document says the same. */
import { waitReady } from '../ready.js'
import { setPaused } from '../release.js'
import type { Session } from '../session.js'
import type { ClusterChoice } from './connect.js'
import { findCluster } from './find.js'

/** Resolves once its pods are gone. Nothing happens where it is paused already. */
export async function pauseCluster(
  session: Session,
  choice: ClusterChoice,
  signal: AbortSignal,
): Promise<void> {
  await setPaused(session, await findCluster(session, choice.name, choice.namespace, signal), true, signal)
}

/** Resolves once it is ready and answers. */
export async function resumeCluster(
  session: Session,
  choice: ClusterChoice,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  await setPaused(session, found, false, signal)
  await waitReady(session, { spec: choice.spec ?? {} }, found, progress, signal)
}

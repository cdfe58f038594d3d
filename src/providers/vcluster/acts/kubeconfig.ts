/** The kubeconfig of a virtual cluster: its path, or, on purpose only, its text. */
import { InfraError } from '../../../model/error.js'
import { readStored } from '../kubeconfig/store.js'
import type { Session } from '../session.js'
import type { ClusterChoice } from './connect.js'
import { findCluster } from './find.js'

export interface KubeconfigAnswer {
  readonly path: string
  readonly server: string
  /** Until when the file serves (UTC, ISO 8601). */
  readonly until: string
  readonly encrypted: boolean
  /** Only when it was asked for. A secret. */
  readonly text?: string
}

/** The stored file where it still serves, else a fresh one. */
export async function clusterKubeconfig(
  session: Session,
  choice: ClusterChoice,
  options: { readonly refresh?: boolean; readonly text?: boolean },
  signal: AbortSignal,
): Promise<KubeconfigAnswer> {
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  const target = { spec: choice.spec ?? {} }
  const place = session.kubeconfigs.place(target, found.namespace, found.name)
  const { files, clock } = session.ports
  let { note } = await readStored(files, clock, place, found.workload?.metadata.uid ?? '')
  const stale = note === undefined || note.until <= clock.now() || note.fetched > clock.now()
  let text: string | undefined
  if (options.refresh === true || stale || (options.text === true && note?.encrypted === true)) {
    const fresh = await session.kubeconfigs.refresh(target, found, signal)
    note = fresh?.note
    text = fresh?.text
  }
  if (note === undefined)
    throw new InfraError({
      kind: 'operation',
      code: 'no-virtual-kubeconfig',
      message: `The virtual cluster ${choice.name} has not written its kubeconfig yet.`,
    })
  if (options.text === true) text ??= await session.kubeconfigs.current(target, found, signal)
  return {
    path: place.path,
    server: note.server,
    until: new Date(note.until).toISOString(),
    encrypted: note.encrypted,
    ...(options.text === true && text !== undefined && { text }),
  }
}

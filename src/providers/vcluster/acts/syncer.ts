/** Small programs in the container of a virtual cluster's control plane, through the host's API. */
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Exec } from '@kubernetes/client-node'
import { InfraError, messageOf } from '../../../model/error.js'
import { timeLimit } from '../../../model/time-limit.js'
import type { Session } from '../session.js'
import { patience } from './snapshot-tool.js'

interface Status {
  readonly status?: string
  readonly message?: string
}

/** As much of a WebSocket as is needed. */
interface Connected {
  onclose: ((event: never) => void) | null
  close(): void
}

/**
 * Resolves to what it printed, and to what it or Kubernetes says where it failed. Fails with `syncer-lost` where nobody tells, after
 * ten minutes at the latest.
 */
export async function runInSyncer(
  session: Session,
  { namespace, pod }: { readonly namespace: string; readonly pod: string },
  command: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly bytes: Buffer; readonly failure?: string }> {
  const out = new PassThrough()
  const errors = new PassThrough()
  const words = buffer(errors)
  const bytes = buffer(out)
  const limited = AbortSignal.any([signal, timeLimit(patience)])
  const status = await statusOf(
    (told: (status: Status) => void) =>
      new Exec(session.host.config).exec(
        namespace,
        pod,
        'syncer',
        [...command],
        out,
        errors,
        null,
        false,
        told,
      ),
    limited,
  ).catch(error => {
    signal.throwIfAborted()
    throw error instanceof InfraError ? error : lost(session, pod, messageOf(error))
  })
  out.end()
  errors.end()
  if (status.status === 'Success') return { bytes: await bytes }
  return {
    bytes: await bytes,
    failure: (await words).toString('utf8').trim() || (status.message ?? 'it failed'),
  }
}

/** The status that Kubernetes tells at the end. A connection that ends without one is an error, and with the signal it is closed. */
function statusOf(
  run: (told: (status: Status) => void) => Promise<Connected>,
  signal: AbortSignal,
): Promise<Status> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    run(resolve).then(connection => {
      // What was told before it is what counts
      connection.onclose = () => reject(new Error('the connection ended before the program did'))
      const close = () => connection.close()
      if (signal.aborted) close()
      else signal.addEventListener('abort', close, { once: true })
    }, reject)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function lost(session: Session, pod: string, why: string): InfraError {
  return new InfraError({
    kind: 'connection',
    code: 'syncer-lost',
    message: `Nobody knows how what was run in the pod ${pod} of ${session.host.name} ended.`,
    why,
    hint: 'Try again; `infra cluster status` tells how the pod is.',
  })
}

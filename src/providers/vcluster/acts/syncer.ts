/** Small programs in the container of a virtual cluster's control plane, through the host's API. */
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Exec } from '@kubernetes/client-node'
import type { Session } from '../session.js'

/** Resolves to what it printed, and to what it or Kubernetes says where it failed. */
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
  const status = await new Promise<{ readonly status?: string; readonly message?: string }>(
    (resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      new Exec(session.host.config)
        .exec(namespace, pod, 'syncer', [...command], out, errors, null, false, resolve)
        .catch(reject)
    },
  )
  out.end()
  errors.end()
  if (status.status === 'Success') return { bytes: await bytes }
  return {
    bytes: await bytes,
    failure: (await words).toString('utf8').trim() || (status.message ?? 'it failed'),
  }
}

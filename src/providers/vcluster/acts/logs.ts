/** The log of a virtual cluster's control plane, followed over restarts and lost connections. */
import { InfraError } from '../../../model/error.js'
import { hasCode, unreachable } from '../client/errors.js'
import { paths } from '../client/paths.js'
import { readOne } from '../ready.js'
import type { Session } from '../session.js'
import { findCluster } from './find.js'

export interface LogOptions {
  readonly name: string
  readonly namespace?: string
  /** `syncer` by default. */
  readonly container?: string
  readonly follow?: boolean
  /** Only so many lines of the past. */
  readonly tail?: number
  /** Keeps the time in front of each line. */
  readonly timestamps?: boolean
}

/** Writes lines until the log ends, or, when it follows, until it is aborted (which is no error). */
export async function clusterLogs(
  session: Session,
  options: LogOptions,
  write: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const place = await findCluster(session, options.name, options.namespace, signal)
  let since: string | undefined
  for (let first = true; ; first = false) {
    const pod = (await readOne(session, place, signal).catch(error => endOr(signal, error)))?.pods[0]
    if (signal.aborted) return
    if (pod === undefined && first && options.follow !== true)
      throw new InfraError({
        kind: 'operation',
        code: 'no-pod',
        message: `The virtual cluster ${options.name} has no pod, and so no log.`,
        hint: 'it may be paused: infra cluster resume',
      })
    if (pod !== undefined) {
      const query = {
        container: options.container ?? 'syncer',
        timestamps: 'true',
        ...(options.follow === true && { follow: 'true' }),
        ...(first && options.tail !== undefined && { tailLines: String(options.tail) }),
        ...(since !== undefined && { sinceTime: since }),
      }
      // What an earlier stream has told; within one, lines may well have the same time
      const known = since
      try {
        const path = `${paths.pods(place.namespace, pod.metadata.name)}/log`
        for await (const line of lines(await session.host.stream(path, query, signal))) {
          const gap = line.indexOf(' ')
          const time = line.slice(0, gap)
          // The server's `sinceTime` counts in seconds: lines of the same second come twice.
          if (known !== undefined && time <= known) continue
          since = time
          write(options.timestamps === true ? line : line.slice(gap + 1))
        }
      } catch (error) {
        if (signal.aborted) return
        const failure = error instanceof InfraError ? error : unreachable(error, 'its log', session.host.name)
        if (options.follow !== true || isLasting(failure)) throw failure
      }
    }
    if (options.follow !== true || signal.aborted) return
    // Ctrl-C ends the wait
    await session.ports.clock.sleep(1_000, signal).catch(() => undefined)
  }
}

/** Whether asking again would be answered in the same way. */
function isLasting(error: InfraError): boolean {
  // Kubernetes refuses a container that does not exist with the code that it has for one that is about to start
  return (
    hasCode(error, 'host-forbidden', 'host-login-refused') || /is not valid for pod/.test(error.why ?? '')
  )
}

/** Once it is aborted, errors are its end. */
function endOr(signal: AbortSignal, error: unknown): undefined {
  if (signal.aborted) return undefined
  throw error
}

async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
  if (rest !== '') yield rest
}

/** Any command with the kubeconfig of a virtual cluster. */
import type { Readable, Writable } from 'node:stream'
import { execa } from 'execa'
import { InfraError } from '../../../model/error.js'
import type { Session } from '../session.js'
import { type ClusterChoice, openWay } from './connect.js'

/** The streams of the command; inherited where `inherit` is said, so that a terminal stays one. */
export interface ExecStreams {
  readonly stdin: Readable | 'inherit' | 'ignore'
  readonly stdout: Writable | 'inherit'
  readonly stderr: Writable | 'inherit'
}

const signals: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGTERM: 15,
}

/** Runs it with KUBECONFIG set. Resolves to its exit status; 128 and the signal's number where a signal ended it. */
export async function execInCluster(
  session: Session,
  choice: ClusterChoice,
  command: readonly string[],
  streams: ExecStreams,
  signal: AbortSignal,
): Promise<number> {
  const [program, ...args] = command
  if (program === undefined)
    throw new InfraError({
      kind: 'configuration',
      code: 'no-command',
      message: 'There is no command to run.',
      hint: `infra cluster exec ${choice.name} -- kubectl get pods`,
    })
  const way = await openWay(session, choice, undefined, signal)
  try {
    const child = execa(program, args, {
      env: { KUBECONFIG: way.kubeconfig },
      stdin: typeof streams.stdin === 'string' ? streams.stdin : 'pipe',
      stdout: typeof streams.stdout === 'string' ? streams.stdout : 'pipe',
      stderr: typeof streams.stderr === 'string' ? streams.stderr : 'pipe',
      buffer: false,
      reject: false,
      cancelSignal: signal,
    })
    if (typeof streams.stdin !== 'string' && child.stdin !== null) {
      // A command that reads no further is its own affair.
      child.stdin.on('error', () => undefined)
      streams.stdin.pipe(child.stdin)
    }
    if (typeof streams.stdout !== 'string') child.stdout?.pipe(streams.stdout, { end: false })
    if (typeof streams.stderr !== 'string') child.stderr?.pipe(streams.stderr, { end: false })
    const result = await child
    if (typeof streams.stdin !== 'string') streams.stdin.unpipe()
    if (result.code === 'ENOENT' || result.code === 'EACCES')
      throw new InfraError({
        kind: 'configuration',
        code: 'no-such-command',
        message: `${program} cannot be run.`,
        why: result.code === 'ENOENT' ? 'no such program' : 'permission denied',
      })
    if (result.signal !== undefined) return 128 + (signals[result.signal] ?? 0)
    if (result.exitCode !== undefined) return result.exitCode
    throw new InfraError({
      kind: 'operation',
      code: 'command-not-run',
      message: `${program} did not run.`,
      why: result.shortMessage ?? '',
    })
  } finally {
    await way.close()
  }
}

/** One act on several machines: all at the same time, each with an end of its own. */
import PQueue from 'p-queue'
import { InfraError, messageOf } from '../../../model/error.js'
import { fileError } from '../../../model/file-error.js'
import type { Machine, MachineView } from './machines.js'

/** As many at once as a host serves well: libvirtd takes five calls of a client at a time. */
const atOnce = 8

export interface ActCall {
  readonly signal: AbortSignal
  /** Told what is under way. */
  progress(message: string): void
}

export interface ActResult<T> {
  readonly machine: Pick<MachineView, 'host' | 'name' | 'address'>
  readonly done?: T
  readonly error?: InfraError
}

/** The results in the order of the machines. An error of one stops no other. */
export async function onEach<M extends Machine, T>(
  machines: readonly M[],
  call: { readonly signal: AbortSignal; progress(name: string, message: string): void },
  act: (machine: M, call: ActCall) => Promise<T>,
): Promise<readonly ActResult<T>[]> {
  const { signal } = call
  return inTurns(machines, async (machine): Promise<ActResult<T>> => {
    const { host, name, address } = machine.view
    const who = { host, name, ...(address !== undefined && { address }) }
    try {
      signal.throwIfAborted()
      return {
        machine: who,
        done: await act(machine, { signal, progress: message => call.progress(name, message) }),
      }
    } catch (error) {
      return { machine: who, error: told(error, name) }
    }
  })
}

/** As many at once as a host serves well. All of them come to their end, before the first that failed is told. */
export async function inTurns<A, R>(all: readonly A[], work: (one: A) => Promise<R>): Promise<readonly R[]> {
  const queue = new PQueue({ concurrency: atOnce })
  const ended = await Promise.allSettled(all.map(one => queue.add(() => work(one))))
  return ended.map(one => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}

/** The error of one machine among several, told of that machine. What infra did not raise on purpose goes on. */
function told(thrown: unknown, name: string): InfraError {
  const error = fileError(thrown) ?? thrown
  if (error instanceof InfraError) {
    return error.message.includes(name)
      ? error
      : new InfraError({ ...error.details(), message: `${name}: ${error.message}` })
  }
  if (error instanceof Error && (error.name === 'AbortError' || error.message === 'interrupted')) {
    return new InfraError({
      kind: 'operation',
      code: 'interrupted',
      message: `${name}: interrupted`,
      why: messageOf(error),
    })
  }
  throw error
}

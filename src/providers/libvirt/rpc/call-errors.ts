/** What is told of a call that has no answer. */
import { InfraError, messageOf } from '../../../model/error.js'
import { connectionError } from './errors.js'
import type { Procedure } from './procedure.js'

type Called = Pick<Procedure<unknown, unknown>, 'name' | 'effect'>

/** What happened, and what the transport itself said of it. */
export function reasonOf(cause: unknown, said: string): string {
  const own = cause instanceof InfraError && cause.why ? `${cause.message}: ${cause.why}` : messageOf(cause)
  return said === '' ? own : `${own}; ${said}`
}

/** A call whose answer never came: of what changes something nobody can say whether it happened. */
export function lost(call: Called, code: string, why: string): InfraError {
  return call.effect === 'read'
    ? connectionError(code, `The connection to libvirt was lost before ${call.name} was answered`, why)
    : connectionError(
        code,
        `The connection to libvirt was lost before ${call.name} was answered: it may or may not have happened`,
        why,
      )
}

/** After so many milliseconds. */
export function timedOut(call: Called, timeout: number): InfraError {
  const what = `libvirt has not answered ${call.name} within ${timeout / 1000} s`
  return connectionError(
    'libvirt-timeout',
    call.effect === 'read' ? what : `${what}: it may or may not have happened, or still happen`,
    'The call was given up; libvirt knows no way to take it back',
    'See what libvirtd is busy with: virsh list, virsh domjobinfo, its log',
  )
}

/**
 * infra as a library: `plan` and `apply` do what the commands of these names do, without a terminal. Nothing is printed and
 * nothing is read from the process: settings, variables and signals are arguments.
 */
import { hostname } from 'node:os'
import { requireLeave } from './apply/leave.js'
import type { Outcome } from './apply/transaction.js'
import { InfraErrors } from './model/error.js'
import { nodePorts } from './model/node-ports.js'
import type { PlanResult } from './planner/input.js'
import type { Plan } from './planner/plan.js'
import { requireDigest } from './session/reviewed.js'
import { openSession, type PlanRequest, type SessionInput } from './session/session.js'

export type { ApplyEvent } from './apply/event.js'
export type { Outcome } from './apply/transaction.js'
export { type ErrorDetails, exitCodes, InfraError, InfraErrors } from './model/error.js'
export { nodePorts } from './model/node-ports.js'
export type { Ports } from './model/ports.js'
export type { PlanResult } from './planner/input.js'
export type { Plan, Step } from './planner/plan.js'
export { openSession, type PlanRequest, type Session, type SessionInput } from './session/session.js'

/** Where the stack is, and everything else a session takes; ports and signal are the machine's own by default. */
export type StackInput = Omit<SessionInput, 'ports' | 'signal'> &
  Partial<Pick<SessionInput, 'ports' | 'signal'>>

export interface ApplyRequest extends Pick<PlanRequest, 'targets' | 'replace' | 'restart'> {
  /** Applies only a plan of this digest: the one that was reviewed. */
  readonly digest?: string
  /** Leave for hazards: `deletes-data`, `irreversible`, `incomplete`, or one of them as `hazard=address`. */
  readonly allow?: readonly string[]
  /** What to do when a step fails; everything is put back by default. */
  readonly onFailure?: 'rollback' | 'stop'
}

/** Plans a stack: reads the stack, its state and the real systems, and changes nothing. */
export async function plan(input: StackInput, request: PlanRequest = {}): Promise<PlanResult> {
  const session = await openSession(withDefaults(input))
  try {
    return await session.plan(request)
  } finally {
    await session.close()
  }
}

/**
 * Plans a stack and applies the plan as one transaction, with its lock held. Throws `InfraErrors` for a plan that must not be
 * applied; a step that fails is told in the outcome.
 */
export async function apply(
  input: StackInput,
  request: ApplyRequest = {},
): Promise<Outcome & { readonly plan: Plan }> {
  const { digest, allow = [], onFailure = 'rollback', ...asked } = request
  const session = await openSession(withDefaults(input))
  try {
    await session.lock({ host: hostname(), pid: process.pid, command: `apply ${input.path}` })
    const { plan: made, problems } = await session.plan({ ...asked, mode: 'apply' })
    if (problems.length > 0) throw new InfraErrors(problems)
    requireDigest(made, digest)
    requireLeave(made, allow)
    const signal = input.signal ?? new AbortController().signal
    const control = { stopping: signal, signal, onFailure: async () => onFailure }
    const outcome = await session.apply(made, `apply ${input.path}`, control, false)
    return { ...outcome, plan: made }
  } finally {
    await session.close()
  }
}

function withDefaults(input: StackInput): SessionInput {
  return { ports: nodePorts, signal: new AbortController().signal, ...input }
}

/**
 * infra as a library: `plan` and `apply` do what the commands of these names do, without a terminal. Nothing is printed and
 * nothing is read from the process: settings, variables and signals are arguments.
 */
import { hostname } from 'node:os'
import { requireHazards, requireLeave } from './apply/leave.js'
import type { Outcome } from './apply/transaction.js'
import { nodePorts } from './model/node-ports.js'
import type { PlanResult } from './planner/input.js'
import type { Plan } from './planner/plan.js'
import type { PolicyReport } from './policy/policy.js'
import { requirePolicy, requireSettled, requireSound } from './session/require.js'
import { requireDigest } from './session/reviewed.js'
import { openSession, type PlanRequest, type SessionInput } from './session/session.js'

export type { ApplyEvent } from './apply/event.js'
export type { Outcome } from './apply/transaction.js'
export { type ErrorDetails, exitCodes, InfraError, InfraErrors } from './model/error.js'
export { nodePorts } from './model/node-ports.js'
export type { Ports } from './model/ports.js'
export type { PlanResult } from './planner/input.js'
export type { Plan, Step } from './planner/plan.js'
export type { PolicyReport } from './policy/policy.js'
export { openSession, type PlanRequest, type Session, type SessionInput } from './session/session.js'

/** Where the stack is, and everything else a session takes; ports and signal are the machine's own by default. */
export type StackInput = Omit<SessionInput, 'ports' | 'signal'> &
  Partial<Pick<SessionInput, 'ports' | 'signal'>>

export interface ApplyRequest extends Pick<PlanRequest, 'targets' | 'replace' | 'restart'> {
  /** `destroy` deletes all that the stack made; `accept` takes reality into the state. `apply` by default. */
  readonly mode?: 'apply' | 'destroy' | 'accept'
  /** Applies only a plan of this digest: the one that was reviewed. */
  readonly digest?: string
  /** Leave for hazards: `deletes-data`, `irreversible`, `incomplete`, or one of them as `hazard=address`. */
  readonly allow?: readonly string[]
  /** What to do when a step fails; everything is put back by default. */
  readonly onFailure?: 'rollback' | 'stop'
}

/**
 * Plans a stack: reads the stack, its state and the real systems, and changes nothing. What forbids to apply the plan is in
 * `problems` and, where there is a policy beside the stack, in its findings. Throws `InfraErrors` for a stack that is wrong, and
 * `journal-open` where an apply was cut off.
 */
export async function plan(
  input: StackInput,
  request: PlanRequest = {},
): Promise<PlanResult & { readonly policy?: PolicyReport }> {
  const session = await openSession(withDefaults(input))
  try {
    await requireSettled(session)
    const result = await session.plan(request)
    const policy = await session.policy(result.plan)
    return { ...result, ...(policy && { policy }) }
  } finally {
    await session.close()
  }
}

/**
 * Plans a stack and applies the plan as one transaction, with its lock held. Throws, with nothing changed, for a plan that must
 * not be applied: problems, a policy that denies it, a hazard without leave, another digest. A step that fails is told in the
 * outcome.
 */
export async function apply(
  input: StackInput,
  request: ApplyRequest = {},
): Promise<Outcome & { readonly plan: Plan }> {
  const { digest, allow = [], onFailure = 'rollback', ...asked } = request
  requireHazards(allow)
  const session = await openSession(withDefaults(input))
  try {
    await session.lock({ host: hostname(), pid: process.pid, command: `apply ${input.path}` })
    await requireSettled(session)
    const result = await session.plan(asked)
    requireSound(result)
    const { plan: made } = result
    requireDigest(made, digest)
    requirePolicy(await session.policy(made))
    requireLeave(made, allow)
    const signal = input.signal ?? new AbortController().signal
    const control = { stopping: signal, signal, onFailure: async () => onFailure }
    const outcome = await session.apply(result, `apply ${input.path}`, control, false)
    return { ...outcome, plan: made }
  } finally {
    await session.close()
  }
}

function withDefaults(input: StackInput): SessionInput {
  return { ports: nodePorts, signal: new AbortController().signal, ...input }
}

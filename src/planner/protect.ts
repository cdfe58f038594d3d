/** What no plan may do, whatever it is for. */

import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Decided } from './decision.js'
import type { PlanOptions } from './input.js'
import { isNamedAlike, newFirst } from './new-first.js'
import type { Step } from './plan.js'

/** Whether what is recorded at an address is only what an unfinished apply made itself. */
export function isUnprotected({ unprotected }: PlanOptions, address: Address): boolean {
  return unprotected === true || unprotected?.has(address) === true
}

/** Problems of steps that would destroy a protected resource, or cannot be done in the order that was asked for. */
export function checkProtection(
  steps: readonly Step[],
  decided: ReadonlyMap<Address, Decided>,
  options: PlanOptions,
): InfraError[] {
  const problems: InfraError[] = []
  // A way back has no document in which it could be dropped: there the old one goes first
  const first = options.mode === 'rollback' ? undefined : newFirst(decided)
  for (const step of steps) {
    const subject = decided.get(step.address)
    if (!subject || isUnprotected(options, step.address)) continue
    const { desired, record } = subject
    const deletes = step.action === 'delete' || step.phase === 'delete'
    const lifecycle = desired?.lifecycle ?? record?.lifecycle
    if (deletes && lifecycle?.preventDestroy) {
      const verb = step.action === 'replace' ? 'replaced' : 'deleted'
      problems.push(
        new InfraError({
          kind: 'validation',
          code: 'prevent-destroy',
          address: step.address,
          message: `it would be ${verb}, and is protected (lifecycle.preventDestroy)`,
          ...(step.cause !== undefined && { why: step.cause }),
          hint: 'Take the protection out of its document and apply that first, or leave the resource as it is.',
          ...(desired && { place: { ...desired.source, column: 1 } }),
        }),
      )
    }
    const broken = subject.decision.action === 'replace' && subject.decision.broken
    const root = deletes && !broken ? first?.get(step.address) : undefined
    if (root !== undefined && desired && isNamedAlike(subject)) {
      const drop = `drop lifecycle.createBeforeDestroy${root === step.address ? '' : ` of ${root}`}`
      problems.push(
        new InfraError({
          kind: 'validation',
          code: 'same-name-twice',
          address: step.address,
          message: `the new ${step.kind} cannot be made before the old one goes: both are called ${step.name}`,
          ...(root !== step.address && {
            why: `The new one of ${root} is made before its old one goes, and each of the two needs its own ${step.kind}`,
          }),
          hint: `Give the new one another name, or ${drop}.`,
          place: { ...desired.source, column: 1 },
        }),
      )
    }
  }
  return problems
}

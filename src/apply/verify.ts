/** Evaluation: what was read back, held against what was to be done. Nothing counts as done before. */
import { InfraError } from '../model/error.js'
import type { Json } from '../model/value.js'
import { currentSpec, differences, within } from '../planner/diff.js'
import type { Step } from '../planner/plan.js'
import type { Kind } from '../providers/kind.js'
import type { Observation, Owner } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'

type Present = Extract<Observation, { status: 'present' }>

/** The observation of a made or changed object, or an error that tells how it is not what was asked for. */
export function verifyPresent(
  step: Step,
  desired: DesiredResource,
  observation: Observation,
  kind: Kind,
  owner: Owner,
  provider: string,
): Present {
  if (observation.status === 'absent') throw disproved(step, provider, 'it is not there')
  if (observation.status === 'unreadable') throw unproved(step, observation.why)
  if (observation.incomplete) throw disproved(step, provider, 'it is there in part only')
  if (observation.owner && !sameOwner(observation.owner, owner)) {
    throw disproved(step, provider, `it belongs to ${observation.owner.address} of another stack`)
  }
  const seen = currentSpec(desired.spec, observation.spec, desired.spec, kind.keyedLists)
  const wrong = differences(seen, desired.spec, kind.keyedLists).filter(
    change => !desired.lifecycle.ignoreChanges?.some(above => within(change.path, above)),
  )
  const first = wrong[0]
  if (!first) return observation
  const secret = desired.sensitive.some(path => within(first.path, path) || within(path, first.path))
  const told = secret
    ? `${first.path} is not what it should be (sensitive)`
    : `${first.path} is ${show(first.from)} and should be ${show(first.to)}`
  const more = wrong.length > 1 ? `, and ${wrong.length - 1} more` : ''
  throw disproved(step, provider, told + more)
}

/** Nothing where the object is gone; an error where it is still there, or nobody can tell. */
export function verifyAbsent(step: Step, observation: Observation, provider: string): void {
  if (observation.status === 'unreadable') throw unproved(step, observation.why)
  if (observation.status === 'present') throw disproved(step, provider, 'it is still there')
}

/** Whether two owners are the same resource of the same state. */
export function sameOwner(a: Owner, b: Owner): boolean {
  return a.lineage === b.lineage && a.address === b.address
}

function disproved(step: Step, provider: string, what: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'not-so',
    address: step.address,
    message: `the ${provider} provider reported the ${step.phase ?? step.action} as done, but ${what}`,
    hint: 'Somebody else may be changing it at the same time; look at the real system, then plan again.',
  })
}

function unproved(step: Step, why: string): InfraError {
  return new InfraError({
    kind: 'connection',
    code: 'not-read-back',
    address: step.address,
    message: `the ${step.phase ?? step.action} could not be read back, so nobody knows whether it was done`,
    why,
    hint: 'When the system answers again, `infra recover` finds out.',
  })
}

function show(value: Json | undefined): string {
  return value === undefined ? 'not set' : JSON.stringify(value)
}

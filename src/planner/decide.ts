/** What is to be done about one resource, from what is desired, recorded and observed. */

import { InfraError } from '../model/error.js'
import { type Attributes, sameValue } from '../model/value.js'
import type { Hazard, Kind } from '../providers/kind.js'
import type { Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import { classify } from './classify.js'
import type { Decision } from './decision.js'
import { currentSpec, type Difference, differences, within } from './diff.js'
import { sameIdentity } from './identity.js'
import type { PlanInput, Restore } from './input.js'
import type { Change } from './plan.js'
import { isUnprotected } from './protect.js'

export interface Subject {
  readonly desired: DesiredResource | undefined
  readonly record: ResourceRecord | undefined
  readonly observation: Observation
  readonly restore: Restore | undefined
}

type Present = Extract<Observation, { status: 'present' }>

/** What is to be done with one resource, and why. Refusals are part of the decision; nothing is thrown. */
export function decide(subject: Subject, kind: Kind, input: PlanInput): Decision {
  const { desired, record, observation } = subject
  if (observation.status === 'unreadable') return { action: 'unreadable', why: observation.why }
  if (desired?.managed === false) return mustExist(desired, observation)
  if (input.options.mode === 'accept') return accept(subject, kind)
  if (!desired) return remove(record, observation, input)
  if (subject.restore?.resume) return { action: 'create', cause: 'an earlier create was cut off' }
  if (observation.status === 'absent') {
    const cause = record ? 'it is recorded and no longer there' : undefined
    return { action: 'create', ...(cause && { cause }) }
  }
  if (!record) return claim(desired, observation, kind, input)
  return compare(desired, record, observation, kind, subject.restore, input)
}

function mustExist(desired: DesiredResource, observation: Observation): Decision {
  if (observation.status === 'present') return { action: 'none' }
  const problem = new InfraError({
    kind: 'validation',
    code: 'not-there',
    address: desired.address,
    message: `${desired.kind} ${desired.name} does not exist, and the stack only reads it (managed: false)`,
    hint: 'Make it first, correct its name, or remove `managed: false` to let infra make it.',
    place: { ...desired.source, column: 1 },
  })
  return { action: 'refused', problems: [problem] }
}

/** Takes what is there into the state, and changes nothing. */
function accept({ record, observation }: Subject, kind: Kind): Decision {
  if (!record) return { action: 'none' }
  if (observation.status !== 'present') return { action: 'forget', cause: 'it is no longer there' }
  const seen = currentSpec(record.spec, observation.spec, record.spec, kind.keyedLists)
  const changes = differences(record.spec, seen, kind.keyedLists)
  if (changes.length === 0) return { action: 'none' }
  const sensitive = sensitivity(record.sensitive)
  return {
    action: 'adopt',
    changes: changes.map(change => ({ ...change, origin: 'drift', how: 'live', ...sensitive(change.path) })),
  }
}

function remove(record: ResourceRecord | undefined, observation: Observation, input: PlanInput): Decision {
  if (!record) return { action: 'none' }
  const stranger = observation.status === 'present' && isStranger(record, observation, input)
  if (stranger) return { action: 'forget', cause: 'it is gone, and another object has its name' }
  // What an apply made itself is undone with it.
  if (record.lifecycle.retainOnDelete && !isUnprotected(input.options, record.address))
    return { action: 'forget', cause: 'it is to be kept (retainOnDelete)' }
  if (observation.status === 'absent') return { action: 'forget', cause: 'it is gone already' }
  if (input.options.mode === 'rollback' && record.adopted)
    return { action: 'forget', cause: 'it was there before infra took it over' }
  return { action: 'delete' }
}

/** Desired, there, and not recorded: ours from a run that was cut off, or somebody else's. */
function claim(desired: DesiredResource, observed: Present, kind: Kind, input: PlanInput): Decision {
  const ours = observed.owner?.lineage === input.state.lineage && observed.owner.address === desired.address
  const back = input.restore?.get(desired.address)
  const same = back !== undefined && sameValue(back.identity, { ...back.identity, ...observed.identity })
  if (!ours && same) return { action: 'adopt', changes: [], cause: 'it was recorded before' }
  if (!ours && input.options.adopt?.includes(desired.address))
    return { action: 'adopt', changes: [], cause: 'it is taken over' }
  if (!ours) {
    const owner = observed.owner
      ? `it belongs to ${observed.owner.address} of another stack`
      : 'infra did not make it'
    const problem = new InfraError({
      kind: 'validation',
      code: 'name-taken',
      address: desired.address,
      message: `${desired.kind} ${desired.name} exists already: ${owner}`,
      hint: `${lostState(observed, desired, input)}Take it over with \`infra import ${desired.address} ${desired.name}\`, or choose another name.`,
      place: { ...desired.source, column: 1 },
    })
    return { action: 'refused', problems: [problem] }
  }
  if (observed.incomplete)
    return { action: 'replace', changes: [], cause: 'an earlier create was cut off', broken: true }
  const current = currentSpec(desired.spec, observed.spec, desired.spec, kind.keyedLists)
  const found = differences(current, desired.spec, kind.keyedLists)
  if (found.length === 0)
    return { action: 'adopt', changes: [], cause: 'infra made it and had not recorded it' }
  return meet(found, () => 'drift', desired, kind, input)
}

/** What is told of an object that a stack without a state made under this very address: the stack is most likely this one. */
function lostState({ owner }: Present, desired: DesiredResource, { state }: PlanInput): string {
  if (state.serial > 0 || owner?.address !== desired.address) return ''
  return 'If this stack was renamed or moved, its state stayed where it was: name its folder with --state, or move it. Else: '
}

function compare(
  desired: DesiredResource,
  record: ResourceRecord,
  observed: Present,
  kind: Kind,
  restore: Restore | undefined,
  input: PlanInput,
): Decision {
  const stranger = isStranger(record, observed, input)
  if (stranger) return { action: 'refused', problems: [stranger] }
  const cause = replacementCause(desired, record, observed, restore, input)
  const lists = kind.keyedLists
  const current = sameValue(record.spec, observed.spec)
    ? record.spec
    : currentSpec(record.spec, observed.spec, desired.spec, lists)
  const found = differences(current, desired.spec, lists).filter(change => !ignored(change.path, desired))
  if (cause !== undefined) {
    const changes = found.map(change => plain(change, desired, record))
    const broken = record.tainted !== undefined || observed.incomplete === true
    return { action: 'replace', changes, cause, ...(broken && { broken }) }
  }
  if (found.length > 0) {
    const drifted = differences(record.spec, current, lists).map(change => change.path)
    const written = differences(record.spec, desired.spec, lists).map(change => change.path)
    const origin = (path: string): Change['origin'] => {
      const touches = (other: string) => within(path, other) || within(other, path)
      if (!drifted.some(touches)) return 'stack'
      return written.some(touches) ? 'both' : 'drift'
    }
    return meet(found, origin, desired, kind, input, record)
  }
  const pending = observed.pending ?? []
  if (pending.length > 0 && mayRestart(desired.address, input)) {
    return {
      action: 'update',
      changes: [],
      hazards: ['restarts-vm'],
      restart: true,
      cause: `${pending.join(', ')} ${pending.length === 1 ? 'waits' : 'wait'} for a restart`,
    }
  }
  if (input.options.again?.has(desired.address))
    return {
      action: 'update',
      changes: [],
      hazards: [],
      restart: false,
      cause: 'an earlier change of it was cut off',
    }
  // What was changed to what is desired by somebody else, or by an apply that was cut off, is recorded at last.
  const asRecorded = differences(record.spec, desired.spec, lists).every(change =>
    ignored(change.path, desired),
  )
  return asRecorded && sameRecord(desired, record) && record.tainted === undefined
    ? { action: 'none' }
    : { action: 'no-op', cause: 'only what infra records of it changes' }
}

function mayRestart(address: string, { options: { restart } }: PlanInput): boolean {
  return typeof restart === 'object' ? restart.has(address) : restart === true
}

/** An object that took the name of a recorded one: not infra's to change. */
function isStranger(record: ResourceRecord, observed: Present, input: PlanInput): InfraError | undefined {
  const { uuid } = record.identity
  if (uuid === undefined || observed.identity.uuid === undefined || observed.identity.uuid === uuid)
    return undefined
  if (observed.owner?.lineage === input.state.lineage && observed.owner.address === record.address)
    return undefined
  return new InfraError({
    kind: 'validation',
    code: 'name-taken',
    address: record.address,
    message: `${record.kind} ${record.name} is another one than infra made: its UUID is ${observed.identity.uuid}, not ${uuid}`,
    hint: `Remove or rename it, or take it over: \`infra state rm ${record.address}\`, then \`infra import\`.`,
  })
}

function replacementCause(
  desired: DesiredResource,
  record: ResourceRecord,
  observed: Present,
  restore: Restore | undefined,
  input: PlanInput,
): string | undefined {
  if (input.options.replace?.includes(desired.address)) return 'asked for with --replace'
  // The one that was there before is not replaced on the way back to it.
  const itself =
    input.options.mode === 'rollback' && restore && sameIdentity(restore.identity, record.identity)
  if (record.tainted !== undefined && !itself) return `it is tainted: ${record.tainted}`
  if (observed.incomplete) return 'it was made in part only'
  if (restore && !sameIdentity(restore.identity, record.identity))
    return restore.cause ?? 'the one of the checkpoint comes back'
  if (desired.connection !== record.connection)
    return `it moves from ${record.connection} to ${desired.connection}`
  if (desired.name !== record.name) return `its name changes from ${record.name} to ${desired.name}`
  return undefined
}

/** How differences are met together: one that needs a replacement makes it a replacement, a refused one stops the plan. */
function meet(
  found: readonly Difference[],
  origin: (path: string) => Change['origin'],
  desired: DesiredResource,
  kind: Kind,
  input: PlanInput,
  record?: ResourceRecord,
): Decision {
  const hazards = new Set<Hazard>()
  const problems: InfraError[] = []
  const changes = found.map(difference => {
    const verdict = classify(kind, difference, isUnprotected(input.options, desired.address))
    // A change that waits for a restart does not cause one.
    if (verdict.how !== 'restart') for (const hazard of verdict.hazards ?? []) hazards.add(hazard)
    if (verdict.how === 'refuse') problems.push(refusal(difference, verdict.why, verdict.hint, desired))
    return {
      ...plain(difference, desired, record),
      origin: origin(difference.path),
      how: verdict.how,
      ...(verdict.why !== undefined && { why: verdict.why }),
    }
  })
  if (problems.length > 0) return { action: 'refused', problems }
  const replaced = changes.find(change => change.how === 'replace')
  if (replaced) {
    const reason = replaced.why ? `: ${replaced.why}` : ''
    return { action: 'replace', changes, cause: `${replaced.path} cannot change in place${reason}` }
  }
  const allowed = mayRestart(desired.address, input) || kind.restartAllowed?.(desired.spec) === true
  const restart = allowed && changes.some(change => change.how === 'restart')
  if (restart) hazards.add('restarts-vm')
  return { action: 'update', changes, hazards: [...hazards].sort(), restart }
}

function refusal(
  change: Difference,
  why: string | undefined,
  hint: string | undefined,
  desired: DesiredResource,
): InfraError {
  return new InfraError({
    kind: 'validation',
    code: 'change-refused',
    address: desired.address,
    message: `${change.path} cannot change from what it is`,
    ...(why !== undefined && { why }),
    hint: hint ?? `Put the old value back, or replace it with \`--replace ${desired.address}\`.`,
    place: { ...desired.source, column: 1 },
  })
}

/** A difference as a change of the stack that is met live; callers refine it. */
function plain(difference: Difference, desired: DesiredResource, record: ResourceRecord | undefined): Change {
  const sensitive = sensitivity([...desired.sensitive, ...(record?.sensitive ?? [])])
  return { ...difference, origin: 'stack', how: 'replace', ...sensitive(difference.path) }
}

/** Tells of a path whether it is, or holds, or is within a secret. */
export function sensitivity(secrets: readonly string[]): (path: string) => { readonly sensitive?: true } {
  return path =>
    secrets.some(secret => within(path, secret) || within(secret, path)) ? { sensitive: true } : {}
}

function ignored(path: string, desired: DesiredResource): boolean {
  return desired.lifecycle.ignoreChanges?.some(above => within(path, above)) === true
}

/** Whether the record already says what the document says beside its spec. */
function sameRecord(desired: DesiredResource, record: ResourceRecord): boolean {
  return (
    sameValue(desired.labels, record.labels) &&
    sameValue(desired.annotations, record.annotations) &&
    sameValue(desired.lifecycle as Attributes, record.lifecycle as Attributes) &&
    sameValue(desired.dependencies, record.dependencies) &&
    sameValue(desired.sensitive, record.sensitive)
  )
}

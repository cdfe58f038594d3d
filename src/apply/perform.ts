/** One step: assess, intervene, evaluate. */
import { createHash } from 'node:crypto'
import { InfraError } from '../model/error.js'
import { originalAddress } from '../model/former.js'
import { type Attributes, canonicalJson, holdsSecret, type Json } from '../model/value.js'
import { changesSince, tellChanges } from '../planner/declared.js'
import { currentSpec } from '../planner/diff.js'
import type { Step } from '../planner/plan.js'
import type { Kind } from '../providers/kind.js'
import type { Call, Identity, Observation, Owner, Provider, Target } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import { type Observe, openFacts } from './observer.js'
import { sameOwner, verifyAbsent, verifyPresent } from './verify.js'
import { isForeign } from './ways.js'

export interface StepContext {
  /** What the plan saw of it. */
  readonly planned: Observation | undefined
  readonly kind: Kind
  readonly provider: Provider
  readonly observe: Observe
  readonly lineage: string
  /** The journal's id: with the address it names the place where deleted data goes, the same on a retry. */
  readonly applyId: string
  /** The record as it is now. */
  readonly record: ResourceRecord | undefined
  readonly uuid: () => string
  /** The desired resource with all its references resolved; the resources it needs exist by now. */
  readonly resolve: (desired: DesiredResource, secrets: 'resolved' | 'kept') => DesiredResource
  /** Makes the intent durable. */
  readonly intend: (intent: { identity: Identity; trash: string; from?: Attributes }) => Promise<void>
  /** Where the step is the first half of a replacement: what the other half brings back. */
  readonly successor: Json | undefined
  readonly call: Call
}

/** Does one step and proves it. Returns the new record, or null where the resource is gone. Throws when it is not done. */
export async function perform(step: Step, context: StepContext): Promise<ResourceRecord | null> {
  switch (step.action) {
    case 'forget':
      return null
    case 'no-op':
      return recordAnew(step, context)
    case 'adopt':
      return adopt(step, context)
    case 'create':
      return create(step, context)
    case 'update':
      return update(step, context)
    case 'delete':
      return remove(step, context)
    case 'replace':
      return step.phase === 'delete' ? remove(step, context) : create(step, context)
  }
}

async function create(step: Step, context: StepContext): Promise<ResourceRecord> {
  const { provider, kind } = context
  const desired = context.resolve(wanted(step), 'resolved')
  const identity = step.restore?.identity ?? { uuid: context.uuid() }
  const owner = ownerOf(step, context)
  const target: Target = { ...aim(desired), identity }
  const before = await context.observe(target)
  if (before.status === 'unreadable') throw moved(step, `it cannot be read: ${before.why}`)
  if (before.status === 'present' && !isOwn(before, owner, identity, step)) {
    throw moved(step, 'something of that name has appeared since the plan was made')
  }
  await context.intend({ identity, trash: trash(context, step, identity) })
  const token = step.restore?.token
  await provider.create(
    {
      ...target,
      identity,
      owner,
      labels: desired.labels,
      ...(token !== undefined && token !== null && { restore: token }),
    },
    context.call,
  )
  const seen = verifyPresent(step, desired, await context.observe(target), kind, owner, provider.type)
  return recordOf(kept(step, desired, context), { ...identity, ...seen.identity }, seen, kind)
}

async function update(step: Step, context: StepContext): Promise<ResourceRecord> {
  const { provider, kind, record } = context
  const known = knownOf(step, 'an update')
  const { identity } = known
  const desired = context.resolve(wanted(step), 'resolved')
  const owner = ownerOf(step, context)
  const target: Target = { ...aim(desired), identity }
  // Read by what is recorded: what is about to change may be what finds it.
  const before = await assess(step, { ...target, spec: known.spec }, context)
  await context.intend({
    identity,
    trash: trash(context, step, identity),
    from: withoutSecrets(before.spec, known.spec, kind),
  })
  await provider.update(
    {
      ...target,
      identity,
      owner,
      labels: desired.labels,
      from: before.spec,
      changes: step.changes.map(change => ({
        path: change.path,
        how: change.how === 'restart' ? 'restart' : 'live',
      })),
      restart: step.restart === true,
    },
    context.call,
  )
  const seen = verifyPresent(step, desired, await context.observe(target), kind, owner, provider.type)
  const updated = recordOf(kept(step, desired, context), { ...identity, ...seen.identity }, seen, kind)
  // What was there and not recorded is taken over with its change.
  return record === undefined || record.adopted ? { ...updated, adopted: true } : updated
}

async function remove(step: Step, context: StepContext): Promise<null> {
  const { provider, kind } = context
  const { identity, spec } = knownOf(step, 'a delete')
  const owner = ownerOf(step, context)
  const target: Target = { address: step.address, kind: step.kind, name: step.name, spec, identity }
  const before = await assess(step, target, context)
  const place = trash(context, step, identity)
  await context.intend({ identity, trash: place, from: withoutSecrets(before.spec, spec, kind) })
  const { successor } = context
  const request = { ...target, identity, owner, trash: place }
  await provider.delete({ ...request, ...(successor != null && { successor }) }, context.call)
  verifyAbsent(step, await context.observe(target), provider.type)
  return null
}

/** Takes what is there into the state. What infra has not tagged yet gets its tag; nothing else of it changes. */
async function adopt(step: Step, context: StepContext): Promise<ResourceRecord> {
  const { provider, kind } = context
  const desired = step.desired ? context.resolve(step.desired, 'resolved') : undefined
  const subject = desired ?? context.record
  if (!subject) throw bug(step, 'an adoption has neither a document nor a record')
  const adopted = context.record?.adopted || !context.record ? { adopted: true as const } : {}
  const known = context.record?.identity ?? step.restore?.identity
  const target: Target = { ...aim(subject), ...(known && { identity: known }) }
  let seen = await context.observe(target)
  if (seen.status !== 'present') throw moved(step, 'it is no longer there')
  const identity = { ...known, ...seen.identity }
  if (!desired) {
    const spec = currentSpec(subject.spec, seen.spec, subject.spec, kind.keyedLists)
    return { ...recordOf({ ...subject, managed: true, spec }, identity, seen, kind), ...adopted }
  }
  const owner = ownerOf(step, context)
  const ours = seen.owner !== undefined && sameOwner(seen.owner, owner)
  if (!ours) {
    const from = withoutSecrets(seen.spec, kept(step, desired, context).spec, kind)
    await context.intend({ identity, trash: trash(context, step, identity), from })
    const request = {
      ...target,
      identity,
      owner,
      labels: desired.labels,
      from: seen.spec,
      changes: [],
      restart: false,
    }
    await provider.update({ ...request, spec: seen.spec }, context.call)
    seen = await context.observe({ ...target, identity })
    if (seen.status !== 'present') throw moved(step, 'it went while it was taken over')
  }
  const recorded = kept(step, desired, context).spec
  const spec = currentSpec(recorded, seen.spec, recorded, kind.keyedLists)
  return { ...recordOf({ ...desired, spec }, { ...identity, ...seen.identity }, seen, kind), ...adopted }
}

async function recordAnew(step: Step, context: StepContext): Promise<ResourceRecord> {
  const { record } = context
  if (!record) throw bug(step, 'nothing is recorded of it')
  const { tainted: _tainted, ...known } = record
  const { managed: _, ...desired } = context.resolve(wanted(step), 'kept')
  return { ...known, ...desired }
}

/** Reads a resource just before it is changed, and holds it against what the plan saw. */
async function assess(
  step: Step,
  target: Target,
  context: StepContext,
): Promise<Extract<Observation, { status: 'present' }>> {
  const before = await context.observe(target)
  if (before.status === 'unreadable') throw moved(step, `it cannot be read: ${before.why}`)
  if (before.status === 'absent') throw moved(step, 'it has gone since the plan was made')
  const { planned, kind } = context
  if (!planned) throw bug(step, 'the plan has not seen it')
  const declared = { recorded: step.before?.spec, desired: step.desired?.spec }
  const changes = changesSince(planned, before, declared, kind)
  if (changes.length === 0) return before
  const sensitive = [...(step.before?.sensitive ?? []), ...(step.desired?.sensitive ?? [])]
  throw moved(step, 'it has changed since the plan was made', tellChanges(changes, declared, sensitive, kind))
}

/** Whether what is found where something is to be made is the unfinished work of an earlier try. */
function isOwn(
  found: Extract<Observation, { status: 'present' }>,
  owner: Owner,
  identity: Identity,
  step: Step,
): boolean {
  if (found.owner) return sameOwner(found.owner, owner)
  if (step.restore?.resume) return !isForeign(found, identity, owner.lineage, step.address)
  return identity.uuid !== undefined && found.identity.uuid === identity.uuid
}

function aim(resource: Pick<DesiredResource, 'address' | 'kind' | 'name' | 'spec'>): Target {
  return { address: resource.address, kind: resource.kind, name: resource.name, spec: resource.spec }
}

function recordOf(
  desired: DesiredResource,
  identity: Identity,
  seen: Extract<Observation, { status: 'present' }>,
  kind: Kind,
): ResourceRecord {
  const { managed: _, ...known } = desired
  const facts = openFacts(seen.facts, kind)
  return { ...known, identity, facts, ...(seen.pending?.length && { pending: seen.pending }) }
}

/** As it is recorded: what refers to another resource's secret stays a reference. */
function kept(step: Step, desired: DesiredResource, context: StepContext): DesiredResource {
  return step.desired && holdsSecret(step.desired.spec) ? context.resolve(step.desired, 'kept') : desired
}

/** What was read, with references in the place of secrets that are known as such. */
function withoutSecrets(seen: Attributes, known: Attributes, kind: Kind): Attributes {
  return holdsSecret(known) ? currentSpec(known, seen, known, kind.keyedLists) : seen
}

/** What is known of an object that is there. */
function knownOf(step: Step, what: string): NonNullable<Step['before']> {
  if (!step.before) throw bug(step, `${what} has no record`)
  return step.before
}

function ownerOf(step: Step, context: StepContext): Owner {
  return { lineage: context.lineage, address: originalAddress(step.address) }
}

/** Another place for each object: one apply may delete the old one of an address and, on its way back, the new one. */
function trash(context: StepContext, step: Step, identity: Identity): string {
  const told = `${context.applyId} ${step.address} ${canonicalJson(identity)}`
  return createHash('sha256').update(told).digest('hex').slice(0, 12)
}

function wanted(step: Step): DesiredResource {
  if (!step.desired) throw bug(step, `a step of action ${step.action} has no desired resource`)
  return step.desired
}

function moved(step: Step, what: string, why?: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'moved',
    address: step.address,
    message: `the ${step.phase ?? step.action} was not tried: ${what}`,
    ...(why !== undefined && { why }),
    hint: 'Plan again to see what is there now.',
  })
}

function bug(step: Step, what: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'broken-plan',
    address: step.address,
    message: `the step cannot be done: ${what}`,
    hint: 'Plan again. A saved plan that was edited by hand is not applied.',
  })
}

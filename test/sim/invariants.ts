/** What must hold of a machine once its apply is settled, whatever happened before. */
import { stateBefore } from '../../src/apply/checkpoint.js'
import type { Kept } from '../../src/apply/record.js'
import { originalAddress } from '../../src/model/former.js'
import { isObject, type Json, sameValue } from '../../src/model/value.js'
import { currentSpec, differences } from '../../src/planner/diff.js'
import type { WorldObject } from '../../src/providers/embedded/world.js'
import type { ResourceRecord } from '../../src/state/document.js'
import { integrityFault } from '../../src/state/integrity.js'
import { testKinds } from '../planner/fixtures.js'
import type { Operation } from './draw.js'
import type { Machine } from './process.js'
import type { Snapshot } from './snapshot.js'

/** How an operation was settled. `none`: nothing was begun, or only the state edited, or checkpoints pruned. */
export type Settled = 'applied' | 'rolled-back' | 'stopped' | 'none'

export interface Case {
  readonly machine: Machine
  readonly operation: Operation
  readonly before: Snapshot
  readonly after: Snapshot
  readonly settled: Settled
  /** Addresses of which the report said that they could not be put back. */
  readonly left: ReadonlySet<string>
  /** UUIDs of objects that infra let go of on purpose. */
  readonly released: ReadonlySet<string>
  /** Reads lied, or somebody else had a hand in it: less is promised. */
  readonly disturbed: boolean
  /** Reads lied: what they hid is found by its owner's tag, later. */
  readonly lied: boolean
}

/** The newest checkpoint of what was settled says how. */
export function settledAs(before: Snapshot, after: Snapshot): Settled {
  const serial = after.state?.serial ?? 0
  const own = after.checkpoints.find(one => one.after === serial)
  if (!own || serial <= (before.state?.serial ?? 0) || own.summary === 'state edited') return 'none'
  if (own.summary.startsWith('rolled-back:')) return 'rolled-back'
  return own.summary.startsWith('stopped:') ? 'stopped' : 'applied'
}

/** What is wrong, in words; nothing where all holds. */
export function violations(one: Case): string[] {
  return [
    ...stateIsValid(one),
    ...recordsAreReal(one),
    ...nothingIsOrphaned(one),
    ...strangersAreThere(one),
    ...nothingIsTwice(one),
    ...dataIsThere(one),
    ...trashIsKnown(one),
    ...(one.settled === 'rolled-back' || one.settled === 'none' ? worldIsAsBefore(one) : []),
  ]
}

function stateIsValid({ after }: Case): string[] {
  const { state, checkpoints, journal } = after
  const wrong: string[] = []
  if (journal) wrong.push('a journal is still there')
  if (!state) return wrong
  const fault = integrityFault(state)
  if (fault) wrong.push(`the state is invalid: ${fault}`)
  let serial = state.serial
  for (const checkpoint of [...checkpoints].reverse()) {
    if (checkpoint.after !== serial)
      wrong.push(`checkpoint ${checkpoint.id} does not follow on serial ${serial}`)
    serial = checkpoint.before
    try {
      const former = stateBefore(state, checkpoints, checkpoint.id)
      const broken = integrityFault(former)
      if (broken && former.serial > 0) wrong.push(`the state before ${checkpoint.id} is invalid: ${broken}`)
    } catch (error) {
      wrong.push(`there is no way back to ${checkpoint.id}: ${(error as Error).message}`)
    }
  }
  return wrong
}

/** Each record has its object: that one, owned by it, whole, and as recorded. */
function recordsAreReal({ machine, before, after, settled, left, disturbed }: Case): string[] {
  const { state, live } = after
  const wrong: string[] = []
  const was = new Set(before.live.map(object => object.identity.uuid))
  for (const record of Object.values(state?.resources ?? {})) {
    const { address, kind, name, identity } = record
    // Missing already: a stop that could not read told of it, and the next apply sees to it.
    const missed =
      before.state?.resources[address]?.identity.uuid === identity.uuid && !was.has(identity.uuid)
    if (missed && settled !== 'applied') continue
    const object = live.find(other => other.kind === kind && other.identity.uuid === identity.uuid)
    if (!object || object.name !== name) {
      if (
        !disturbed &&
        !machine.strangers.changed.has(identity.uuid ?? '') &&
        !missingIsTold(record, settled)
      )
        wrong.push(`${address} is recorded and not there`)
      continue
    }
    if (disturbed) continue
    // What is to go after its successor has come keeps the tag of the address that both have.
    if (object.owner?.lineage !== state?.lineage || object.owner?.address !== originalAddress(address))
      wrong.push(`${address} has the owner tag of ${object.owner?.address}`)
    if (settled === 'stopped' || settled === 'none') continue
    const halfBefore = before.live.some(one => one.incomplete && one.identity.uuid === identity.uuid)
    if (object.incomplete && !record.tainted && !(halfBefore && settled === 'rolled-back'))
      wrong.push(`${address} is there in part only`)
    if (left.has(address)) continue
    const lists = testKinds.get(kind)?.keyedLists ?? {}
    const seen = currentSpec(record.spec, object.spec, record.spec, lists)
    const moved = differences(record.spec, seen, lists).filter(
      change => !record.lifecycle.ignoreChanges?.includes(change.path),
    )
    if (settled === 'applied' && moved.length > 0)
      wrong.push(`${address} is not as recorded: ${JSON.stringify(moved)}`)
  }
  return wrong
}

/** What a stop left half-way and nobody could read is recorded, whether or not it is there. */
function missingIsTold(record: ResourceRecord, settled: Settled): boolean {
  return settled === 'stopped' || (settled !== 'applied' && record.tainted !== undefined)
}

function nothingIsOrphaned(one: Case): string[] {
  return orphans(one).flatMap(({ kind, name, owner, identity: { uuid } }) =>
    one.lied && owner?.lineage === one.after.state?.lineage
      ? []
      : [`${kind}/${name} ${uuid} exists and nobody owns it`],
  )
}

/** Objects that nobody has recorded, made, or let go of. */
export function orphans({ machine, after, released }: Pick<Case, 'machine' | 'after' | 'released'>) {
  const recorded = new Set(Object.values(after.state?.resources ?? {}).map(one => one.identity.uuid))
  return after.live.filter(
    ({ identity: { uuid = '' } }) =>
      !recorded.has(uuid) && !released.has(uuid) && !machine.strangers.begun.has(uuid),
  )
}

/** What others made is theirs. */
function strangersAreThere({ machine: { strangers }, after }: Case): string[] {
  const there = new Set(after.live.map(object => object.identity.uuid))
  return [...strangers.made]
    .filter(uuid => !there.has(uuid) && !strangers.destroyed.has(uuid))
    .map(uuid => `what somebody else made is gone: ${uuid}`)
}

function nothingIsTwice({ after }: Case): string[] {
  const wrong: string[] = []
  const count = (what: string, keys: readonly string[]) => {
    const seen = new Set<string>()
    for (const key of keys) {
      if (seen.has(key)) wrong.push(`${what} ${key} is there twice`)
      seen.add(key)
    }
  }
  count(
    'the uuid',
    after.live.map(one => one.identity.uuid ?? ''),
  )
  count(
    'the name',
    after.live.map(one => `${one.kind}/${one.name}`),
  )
  count(
    'the trash',
    after.trash.map(one => one.trash ?? ''),
  )
  count(
    'the data',
    [...after.live, ...after.trash].flatMap(one => (one.data ? [one.data] : [])),
  )
  return wrong
}

const dataOf = (objects: readonly WorldObject[]) =>
  new Map(objects.flatMap(one => (one.data ? [[one.data, one] as const] : [])))

/** No data goes without leave: what cannot be kept was deleted on purpose, or pruned, or others destroyed it. */
function dataIsThere({ machine, operation, before, after, settled }: Case): string[] {
  const had = dataOf([...before.live, ...before.trash])
  const has = dataOf([...after.live, ...after.trash])
  return [...had].flatMap(([data, object]) => {
    if (has.has(data) || machine.strangers.destroyed.has(data)) return []
    if (operation.do === 'prune' && object.trash) return []
    if (object.kind === 'Deposit' && settled !== 'none') return []
    return [`the data of ${object.kind}/${object.name} is gone${object.trash ? ' from the trash' : ''}`]
  })
}

/** What is in the trash is in exactly one checkpoint, and the other way round. */
function trashIsKnown({ operation, before, after, disturbed }: Case): string[] {
  const kept = after.checkpoints.flatMap(checkpoint => checkpoint.kept)
  const tokens = kept.map(tokenOf)
  const lying = new Set(after.trash.map(object => object.trash ?? ''))
  const wrong = after.trash
    .filter(object => !tokens.includes(object.trash ?? ''))
    .map(({ kind, name }) => `nobody knows of ${kind}/${name} in the trash`)
  if (disturbed) return wrong
  if (new Set(tokens).size < tokens.length) wrong.push('a checkpoint’s token is there twice')
  if (operation.do === 'prune') return wrong
  // Of what nobody had before, nobody misses anything; a prune that was cut off destroyed what its checkpoint still tells of;
  // and what a delete was to put aside and did not is where it was.
  const live = new Set(after.live.map(object => object.identity.uuid))
  const had = new Set([...before.live, ...before.trash].map(object => object.identity.uuid))
  for (const one of kept) {
    const { uuid } = one.identity
    if (lying.has(tokenOf(one)) || !had.has(uuid) || live.has(uuid)) continue
    // Brought back and put aside again: the later token counts.
    if (kept.findLast(other => other.identity.uuid === uuid) !== one) continue
    wrong.push(`a checkpoint tells of ${tokenOf(one)}, which is not in the trash`)
  }
  return wrong
}

function tokenOf({ token }: Kept): string {
  return isObject(token) ? String(token.trash) : ''
}

/** Put back: every object is the one that it was, with what was in it; the state records what it recorded. */
function worldIsAsBefore({ machine, operation, before, after, settled, left, disturbed }: Case): string[] {
  if (disturbed) return []
  const wrong: string[] = []
  const byUuid = new Map(after.live.map(object => [object.identity.uuid, object]))
  for (const object of before.live) {
    const { kind, name, identity } = object
    const address = object.owner?.address ?? ''
    const now = byUuid.get(identity.uuid)
    if (!now) {
      wrong.push(`${kind}/${name} is not there any more`)
      continue
    }
    // What nobody had declared of it is not infra's to put back.
    const declared = before.state?.resources[address]?.spec ?? object.spec
    const undeclared = Object.keys(object.spec).filter(key => !Object.hasOwn(declared, key))
    // What was there in part only may be there as a whole now.
    const counted = object.incomplete ? 'spec' : settled
    const [was, is] = [told(object, counted, undeclared), told(now, counted, undeclared)]
    if (!left.has(address) && !sameValue(was, is))
      wrong.push(`${kind}/${name} was ${JSON.stringify(was)} and is ${JSON.stringify(is)}`)
  }
  const knew = new Set(before.live.map(object => object.identity.uuid))
  for (const { kind, name, identity } of after.live)
    if (!knew.has(identity.uuid) && !machine.strangers.begun.has(identity.uuid ?? ''))
      wrong.push(`${kind}/${name} was not there before`)
  if (operation.do === 'taint' || operation.do === 'forget') return wrong
  const records = (snapshot: Snapshot) =>
    Object.fromEntries(
      Object.values(snapshot.state?.resources ?? {}).map(({ facts: _, ...record }) => [
        record.address,
        record,
      ]),
    ) as unknown as Json
  if (!sameValue(records(before), records(after))) wrong.push('the state records something else than before')
  return wrong
}

/** What counts of an object. What is lost with an object that holds no data, and cannot come back, does not. */
function told(
  { kind, name, owner, spec, data }: WorldObject,
  counted: Settled | 'spec',
  without: readonly string[],
): Json {
  const lost = counted === 'spec' || (kind === 'Deposit' && counted === 'rolled-back')
  const kept = lost ? undefined : data
  return {
    ...{ kind, name },
    spec: Object.fromEntries(Object.entries(spec).filter(([key]) => !without.includes(key))),
    owner: owner ? { ...owner } : null,
    data: kept ?? null,
  }
}

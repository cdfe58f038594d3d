/** Steps from decisions: what each does, what it may cost, how it would be undone. */
import type { Hazard, Kind } from '../providers/kind.js'
import { classify } from './classify.js'
import type { Decided } from './decision.js'
import { currentSpec, differences } from './diff.js'
import type { Restore } from './input.js'
import type { Change, Step, Undo } from './plan.js'

type Draft = Omit<Step, 'needs'>

/** The steps of one resource: none, one, or the two halves of a replacement. */
export function stepsOf(decided: Decided): Draft[] {
  const { decision, kind } = decided
  switch (decision.action) {
    case 'none':
    case 'unreadable':
    case 'refused':
      return []
    case 'create':
      return [creation(decided, 'create', decision.cause)]
    case 'delete':
      return [deletion(decided, 'delete', [], decision.cause)]
    case 'replace':
      return [
        deletion(decided, 'replace', decision.changes, decision.cause),
        { ...creation(decided, 'replace', decision.cause), changes: decision.changes },
      ]
    case 'update':
      return [
        {
          ...common(decided, 'update', 'update', decision.cause),
          changes: decision.changes,
          hazards: decision.hazards,
          undo: undoOfUpdate(decision.changes, decision.hazards, kind),
          ...(decision.restart && { restart: true }),
        },
      ]
    case 'adopt':
      return [
        {
          ...common(decided, 'adopt', 'adopt', decision.cause),
          changes: decision.changes,
          undo: { how: 'forget', text: 'taken out of the state; the real thing is not touched' },
        },
      ]
    case 'forget':
      return [
        {
          ...common(decided, 'forget', 'forget', decision.cause),
          undo: { how: 'adopt', text: 'recorded again; the real thing is not touched' },
        },
      ]
    case 'no-op':
      return [
        {
          ...common(decided, 'no-op', 'no-op', decision.cause),
          undo: { how: 'update', text: 'recorded as it was' },
        },
      ]
  }
}

function common(
  decided: Decided,
  prefix: string,
  action: Step['action'],
  cause: string | undefined,
): Omit<Draft, 'undo'> {
  const { address, kind, desired, record, before } = decided
  const object = desired ?? record
  return {
    id: `${prefix} ${address}`,
    action,
    address,
    kind: kind.kind,
    name: object?.name ?? '',
    connection: object?.connection ?? '',
    changes: [],
    ...(cause !== undefined && { cause }),
    hazards: [],
    ...(desired && { desired }),
    ...(before &&
      (record || action === 'update' || action === 'replace') && {
        before: { spec: before.spec, sensitive: before.sensitive, identity: before.identity },
      }),
  }
}

/** Whether each change could be made the other way round. */
function undoOfUpdate(changes: readonly Change[], hazards: readonly Hazard[], kind: Kind): Undo {
  for (const { path, from, to } of changes) {
    const back = classify(kind, {
      path,
      ...(to !== undefined && { from: to }),
      ...(from !== undefined && { to: from }),
    })
    if (back.how === 'refuse') {
      return {
        how: 'none',
        text: `${path} cannot go back${back.why ? `: ${back.why}` : ''}; a rollback leaves it`,
      }
    }
  }
  const lost = hazards.includes('irreversible') || hazards.includes('shrinks-data')
  return {
    how: 'update',
    text: `changed back to what it was${lost ? '; the data that it takes does not come back' : ''}`,
  }
}

function creation(decided: Decided, action: 'create' | 'replace', cause: string | undefined): Draft {
  const prefix = action === 'create' ? 'create' : 'replace-create'
  const undo: Undo = { how: 'delete', text: 'deleted again' }
  return {
    ...common(decided, prefix, action, cause),
    ...(action === 'replace' && { phase: 'create' }),
    undo,
    hazards: hazardsOfReturn(decided),
    ...(decided.restore && { restore: withoutSpec(decided.restore) }),
  }
}

/** The token says it all to who brings it back. */
function withoutSpec({ spec: _, ...restore }: Restore): NonNullable<Step['restore']> {
  return restore
}

/** What it costs to bring an object that was put aside to what is desired: an image that has grown since loses what is beyond. */
function hazardsOfReturn({ restore, desired, kind }: Decided): readonly Hazard[] {
  if (restore?.spec === undefined || restore.token === null || !desired) return []
  const was = currentSpec(desired.spec, restore.spec, desired.spec, kind.keyedLists)
  const hazards = differences(was, desired.spec, kind.keyedLists).flatMap(change => {
    const { how, hazards = [] } = classify(kind, change)
    return how === 'live' ? hazards.filter(hazard => atTheCostOfData.includes(hazard)) : []
  })
  return [...new Set(hazards)].sort()
}

const atTheCostOfData: readonly Hazard[] = ['deletes-data', 'shrinks-data', 'irreversible']

function deletion(
  decided: Decided,
  action: 'delete' | 'replace',
  changes: readonly Change[],
  cause: string | undefined,
): Draft {
  const { kind, record, desired } = decided
  const spec = record?.spec ?? desired?.spec ?? {}
  const { hazards, undo } = kind.deletion(spec)
  const { desired: _, ...draft } = common(
    decided,
    action === 'delete' ? 'delete' : 'replace-delete',
    action,
    cause,
  )
  const told: readonly Hazard[] = undo === 'none' ? [...hazards, 'irreversible'] : hazards
  return {
    ...draft,
    name: record?.name ?? draft.name,
    connection: record?.connection ?? draft.connection,
    ...(action === 'replace' && { phase: 'delete' }),
    changes,
    hazards: [...new Set(told)].sort(),
    undo: deletionUndo[undo],
  }
}

const deletionUndo: Readonly<Record<'restore' | 'recreate' | 'none', Undo>> = {
  restore: {
    how: 'restore',
    text: 'kept aside, and brought back with its data until the checkpoint is pruned',
  },
  recreate: { how: 'recreate', text: 'made again as it was; it holds no data' },
  none: { how: 'none', text: 'it cannot be undone' },
}

/** Refusals that several kinds have. */
import { InfraError } from '../../model/error.js'
import { type Attributes, sameValue } from '../../model/value.js'
import type { CreateRequest, Identity, Observation, Target } from '../provider.js'

type Present = Extract<Observation, { status: 'present' }>

/**
 * Whether what is found where something is to be made may be finished: it is ours, or carries no tag, and it is like
 * what is to be made. Ceph answers "done" to making what exists, whatever its attributes are; infra does not.
 */
export function mayFinish(
  found: Present,
  request: CreateRequest,
  /** Fields that cannot be changed later. */
  fixed: readonly string[],
  /** Further fields by which something without a tag is known to be what an earlier try made. */
  known: readonly string[] = [],
): void {
  const { owner } = found
  const ours = owner?.lineage === request.owner.lineage && owner.address === request.owner.address
  if (owner && !ours) {
    throw exists(request, `it belongs to ${owner.address} of the stack with lineage ${owner.lineage}`)
  }
  const other = [...fixed, ...(ours ? [] : known)].find(field => differs(field, request.spec, found.spec))
  if (other !== undefined) {
    const [is, should] = [found.spec[other], request.spec[other]].map(value => JSON.stringify(value))
    throw exists(request, `its ${other} is ${is} and should be ${should}`)
  }
}

const differs = (field: string, wanted: Attributes, found: Attributes): boolean =>
  wanted[field] !== undefined && found[field] !== undefined && !sameValue(wanted[field], found[field])

/** Something is in the place of what is to be made. */
export function exists(request: Target, why: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'ceph-exists',
    address: request.address,
    message: `${request.name} exists already and is not what is to be made`,
    why,
    hint: 'Adopt it, or choose another name.',
  })
}

/** A delete of something that others need. */
export function held(request: Target, holders: readonly string[], hint: string): InfraError {
  const shown = [...holders].sort().slice(0, 20).join(', ')
  return new InfraError({
    kind: 'operation',
    code: 'ceph-held',
    address: request.address,
    message: `${request.name} is not deleted: it is held by ${shown}${holders.length > 20 ? `, and ${holders.length - 20} more` : ''}`,
    hint,
  })
}

/** A delete of something that took the place of what was recorded. */
export function checkSame(request: Target, found: Identity, field: string): void {
  const known = request.identity?.[field]
  if (known === undefined || found[field] === undefined || known === found[field]) return
  throw new InfraError({
    kind: 'operation',
    code: 'ceph-replaced',
    address: request.address,
    message: `${request.name} is not deleted: another one has taken its place`,
    why: `its ${field} is ${found[field]}, and ${known} was recorded`,
    hint: 'Forget the resource, or adopt what is there.',
  })
}

/** What an earlier delete kept is no longer there. */
export function lost(request: Target, what: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'ceph-kept-lost',
    address: request.address,
    message: `${request.name} cannot be brought back: ${what}`,
    hint: 'Somebody has removed what was kept. Make it anew, without its data.',
  })
}

/** What every kind's folder exports: the provider's verbs for its resources. */
import type { Json } from '../../model/value.js'
import type {
  Call,
  CreateRequest,
  DeleteRequest,
  Observation,
  Target,
  Unmanaged,
  UpdateRequest,
} from '../provider.js'
import type { Ceph } from './ask.js'

/** Tokens say of which kind they are, so that `discard` finds who wrote them. */
export type Token = { readonly kind: string } & { readonly [field: string]: Json }

/** What was seen, by address. */
export type Seen = Map<string, Observation>

export interface Handler {
  observe(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Seen>
  create(ceph: Ceph, request: CreateRequest, call: Call): Promise<void>
  update(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void>
  delete(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void>
  discard?(ceph: Ceph, token: Token, signal: AbortSignal): Promise<void>
  unmanaged?(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Unmanaged[]>
}

/** One target's observation where a verb needs it. */
export async function observeOne(
  handler: Pick<Handler, 'observe'>,
  ceph: Ceph,
  target: Target,
  signal: AbortSignal,
): Promise<Observation> {
  const seen = await handler.observe(ceph, [target], signal)
  return seen.get(target.address) ?? { status: 'absent' }
}

/** Groups targets, keeping their order. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const name = key(item)
    const group = groups.get(name)
    if (group) group.push(item)
    else groups.set(name, [item])
  }
  return groups
}

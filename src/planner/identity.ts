/** Whether two identities are those of one object. */
import { sameValue } from '../model/value.js'
import type { Identity } from '../providers/provider.js'

/**
 * By the UUID chosen before the object was made, where both have one: what the system itself adds (a path, a key) may be
 * another one after the object came back from where its delete kept it.
 */
export function sameIdentity(a: Identity, b: Identity): boolean {
  if (a.uuid !== undefined && b.uuid !== undefined) return a.uuid === b.uuid
  return sameValue(a, b)
}

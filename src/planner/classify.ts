/** How a change can be met: the kind's rules applied to differences. The fifth verb of the provider contract, `diff`. */
import type { Json } from '../model/value.js'
import type { ChangeRule, Kind } from '../providers/kind.js'
import { type Difference, pathPattern, within } from './diff.js'

export type Verdict = Pick<ChangeRule, 'how' | 'why' | 'hint' | 'hazards'>

/** The first rule that matches; a change that no rule names is a replacement. `undoing`: on the way back of a failed apply. */
export function classify(kind: Kind, change: Difference, undoing = false): Verdict {
  const pattern = pathPattern(change.path)
  for (const rule of kind.changes) {
    if (!within(pattern, rule.path)) continue
    if (undoing && rule.forwardOnly) continue
    if (rule.op !== undefined && rule.op !== operation(change, pattern === rule.path)) continue
    if (rule.when !== undefined && !rule.when.holds(change.from, change.to)) continue
    return rule
  }
  return { how: 'replace', why: `${kind.kind} cannot change it in place` }
}

/** A difference below a rule's path changes what the path holds, whatever happens at the leaf. */
function operation(change: { from?: Json; to?: Json }, exact: boolean): 'add' | 'remove' | 'change' {
  if (!exact) return 'change'
  if (change.from === undefined) return 'add'
  return change.to === undefined ? 'remove' : 'change'
}

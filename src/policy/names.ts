/** The names that an expression looks at. */
import { nearest } from '../stack/nearest.js'
import type { Expression, PolicyRule } from './policy.js'
import { variables } from './variables.js'

/** Those that are there in rules with `each: step` only. */
const ofSteps: readonly string[] = ['step', 'resource']

/**
 * What is wrong with the names of an expression: one that is almost a variable's, or a step's in a rule for the plan as a whole.
 * Other names are left to the evaluation: types and functions have some, too.
 */
export function misnamed(
  expression: Expression,
  each: PolicyRule['each'],
): { readonly message: string; readonly hint: string } | undefined {
  const { used, bound } = namesIn(expression)
  for (const name of used) {
    if (bound.has(name)) continue
    if (Object.hasOwn(variables, name)) {
      if (each === 'step' || !ofSteps.includes(name)) continue
      return {
        message: `\`${name}\` is there only in rules that are evaluated for each step.`,
        hint: 'Leave `each: plan` out, or look at `steps`.',
      }
    }
    const [near] = nearest(name, Object.keys(variables))
    if (near !== undefined)
      return { message: `There is no variable \`${name}\`.`, hint: `Did you mean \`${near}\`?` }
  }
  return undefined
}

/** Names that are looked at, and those that the expression gives to something itself, as `all(one, …)` does. */
function namesIn(expression: Expression): { readonly used: Set<string>; readonly bound: Set<string> } {
  const used = new Set<string>()
  const bound = new Set<string>()
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const node = value as { readonly [key: string]: unknown }
    if (node.case === 'identExpr') used.add(String((node.value as { readonly name: string }).name))
    for (const name of [node.iterVar, node.iterVar2, node.accuVar])
      if (typeof name === 'string') bound.add(name)
    for (const inner of Object.values(node)) walk(inner)
  }
  walk(expression.expr)
  return { used, bound }
}

/** Evaluates rules on a plan. */
import { type CelInput, celEnv, isCelError, plan as prepare } from '@bufbuild/cel'
import { strings } from '@bufbuild/cel/ext'
import { maskPlan } from '../planner/mask.js'
import type { Plan } from '../planner/plan.js'
import type { Expression, PolicyFinding, PolicyReport, PolicyRule } from './policy.js'
import { variablesOf } from './variables.js'

/** After this many findings of one rule, more are counted and not listed. */
const manyFindings = 200

type Evaluate = (bindings: Readonly<Record<string, CelInput>>) => boolean | { readonly error: string }

/**
 * What the rules find. A rule that cannot be evaluated is a finding of its level: a rule that denies fails closed.
 * `now` is in milliseconds since 1970.
 */
export function evaluatePolicy(rules: readonly PolicyRule[], clear: Plan, now: number): PolicyReport {
  const plan = maskPlan(clear)
  const variables = variablesOf(plan, now)
  const findings: PolicyFinding[] = []
  for (const rule of rules) {
    const holds = evaluation(rule)
    const subjects =
      rule.each === 'plan'
        ? [{ bindings: () => variables.plan }]
        : plan.steps.map(step => ({ address: step.address, bindings: () => variables.ofStep(step) }))
    let found = 0
    for (const subject of subjects) {
      const result = holds(subject.bindings())
      if (result === true) continue
      found += 1
      if (found > manyFindings) continue
      const error = typeof result === 'object' ? result.error : undefined
      const about = 'address' in subject ? { address: subject.address } : {}
      findings.push(finding(rule, error, about))
    }
    if (found > manyFindings)
      findings.push({
        ...finding(rule, undefined, {}),
        reason: `${rule.reason} (and ${found - manyFindings} more steps)`,
      })
  }
  return { evaluated: rules.length, findings }
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function finding(
  rule: PolicyRule,
  error: string | undefined,
  about: { readonly address?: string },
): PolicyFinding {
  const reason =
    error === undefined ? rule.reason : `${sentence(rule.reason)} The rule could not be evaluated: ${error}`
  return {
    rule: rule.name,
    level: rule.level,
    reason,
    ...about,
    ...(error !== undefined && { error }),
    place: rule.place,
  }
}

function evaluation(rule: PolicyRule): Evaluate {
  const when = rule.when === undefined ? undefined : compiled(rule.when)
  const required = compiled(rule.require)
  return bindings => {
    const concerned = when?.(bindings)
    if (concerned === false) return true
    if (typeof concerned === 'object') return concerned
    return required(bindings)
  }
}

/** What the language says of a name, or of a field, that is not there tells nothing of what to do. */
function inWords(said: string): string {
  if (!/^(unresolved attribute|field not found|no such key)/.test(said)) return said
  return `${said} (what may be missing is asked for with has(…) first)`
}

function compiled(expression: Expression): Evaluate {
  const evaluate = prepare(celEnv({ funcs: [...strings] }), expression)
  return bindings => {
    const result = evaluate({ ...bindings })
    if (isCelError(result)) return { error: inWords(result.message) }
    return typeof result === 'boolean' ? result : { error: `it is not true or false, but ${typeof result}` }
  }
}

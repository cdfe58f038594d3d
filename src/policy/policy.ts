/** Policies: rules beside a stack that every plan must meet, in CEL, evaluated when planning and again when applying. */
import type { parse } from '@bufbuild/cel'
import type { SourcePlace } from '../model/error.js'

export type PolicyLevel = 'warn' | 'deny'

/** A CEL expression, parsed. */
export type Expression = ReturnType<typeof parse>

export interface PolicyRule {
  readonly name: string
  readonly reason: string
  readonly level: PolicyLevel
  /** Evaluated once for the plan, or for each step. */
  readonly each: 'plan' | 'step'
  /** Where it is false, the rule has nothing to say. */
  readonly when?: Expression
  /** Must be true. */
  readonly require: Expression
  /** Where the rule stands, for messages. */
  readonly place: SourcePlace
}

export interface PolicyFinding {
  readonly rule: string
  readonly level: PolicyLevel
  readonly reason: string
  /** Absent where the rule is about the plan as a whole. */
  readonly address?: string
  /** The rule could not be evaluated; that counts as what the rule's level says. */
  readonly error?: string
  readonly place?: SourcePlace
}

export interface PolicyReport {
  /** How many rules were evaluated. */
  readonly evaluated: number
  readonly findings: readonly PolicyFinding[]
}

/** Whether a plan may be applied. */
export function permits(report: PolicyReport): boolean {
  return report.findings.every(finding => finding.level !== 'deny')
}

/** The command that applies exactly a plan, and nothing else. */
import type { Plan } from '../planner/plan.js'
import { shellWord } from './markdown/escape.js'

export interface AsPlanned {
  /** The stack's file or folder. */
  readonly path?: string
  /** What else the plan was asked for with: `--target`, `VirtualMachine/web`. */
  readonly flags?: readonly string[]
}

const verbs = { apply: ['apply'], accept: ['apply', '--refresh-only'], destroy: ['destroy'] } as const

/** A line for a shell; undefined for the plan of a way back, which no digest asks for. */
export function applyCommand(plan: Plan, { path, flags = [] }: AsPlanned): string | undefined {
  if (plan.mode === 'rollback') return undefined
  const words = [
    ...verbs[plan.mode],
    '--digest',
    plan.digest,
    ...(path === undefined ? [] : [path]),
    ...flags,
  ]
  return `infra ${words.map(shellWord).join(' ')}`
}

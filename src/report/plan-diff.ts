/** What differs between two plans: for `infra diff`, and for an apply that is refused. */
import { canonicalJson, type Json } from '../model/value.js'
import type { Plan, Step } from '../planner/plan.js'
import { changeText } from './change-text.js'
import { visible } from './text.js'

/** A line a difference; none where the two plans do the same from the same beginning. */
export function planDifferences(a: Plan, b: Plan): string[] {
  const lines: string[] = []
  if (a.stack !== b.stack) lines.push(`! stack: ${visible(a.stack)} → ${visible(b.stack)}`)
  if (a.mode !== b.mode) lines.push(`! mode: ${a.mode} → ${b.mode}`)
  if (a.base.lineage !== b.base.lineage) lines.push('! the state is another one (lineage)')
  else if (a.base.serial !== b.base.serial) lines.push(`! state serial: ${a.base.serial} → ${b.base.serial}`)
  const before = new Map(a.steps.map(step => [step.id, step]))
  const after = new Map(b.steps.map(step => [step.id, step]))
  for (const [id, step] of before) {
    const now = after.get(id)
    if (!now) lines.push(`- ${visible(id)}`)
    else if (!sameStep(step, now)) lines.push(`! ${visible(id)}`, ...changesOf(step, now))
  }
  for (const id of after.keys()) if (!before.has(id)) lines.push(`+ ${visible(id)}`)
  for (const [address, digest] of Object.entries(b.observed)) {
    const old = a.observed[address]
    if (old !== undefined && old !== digest)
      lines.push(`! ${visible(address)} is no longer what was observed`)
  }
  return lines
}

function sameStep(a: Step, b: Step): boolean {
  return canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json)
}

function changesOf(a: Step, b: Step): string[] {
  const told = (step: Step) =>
    step.changes.map(change => changeText(change)).map(text => `${text.path}: ${text.value}`)
  const old = new Set(told(a))
  const now = new Set(told(b))
  return [
    ...[...old].filter(line => !now.has(line)).map(line => `  - ${line}`),
    ...[...now].filter(line => !old.has(line)).map(line => `  + ${line}`),
  ]
}

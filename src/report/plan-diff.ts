/** How two plans differ: what `infra diff` prints, and what a refused `infra apply --digest` shows. */
import { canonicalJson, type Json, sameValue } from '../model/value.js'
import { type Difference, differences } from '../planner/diff.js'
import { type MaskOptions, maskPlan } from '../planner/mask.js'
import type { Drift, Plan, Step } from '../planner/plan.js'
import { changeText } from './change-text.js'
import { type Style, styleOf } from './style.js'
import { visible } from './text.js'
import { showValue } from './value.js'

export interface PlanDiff {
  readonly same: boolean
  /** What both plans say of themselves, where they differ: stack, mode, state, connections. */
  readonly about: readonly { readonly what: string; readonly a: string; readonly b: string }[]
  readonly onlyInA: readonly Step[]
  readonly onlyInB: readonly Step[]
  readonly differing: readonly StepDiff[]
  /** Resources whose observation differs although their steps do not. */
  readonly moved: readonly string[]
  /** Of these, the attributes whose drift from what was recorded differs, by address. */
  readonly movedPaths: Readonly<Record<string, readonly string[]>>
}

export interface StepDiff {
  readonly id: string
  readonly lines: readonly { readonly sign: '+' | '-' | '~'; readonly text: string }[]
}

/** What differs between two plans: the steps, and what they were made from. */
export function diffPlans(first: Plan, second: Plan, options: MaskOptions = {}): PlanDiff {
  const [a, b] = [maskPlan(first, options), maskPlan(second, options)]
  const inA = new Map(a.steps.map(step => [step.id, step]))
  const inB = new Map(b.steps.map(step => [step.id, step]))
  const onlyInA = a.steps.filter(step => !inB.has(step.id))
  const onlyInB = b.steps.filter(step => !inA.has(step.id))
  const differing = a.steps.flatMap(step => {
    const other = inB.get(step.id)
    const lines = other ? stepLines(step, other) : []
    return lines.length > 0 ? [{ id: step.id, lines }] : []
  })
  const told = new Set([...onlyInA, ...onlyInB].map(step => step.address))
  for (const { id } of differing) told.add(inA.get(id)?.address ?? '')
  const addresses = new Set([...Object.keys(a.observed), ...Object.keys(b.observed)])
  const moved = [...addresses]
    .filter(address => a.observed[address] !== b.observed[address] && !told.has(address))
    .sort()
  const movedPaths = Object.fromEntries(
    moved.map(address => [address, driftedApart(driftAt(a, address), driftAt(b, address))]),
  )
  const about = aboutBoth(a, b)
  const same = first.digest === second.digest
  return { same, about, onlyInA, onlyInB, differing, moved, movedPaths }
}

function driftAt({ drift }: Plan, address: string): Drift['changes'] {
  return drift.find(one => one.address === address)?.changes ?? []
}

/** Paths that drifted in one of the two and not in the other, or to another value. */
function driftedApart(a: Drift['changes'], b: Drift['changes']): string[] {
  const told = (changes: Drift['changes']) =>
    new Map(changes.map(change => [change.path, canonicalJson(change as unknown as Json)]))
  const [inA, inB] = [told(a), told(b)]
  const paths = new Set([...inA.keys(), ...inB.keys()])
  return [...paths].filter(path => inA.get(path) !== inB.get(path)).sort()
}

function aboutBoth(a: Plan, b: Plan): { what: string; a: string; b: string }[] {
  const facts = (plan: Plan): Record<string, Json> => ({
    stack: plan.stack,
    mode: plan.mode,
    'state lineage': plan.base.lineage,
    'state serial': plan.base.serial,
    connections: plan.connections as unknown as Json,
    'could not be read': plan.unreadable.map(one => one.address),
    outputs: plan.outputs as unknown as Json,
  })
  const [inA, inB] = [facts(a), facts(b)]
  return Object.keys(inA)
    .filter(what => !sameValue(inA[what], inB[what]))
    .map(what => ({ what, a: showValue(inA[what]), b: showValue(inB[what]) }))
}

/** In which fields two steps of the same id differ. */
function stepLines(a: Step, b: Step): StepDiff['lines'] {
  const lines: { sign: '+' | '-' | '~'; text: string }[] = []
  const tell = (what: string, from: Json | undefined, to: Json | undefined) => {
    if (sameValue(from, to)) return
    lines.push({ sign: '~', text: `${what}: ${showValue(from)} → ${showValue(to)}` })
  }
  const text = (change: Step['changes'][number]) => {
    const { path, value, notes } = changeText(change)
    return `${path}: ${value}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`
  }
  const changesB = new Map(b.changes.map(change => [change.path, change]))
  const changesA = new Set(a.changes.map(change => change.path))
  for (const change of a.changes) {
    const other = changesB.get(change.path)
    if (other && canonicalJson(change as unknown as Json) === canonicalJson(other as unknown as Json))
      continue
    lines.push({ sign: '-', text: text(change) })
    if (other) lines.push({ sign: '+', text: text(other) })
  }
  for (const change of b.changes)
    if (!changesA.has(change.path)) lines.push({ sign: '+', text: text(change) })
  tell('hazards', a.hazards, b.hazards)
  tell('cause', a.cause, b.cause)
  tell('undo', a.undo.text, b.undo.text)
  tell('needs', a.needs, b.needs)
  tell('restarts now', a.restart ?? false, b.restart ?? false)
  if (lines.length === 0)
    for (const change of differences(a.desired?.spec ?? {}, b.desired?.spec ?? {}, {}))
      lines.push({
        sign: changeText(change).sign,
        text: text({ ...unmarked(change), origin: 'stack', how: 'live' }),
      })
  if (lines.length === 0 && !sameValue(a.before?.spec, b.before?.spec))
    lines.push({ sign: '~', text: 'what it was differs' })
  return lines
}

/** A secret is told to be another one, and not by its mark. */
function unmarked(change: Difference): Difference & { readonly sensitive?: true } {
  const mark = '.$sensitive'
  return change.path.endsWith(mark)
    ? { ...change, path: change.path.slice(0, -mark.length), sensitive: true }
    : change
}

/** The differences as lines; empty where there are none. */
export function renderPlanDiff(diff: PlanDiff, options: { readonly colour: boolean }): string {
  const style = styleOf(options.colour)
  const lines: string[] = []
  for (const { what, a, b } of diff.about) lines.push(`${style.yellow('~')} ${what}: ${a} → ${b}`)
  for (const step of diff.onlyInA) lines.push(style.red(`- ${stepText(step)}`))
  for (const step of diff.onlyInB) lines.push(style.green(`+ ${stepText(step)}`))
  for (const { id, lines: own } of diff.differing)
    lines.push(`${style.yellow('~')} ${visible(id)}`, ...own.map(line => `    ${paintLine(line, style)}`))
  for (const address of diff.moved)
    lines.push(
      `${style.yellow('~')} ${visible(address)}: what is there differs${pathsText(diff.movedPaths[address])}, the plan for it does not`,
    )
  if (lines.length === 0)
    lines.push(diff.same ? 'The plans are the same.' : 'The plans do the same, and differ in remarks only.')
  return `${lines.join('\n')}\n`
}

function pathsText(paths: readonly string[] = []): string {
  return paths.length === 0 ? '' : ` (${visible(paths.join(', '))})`
}

function stepText(step: Step): string {
  const hazards = step.hazards.length > 0 ? ` [${step.hazards.join(', ')}]` : ''
  return visible(`${step.id}${hazards}`)
}

function paintLine({ sign, text }: StepDiff['lines'][number], style: Style): string {
  const colour = sign === '+' ? style.green : sign === '-' ? style.red : style.yellow
  return `${colour(sign)} ${visible(text)}`
}

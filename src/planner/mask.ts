/** The one place where secrets are taken out of a plan. What every report shows and every file holds went through here. */
import { createHmac } from 'node:crypto'
import {
  canonicalJson,
  isObject,
  isSensitive,
  type Json,
  type Sensitive,
  scalarText,
  secretText,
} from '../model/value.js'
import type { DesiredResource } from '../stack/desired.js'
import { within } from './diff.js'
import type { Change, Drift, Plan, Step } from './plan.js'

export interface MaskOptions {
  /** Makes the digests that tell a changed secret from an unchanged one. Without a key a mask tells nothing. */
  readonly key?: string
  /** Further secret texts (a stack's sensitive variables), taken out wherever they occur in a text. */
  readonly secrets?: readonly string[]
}

/** Shorter texts occur everywhere by chance (`a`, `true`); they are masked in their own place only. */
const shortestSecret = 6

/** What stands for a secret value; a mask stays what it is. */
export function maskValue(value: Json, options: MaskOptions = {}): Sensitive {
  if (isSensitive(value)) return value
  if (options.key === undefined) return { $sensitive: true }
  return {
    $sensitive: createHmac('sha256', options.key).update(canonicalJson(value)).digest('hex').slice(0, 16),
  }
}

/** What becomes of the objects that a resource is rendered to. */
export interface RenderedChanges {
  readonly address: string
  /** Why it could not be told. */
  readonly why?: string
  readonly objects: readonly {
    /** `StatefulSet/team-a`. */
    readonly object: string
    readonly op: 'add' | 'remove' | 'change'
    readonly changes: readonly Moved[]
  }[]
}

/** The same with every secret of the plan's resources taken out. */
export function maskRendered(
  rendered: readonly RenderedChanges[],
  plan: Plan,
  options: MaskOptions = {},
): readonly RenderedChanges[] {
  const wipe = wipesOf(plan, options)
  return rendered.map(({ address, why, objects }) => ({
    address,
    ...(why !== undefined && { why: wiped(wipe(address), why) }),
    objects: objects.map(one => ({
      ...one,
      changes: one.changes.map(change => maskChange(change, [], options, wipe(address))),
    })),
  }))
}

/** The plan with every secret masked: what is shown, saved and posted. Masking a masked plan changes nothing. */
export function maskPlan(plan: Plan, options: MaskOptions = {}): Plan {
  const wipe = wipesOf(plan, options)
  const outputs = Object.entries(plan.outputs).map(([name, output]) => [
    name,
    {
      ...output,
      value: output.sensitive ? maskValue(output.value, options) : wipe(undefined)(output.value),
    },
  ])
  return {
    ...plan,
    steps: plan.steps.map(step => maskStep(step, options, wipe(step.address))),
    drift: plan.drift.map(drift => maskDrift(drift, options, wipe(drift.address))),
    unreadable: plan.unreadable.map(one => ({ ...one, why: wiped(wipe(one.address), one.why) })),
    remarks: plan.remarks.map(one => ({ ...one, text: wiped(wipe(one.address), one.text) })),
    outputs: Object.fromEntries(outputs),
  }
}

type Wipe = (value: Json) => Json

/** Takes out the secrets of a resource, and those that belong to the whole plan; without an address only the latter. */
function wipesOf(plan: Plan, options: MaskOptions): (address: string | undefined) => Wipe {
  const shared = usable(options.secrets ?? [])
  const outputSecrets = usable(
    Object.values(plan.outputs).flatMap(output => (output.sensitive ? textsOf(output.value) : [])),
  )
  const everywhere = [...shared, ...outputSecrets]
  const own = new Map<string | undefined, readonly string[]>()
  for (const step of plan.steps) {
    const secrets = secretsOf(step)
    if (secrets.length > 0) own.set(step.address, [...(own.get(step.address) ?? []), ...secrets])
  }
  return address => wiper([...(own.get(address) ?? []), ...everywhere])
}

function maskStep(step: Step, options: MaskOptions, wipe: Wipe): Step {
  const paths = pathsOf(step)
  const { desired, before, restore, cause } = step
  return {
    ...step,
    changes: step.changes.map(change => maskChange(change, paths, options, wipe)),
    ...(cause !== undefined && { cause: wiped(wipe, cause) }),
    undo: { ...step.undo, text: wiped(wipe, step.undo.text) },
    ...(desired && { desired: maskDesired(desired, paths, options, wipe) }),
    ...(before && {
      before: { ...before, spec: wipe(maskPaths(before.spec, paths, options)) as typeof before.spec },
    }),
    // What a delete kept is the provider's own and may hold a whole definition, passwords included.
    ...(restore && {
      restore: { ...restore, token: restore.token === null ? null : maskValue(restore.token, options) },
    }),
  }
}

function maskDesired(
  desired: DesiredResource,
  paths: readonly string[],
  options: MaskOptions,
  wipe: Wipe,
): DesiredResource {
  return {
    ...desired,
    spec: wipe(maskPaths(desired.spec, paths, options)) as DesiredResource['spec'],
    labels: wipe(desired.labels) as DesiredResource['labels'],
    annotations: wipe(desired.annotations) as DesiredResource['annotations'],
  }
}

type Moved = Pick<Change, 'path' | 'from' | 'to' | 'sensitive'>

function maskChange<T extends Moved>(
  change: T & { readonly why?: string },
  paths: readonly string[],
  options: MaskOptions,
  wipe: Wipe,
): T {
  const { from, to, why } = change
  const secret =
    change.sensitive || paths.some(path => within(change.path, path) || within(path, change.path))
  const show = (value: Json) => (secret ? maskValue(value, options) : wipe(value))
  return {
    ...change,
    ...(from !== undefined && { from: show(from) }),
    ...(to !== undefined && { to: show(to) }),
    ...(why !== undefined && { why: wiped(wipe, why) }),
    ...(secret && { sensitive: true as const }),
  }
}

function maskDrift(drift: Drift, options: MaskOptions, wipe: Wipe): Drift {
  return { ...drift, changes: drift.changes.map(change => maskChange(change, [], options, wipe)) }
}

/** A spec was a secret before, or is one now: either is reason enough. */
function pathsOf(step: Step): readonly string[] {
  const now = step.desired?.sensitive ?? []
  const earlier = step.before?.sensitive ?? []
  return now.length === 0 ? earlier : earlier.length === 0 ? now : [...new Set([...now, ...earlier])]
}

/** A spec with the values at these paths masked. Elements of lists are found by any of their fields' values. */
export function maskPaths<T extends Json>(
  value: T,
  paths: readonly string[],
  options: MaskOptions = {},
): Json {
  let masked: Json = value
  for (const path of paths) masked = maskAt(masked, segments(path), options)
  return masked
}

type Segment = { readonly field: string } | { readonly element: string }

/** The steps of a path: `dataDisks[vdb].key` is a field, an element and a field. */
function segments(path: string): Segment[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(match =>
    match[1] === undefined ? { field: match[2] ?? '' } : { element: match[1] },
  )
}

function maskAt(value: Json, [head, ...rest]: readonly Segment[], options: MaskOptions): Json {
  if (head === undefined) return maskValue(value, options)
  // A secret below something that is itself unknown or of another shape than its path: all of it is masked.
  if (Array.isArray(value)) {
    const list = value as readonly Json[]
    if ('field' in head) return list.map(item => maskAt(item, [head, ...rest], options))
    const found = list.some((item, index) => isElement(item, index, head.element))
    return list.map((item, index) =>
      !found || isElement(item, index, head.element) ? maskAt(item, rest, options) : item,
    )
  }
  if (!isObject(value) || isSensitive(value)) return value
  const key = 'field' in head ? head.field : head.element
  if (!Object.hasOwn(value, key)) return value
  return { ...value, [key]: maskAt(value[key] as Json, rest, options) }
}

function isElement(item: Json, index: number, name: string): boolean {
  if (name === '' || name === '*' || String(index) === name) return true
  return isObject(item) && Object.values(item).some(field => scalarText(field) === name)
}

/** The secret texts of one step, from where they are declared secret. */
function secretsOf(step: Step): readonly string[] {
  const paths = pathsOf(step)
  const texts: string[] = []
  for (const change of step.changes) {
    if (!change.sensitive) continue
    if (change.from !== undefined) texts.push(...textsOf(change.from))
    if (change.to !== undefined) texts.push(...textsOf(change.to))
  }
  for (const spec of paths.length === 0 ? [] : [step.desired?.spec, step.before?.spec])
    if (spec)
      for (const path of paths)
        for (const value of valuesAt(spec, segments(path))) texts.push(...textsOf(value))
  return usable(texts)
}

function valuesAt(value: Json, [head, ...rest]: readonly Segment[]): Json[] {
  if (head === undefined) return [value]
  if (Array.isArray(value)) {
    const list = value as readonly Json[]
    if ('field' in head) return list.flatMap(item => valuesAt(item, [head, ...rest]))
    const found = list.filter((item, index) => isElement(item, index, head.element))
    return (found.length > 0 ? found : list).flatMap(item => valuesAt(item, rest))
  }
  const key = 'field' in head ? head.field : head.element
  return isObject(value) && Object.hasOwn(value, key) ? valuesAt(value[key] as Json, rest) : []
}

function textsOf(value: Json): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap(textsOf)
  if (isObject(value) && !isSensitive(value)) return Object.values(value).flatMap(textsOf)
  return []
}

function usable(texts: readonly string[]): string[] {
  return [...new Set(texts)].filter(text => text.length >= shortestSecret).sort((a, b) => b.length - a.length)
}

/** Takes secret texts out of all texts of a value. */
function wiper(secrets: readonly string[]): Wipe {
  if (secrets.length === 0) return value => value
  const clean = (text: string): string => {
    let result = text
    for (const secret of secrets) if (result.includes(secret)) result = result.replaceAll(secret, secretText)
    return result
  }
  const wipe = (value: Json): Json => {
    if (typeof value === 'string') return clean(value)
    if (Array.isArray(value)) return (value as readonly Json[]).map(wipe)
    if (!isObject(value) || isSensitive(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [clean(key), wipe(field)]))
  }
  return wipe
}

/** A text without these secrets. */
export function wipeText(text: string, secrets: readonly string[]): string {
  return wiper(usable(secrets))(text) as string
}

function wiped(wipe: Wipe, text: string): string {
  return wipe(text) as string
}

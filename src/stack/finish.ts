/** Checks a spec whose references are resolved as far as they can be, and brings it into its kind's canonical form. */
import type { Attributes } from '../model/value.js'
import type { Kind, KindMeta } from '../providers/kind.js'
import { checkValue } from './check-spec.js'
import { expandPattern } from './paths.js'
import type { Found, Path } from './problems.js'

export type Finished =
  | { readonly spec: Attributes; readonly problems?: undefined }
  | { readonly problems: readonly Omit<Found, 'document'>[] }

/** `later` are the places of values that are known only later. A resource that is only read may leave fields out. */
export function finishSpec(
  kind: Kind,
  spec: Attributes,
  meta: KindMeta,
  managed: boolean,
  later: readonly Path[],
): Finished {
  const misfits = checkValue(kind.schema, spec, later)
  const wrong = managed ? misfits : misfits.filter(misfit => misfit.code !== 'missing-field')
  if (wrong.length > 0) {
    return {
      problems: wrong.map(({ path, ...misfit }) => helped(kind, { ...misfit, path: ['spec', ...path] })),
    }
  }
  // What is incomplete cannot be made canonical; it is compared with nothing.
  if (misfits.length > 0) return { spec }
  const broken = kind.check?.(spec, meta) ?? []
  if (broken.length > 0) return { problems: broken.map(problem => helped(kind, problem)) }
  return { spec: kind.canonical(spec, meta) }
}

/** What does not tell what to do leads to the kind's page. */
function helped<T extends { readonly hint?: string | undefined }>(kind: Kind, problem: T): T {
  return problem.hint === undefined
    ? { ...problem, hint: `docs/kinds/${kind.kind}.md tells what it takes.` }
    : problem
}

/** Places of secrets: those that the kind names, and those that a secret was put into. */
export function sensitivePaths(kind: Kind, spec: Attributes, tainted: readonly string[]): readonly string[] {
  if (kind.sensitive.length === 0 && tainted.length === 0) return none
  const own = kind.sensitive.flatMap(pattern => expandPattern(pattern, spec, kind.keyedLists))
  return [...new Set([...own, ...tainted])].sort()
}

const none: readonly string[] = Object.freeze([])

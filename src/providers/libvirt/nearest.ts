/** What is there instead of what is missing, nearest names first. */
import { InfraError } from '../../model/error.js'

/** An error for something that a document names and the host does not have. */
export function missing(what: string, name: string, there: readonly string[], hint: string): InfraError {
  const near = nearest(name, there)
  return new InfraError({
    kind: 'validation',
    code: `no-${what}`,
    message: `There is no ${what} ${name} on the host`,
    ...(near.length > 0 && { why: `The host has ${near.join(', ')}` }),
    hint,
  })
}

/** Up to five names, by how few letters they differ in. */
export function nearest(name: string, there: readonly string[]): string[] {
  return [...there]
    .map(other => ({ other, distance: distance(name, other) }))
    .sort((a, b) => a.distance - b.distance || (a.other < b.other ? -1 : 1))
    .slice(0, 5)
    .map(({ other }) => other)
}

/** Levenshtein's: letters to insert, remove or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1]
    for (const [column, other] of [...b].entries()) {
      const change = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(change, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

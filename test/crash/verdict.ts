/** What must hold of a real system once infra has settled: each function says what does not, or nothing. */
import type { Checkpoint } from '../../src/apply/record.js'
import type { StateDocument } from '../../src/state/document.js'
import type { CrashSystem, Seen } from './system.js'

/** What differs between two looks, ids and data included. */
export function differs(seen: Seen, from: Seen): string[] {
  const names = new Set([...Object.keys(seen.things), ...Object.keys(from.things)])
  return [...names].sort().flatMap(name => {
    const [now, then] = [JSON.stringify(seen.things[name]), JSON.stringify(from.things[name])]
    return now === then ? [] : [`${name} is ${now ?? 'gone'}, and was ${then ?? 'not there'}`]
  })
}

/** What is not as a stack declares it, or was lost or made anew on the way from an earlier look. */
export function misses(seen: Seen, expected: Readonly<Record<string, string>>, before: Seen): string[] {
  const names = new Set([...Object.keys(seen.things), ...Object.keys(expected)])
  return [...names].sort().flatMap(name => {
    const [thing, wanted, then] = [seen.things[name], expected[name], before.things[name]]
    if (!thing) return [`${name} is not there`]
    if (wanted === undefined) return [`${name} is there, and nobody declared it`]
    if (thing.is !== wanted) return [`${name} is ${thing.is}, and not ${wanted}`]
    if (then && then.id !== thing.id) return [`${name} is another one: ${thing.id}, and it was ${then.id}`]
    if (then && then.data !== thing.data) return [`${name} holds ${thing.data}, and held ${then.data}`]
    return []
  })
}

/** Records of things that are not there, and things kept that no checkpoint knows of, or the other way round. */
export function unaccounted(
  system: CrashSystem,
  seen: Seen,
  state: StateDocument | undefined,
  checkpoints: readonly Checkpoint[],
): string[] {
  const records = Object.values(state?.resources ?? {}).flatMap(record => {
    const found = system.recorded(record)
    const id = found && seen.things[found.name]?.id
    return !found || id === found.id ? [] : [`the state has ${found.name} as ${found.id}, and it is ${id}`]
  })
  const tokens = checkpoints.flatMap(one => one.kept).flatMap(one => system.keptBy(one.token))
  const known = new Set(tokens.map(({ name }) => name))
  // The newest token of a thing counts. One that is still in its place had a delete that was cut off before it put it aside.
  const newest = new Map(tokens.map(({ name, of }) => [of, name]))
  const gone = [...newest].filter(([of, name]) => !seen.kept.includes(name) && !seen.things[of])
  return [
    ...records,
    ...seen.kept
      .filter(name => !known.has(name))
      .map(name => `${name} is kept, and no checkpoint knows of it`),
    ...gone.map(([, name]) => `a checkpoint keeps ${name}, which is gone`),
  ]
}

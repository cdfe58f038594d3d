/** Finds what the writer of an unknown name may have meant. */

/** Edits (insert, remove, replace, swap of neighbours) between two words; `limit + 1` as soon as it is more than that. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let least = i
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (before[j - 2] ?? 0) + 1)
      }
      row.push(edits)
      least = Math.min(least, edits)
    }
    if (least > limit) return limit + 1
    before = last
    last = row
  }
  return last[b.length] ?? limit + 1
}

/** Up to `count` known names that are near to the word, nearest first; case counts little. */
export function nearest(word: string, known: Iterable<string>, count = 1): string[] {
  const limit = Math.max(1, Math.min(3, Math.floor(word.length / 3)))
  const lower = word.toLowerCase()
  if (lower.length > 100) return []
  const found: { name: string; edits: number }[] = []
  for (const name of known) {
    const candidate = name.toLowerCase()
    const edits = candidate === lower ? 0 : distance(lower, candidate, limit)
    if (edits <= limit) found.push({ name, edits })
    else if (lower.length >= 3 && candidate.startsWith(lower)) found.push({ name, edits: limit + 1 })
  }
  found.sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1))
  return found.slice(0, count).map(entry => entry.name)
}

/** A hint for an unknown name: the nearest ones, or all of them where they are few. */
export function meant(word: string, known: Iterable<string>): string | undefined {
  const names = [...known]
  const near = nearest(word, names, 2)
  if (near.length > 0) return `Did you mean ${near.map(name => `\`${name}\``).join(' or ')}?`
  if (names.length === 0 || names.length > 30) return undefined
  return `Known are: ${names.sort().join(', ')}.`
}

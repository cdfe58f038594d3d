/** Patterns in which `*` stands for any text. */

/** Whether the pattern covers all of the text. Time grows with the product of the two lengths at worst, never beyond. */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0
  let position = 0
  let star = -1
  let retry = 0
  while (position < text.length) {
    if (pattern[at] === '*') {
      star = at
      retry = position
      at += 1
    } else if (pattern[at] === text[position]) {
      at += 1
      position += 1
    } else if (star >= 0) {
      at = star + 1
      retry += 1
      position = retry
    } else {
      return false
    }
  }
  while (pattern[at] === '*') at += 1
  return at === pattern.length
}

/**
 * How deeply a document nests, at most, found without a parser: a parser that recurses can overflow the stack of the whole
 * process on a few hundred brackets, beyond what a `catch` can hold.
 */

/** Deeper documents are refused. The deepest real one has about ten levels. */
export const maxNesting = 100

export interface TooDeep {
  readonly offset: number
}

/**
 * Where the text goes deeper than `maxNesting`, if it does. It errs on the side of depth: brackets count wherever they
 * stand outside of quotes and comments, and every wider indentation opens a level.
 */
export function findTooDeep(text: string): TooDeep | undefined {
  const indents: number[] = []
  let brackets = 0
  let start = 0
  while (start < text.length) {
    const found = text.indexOf('\n', start)
    const end = found < 0 ? text.length : found
    let at = start
    let compact = 0
    for (; at < end; at++) {
      const char = text.charAt(at)
      if (char === ' ' || char === '\t') continue
      if ((char === '-' || char === '?' || char === ':') && /[ \t\r\n]|^$/.test(text.charAt(at + 1)))
        compact++
      else break
    }
    if (at < end) {
      const indent = at - start
      while (indents.length > 0 && (indents[indents.length - 1] ?? 0) >= indent) indents.pop()
      indents.push(indent)
      if (indents.length + compact > maxNesting) return { offset: at }
    } else if (compact > maxNesting) {
      return { offset: start }
    }
    for (; at < end; at++) {
      const char = text.charAt(at)
      if (char === '[' || char === '{') {
        if (++brackets > maxNesting) return { offset: at }
      } else if ((char === ']' || char === '}') && brackets > 0) {
        brackets--
      } else if (char === '"' || char === "'") {
        const close = text.indexOf(char, at + 1)
        if (close > 0 && close < end) at = close
      } else if (char === '#' && /\s/.test(text.charAt(at - 1))) {
        break
      }
    }
    start = end + 1
  }
  return undefined
}

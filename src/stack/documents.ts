/** The files of a stack cut into YAML documents, with limits that keep hostile input from costing more than a moment. */

/** A file as it was read. */
export interface SourceFile {
  /** As errors name it: relative to where the user pointed at. */
  readonly name: string
  readonly text: string
}

/** One document's own text in its file: `text.slice(from, to)`. */
export interface DocumentRange {
  readonly from: number
  readonly to: number
  /** Offset of its first line that is neither blank nor a comment. */
  readonly begin: number
}

export interface DirectiveProblem {
  readonly offset: number
  readonly length: number
  readonly message: string
}

const marker = /^(---|\.\.\.)(?=[ \t\r\n]|$)/gm
const blankOrComment = /[ \t\r]*(?:#[^\n]*)?(?:\n|$)/y

/** Offset of the first line with content at or after `from`; `to` where there is none. */
function firstContent(text: string, from: number, to: number): number {
  let at = from
  while (at < to) {
    blankOrComment.lastIndex = at
    if (!blankOrComment.test(text) || blankOrComment.lastIndex === at) return at
    at = blankOrComment.lastIndex
  }
  return to
}

/**
 * Cuts a file at its `---` and `...` lines. YAML allows these at the start of a line nowhere else, not even in a block of
 * text, so that no parser is needed to find them. Of directives only `%YAML 1.2` is accepted.
 */
export function cutDocuments(text: string): {
  readonly ranges: readonly DocumentRange[]
  readonly problems: readonly DirectiveProblem[]
} {
  const ranges: DocumentRange[] = []
  const problems: DirectiveProblem[] = []
  const close = (from: number, to: number): void => {
    let begin = firstContent(text, from, to)
    let start = from
    while (begin < to && text.charCodeAt(begin) === 37) {
      const end = lineEnd(text, begin)
      const line = text.slice(begin, end)
      if (!/^%YAML 1\.2[ \t\r]*(#.*)?$/.test(line)) {
        problems.push({
          offset: begin,
          length: end - begin,
          message: `The directive \`${line.slice(0, 40)}\` is not supported.`,
        })
      }
      start = Math.min(end + 1, to)
      begin = firstContent(text, start, to)
    }
    if (begin < to) ranges.push({ from: start, to, begin })
  }
  let from = 0
  marker.lastIndex = 0
  for (let match = marker.exec(text); match; match = marker.exec(text)) {
    close(from, match.index)
    from = match.index + 3
  }
  close(from, text.length)
  return { ranges, problems }
}

function lineEnd(text: string, from: number): number {
  const found = text.indexOf('\n', from)
  return found < 0 ? text.length : found
}

/** Line and column, counted from 1, of an offset. Costs a walk over the text: for errors. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  let line = 1
  let start = 0
  for (let found = text.indexOf('\n'); found >= 0 && found < offset; found = text.indexOf('\n', start)) {
    line++
    start = found + 1
  }
  return { line, column: offset - start + 1 }
}

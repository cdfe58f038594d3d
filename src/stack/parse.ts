/** From the text of files to parsed documents: the fast reader first, the full one for what it declines. */
import type { Json } from '../model/value.js'
import { cutDocuments, type SourceFile } from './documents.js'
import { readExact } from './exact-yaml.js'
import type { ParseCache } from './parse-cache.js'
import { declined, readPlain } from './plain-yaml.js'
import { type ParsedDocument, type Problems, placeAt } from './problems.js'

/** A larger document is refused. */
const mostDocument = 1024 * 1024
/** Text that the full parser may have to read in one stack: it needs about 0.7 s for each MiB. */
const mostExact = 8 * 1024 * 1024
/** What each document costs it beside its text. */
const exactOverhead = 300
/** Documents in one file. */
const mostDocuments = 250_000
/** Broken documents in one file after which the rest is not looked at. */
const mostBroken = 100

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

interface Budget {
  /** Bytes that the full parser may still read. */
  exact: number
  readonly broken: Set<string>
}

/** The documents of a file. What is wrong with one is told and leaves the others as they are. */
function parseFile(file: SourceFile, problems: Problems, budget: Budget): ParsedDocument[] {
  const { text } = file
  let broken = 0
  control.lastIndex = 0
  for (let match = control.exec(text); match && broken < 20; match = control.exec(text)) {
    broken++
    const code = (match[0].codePointAt(0) ?? 0).toString(16).padStart(4, '0').toUpperCase()
    problems.add({
      code: 'control-character',
      message: `The file holds the control character U+${code}.`,
      hint: 'Remove it; only tabs and line ends are allowed.',
      place: withoutText(placeAt(file, match.index, 1)),
    })
  }
  if (broken > 0) return []
  const { ranges, problems: directives } = cutDocuments(text)
  if (ranges.length > mostDocuments) {
    problems.add({
      code: 'too-large',
      message: `${file.name} has more than ${mostDocuments} documents.`,
      hint: 'Split it into several stacks, or use forEach for resources that are alike.',
      place: { file: file.name, line: 1, column: 1 },
    })
    return []
  }
  for (const { offset, length, message } of directives.slice(0, mostBroken)) {
    problems.add({
      code: 'syntax',
      message,
      hint: 'Remove the line: documents are YAML 1.2 without tags of their own.',
      place: placeAt(file, offset, length),
    })
  }
  const documents: ParsedDocument[] = []
  let lines = 1
  let counted = 0
  const lineOf = (offset: number): number => {
    for (let at = text.indexOf('\n', counted); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
      lines++
      counted = at + 1
    }
    return lines
  }
  let reference = text.indexOf('${')
  for (const { from, to, begin } of ranges) {
    const fromLine = lineOf(from)
    const line = lineOf(begin)
    const value = parseOne(file, from, to, fromLine, budget, problems)
    if (value === undefined) {
      noteBroken(text.slice(from, to), budget.broken)
      if (++broken < mostBroken) continue
      problems.add({
        code: 'too-many-errors',
        message: `${file.name} has ${mostBroken} broken documents; the rest of it was not read.`,
        place: placeAt(file, from, 1, { from, fromLine }),
      })
      break
    }
    if (reference >= 0 && reference < from) reference = text.indexOf('${', from)
    const references = reference >= 0 && reference < to
    documents.push({ file, from, to, fromLine, line, value, references })
  }
  return documents
}

function parseOne(
  file: SourceFile,
  from: number,
  to: number,
  fromLine: number,
  budget: Budget,
  problems: Problems,
): Json | undefined {
  const near = { from, fromLine }
  const refuse = (message: string, hint: string): undefined => {
    problems.add({ code: 'too-large', message, hint, place: placeAt(file, from, 1, near) })
    return undefined
  }
  if (to - from > mostDocument) {
    return refuse(
      `A document has more than ${mostDocument / 1024 / 1024} MiB.`,
      'Separate documents with a line of three dashes; keep files out of documents.',
    )
  }
  const plain = readPlain(file.text, from, to)
  if (plain !== declined) return plain
  if (budget.exact < 0) return undefined
  budget.exact -= to - from + exactOverhead
  if (budget.exact < 0) {
    return refuse(
      `More than ${mostExact / 1024 / 1024} MiB of documents use more of YAML than plain blocks, or are broken.`,
      'Generated documents should be plain: one value a line, no anchors, no values over several lines.',
    )
  }
  const parsed = readExact(file.text.slice(from, to))
  if ('value' in parsed) return parsed.value
  for (const { offset, length, ...what } of parsed.problems) {
    problems.add({ ...what, place: placeAt(file, from + offset, length, near) })
  }
  return undefined
}

/** The line is left out where it could do something to a terminal. */
function withoutText<T extends { text?: string }>(place: T): Omit<T, 'text'> {
  const { text: _text, ...rest } = place
  return rest
}

/** What was parsed now, and may be worth keeping. */
export interface Parsed {
  readonly bytes: Uint8Array
  readonly documents: readonly ParsedDocument[]
  /** Bytes of it that the full parser had to read. */
  readonly exact: number
}

/**
 * The documents of all files, in order, from the cache where nothing changed, and those files that had to be parsed and have
 * nothing wrong with them. Addresses that broken documents seem to have are noted, so that nobody is told that these are
 * missing.
 */
export async function parseFiles(
  files: readonly { readonly file: SourceFile; readonly bytes: Uint8Array }[],
  cache: ParseCache | undefined,
  broken: Set<string>,
  problems: Problems,
): Promise<{ readonly documents: ParsedDocument[]; readonly fresh: readonly Parsed[] }> {
  const documents: ParsedDocument[][] = []
  const fresh: Parsed[] = []
  const budget: Budget = { exact: mostExact, broken }
  for (const { file, bytes } of files) {
    const cached = await cache?.get(file, bytes)
    if (cached) {
      documents.push(cached)
      continue
    }
    const [before, left] = [problems.count, budget.exact]
    const parsed = parseFile(file, problems, budget)
    documents.push(parsed)
    if (problems.count === before) fresh.push({ bytes, documents: parsed, exact: left - budget.exact })
  }
  return { documents: documents.flat(), fresh }
}

/** What a document that could not be parsed most likely describes. */
function noteBroken(text: string, broken: Set<string>): void {
  const start = text.slice(0, 4096)
  const kind = /^kind:[ \t]*["']?([A-Za-z0-9]+)/m.exec(start)?.[1]
  const name = /^[ \t]+name:[ \t]*["']?([A-Za-z0-9._-]+)/m.exec(start)?.[1]
  if (kind && name) broken.add(`${kind}/${name}`)
}

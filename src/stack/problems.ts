/** Collects everything that is wrong with a stack, and finds the places when all has been read. */
import { type ErrorKind, InfraError, InfraErrors, type SourcePlace } from '../model/error.js'
import type { Json } from '../model/value.js'
import type { SourceFile } from './documents.js'
import { type Places, readPlaces } from './exact-yaml.js'

/** A document as it was parsed, before anything is interpolated. */
export interface ParsedDocument {
  readonly file: SourceFile
  readonly from: number
  readonly to: number
  /** The line of `from`, counted from 1. */
  readonly fromLine: number
  /** The line on which its content begins. */
  readonly line: number
  readonly value: Json
  /** Whether `${` stands anywhere in its text: without it nothing needs to be searched for references. */
  readonly references: boolean
}

export type Path = readonly (string | number)[]

export interface Found {
  readonly code: string
  readonly message: string
  readonly why?: string | undefined
  readonly hint?: string | undefined
  readonly address?: string | undefined
  /** `validation` unless told otherwise. */
  readonly kind?: ErrorKind
  readonly document?: ParsedDocument | undefined
  /** Where else to look for the path: the templates that it may have come from. */
  readonly orIn?: readonly ParsedDocument[]
  readonly path?: Path
  /** The field's name instead of its value. */
  readonly at?: 'key' | 'value'
  /** A part of the value's text to be marked. */
  readonly find?: string
  /** Instead of a document and a path. */
  readonly place?: SourcePlace
}

export interface Problems {
  add(found: Found): void
  readonly count: number
  /** Nobody reads more: what would only find others may stop. */
  readonly enough: boolean
  /** Throws `InfraErrors` with all that was found, in the order of files and lines. */
  throwIfAny(): void
}

/** Beyond this many, one more error says that there are others. */
const most = 1000

/** An empty collection. */
export function collectProblems(): Problems {
  const list: Found[] = []
  let count = 0
  return {
    add(found) {
      count++
      if (list.length < most) list.push(found)
    },
    get count() {
      return count
    },
    get enough() {
      return count >= most
    },
    throwIfAny() {
      if (count === 0) return
      const errors = located(list)
      if (count >= most) {
        const message = `There are more errors, which are not shown.`
        errors.push(new InfraError({ kind: 'validation', code: 'too-many-errors', message }))
      }
      throw new InfraErrors(errors)
    },
  }
}

/** What to do, where nothing nearer is told. */
const help = 'docs/stack.md tells how stacks are written.'

/** Documents larger than this are not parsed once more for the sake of a column. */
const mostPlacesText = 256 * 1024

function located(list: readonly Found[]): InfraError[] {
  const places = new Map<ParsedDocument, Places>()
  const placesOf = (document: ParsedDocument): Places | undefined => {
    if (document.to - document.from > mostPlacesText) return undefined
    let known = places.get(document)
    if (!known) {
      known = readPlaces(document.file.text.slice(document.from, document.to))
      places.set(document, known)
    }
    return known
  }
  const order = new Map<SourceFile | undefined, number>()
  const errors = list.map(found => {
    const place = found.place ?? placeOf(found, placesOf)
    if (!order.has(found.document?.file)) order.set(found.document?.file, order.size)
    const { code, why, hint = help, address, kind = 'validation' } = found
    // A message stands before a place or a reason: without its full stop.
    const message = found.message.replace(/(?<=[^.])\.$/, '')
    const details = { kind, code, message, why, hint, address, place }
    return new InfraError(withoutUndefined(details))
  })
  return errors
    .map((error, index) => ({ error, index }))
    .sort((a, b) => comparePlaces(a.error.place, b.error.place) || a.index - b.index)
    .map(entry => entry.error)
}

function comparePlaces(a: SourcePlace | undefined, b: SourcePlace | undefined): number {
  if (!a || !b) return a ? 1 : b ? -1 : 0
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column
}

type WithoutUndefined<T> = { [K in keyof T]: Exclude<T[K], undefined> }
function withoutUndefined<T extends object>(value: T): WithoutUndefined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, item]) => item !== undefined),
  ) as WithoutUndefined<T>
}

function placeOf(
  found: Found,
  placesOf: (document: ParsedDocument) => Places | undefined,
): SourcePlace | undefined {
  const { document, orIn = [], path = [], at = 'value', find } = found
  if (!document) return undefined
  let holder = document
  let mark = placesOf(document)?.find(path, at)
  if (!mark?.found) {
    for (const other of orIn) {
      const inOther = placesOf(other)?.find(path, at)
      if (!inOther?.found) continue
      holder = other
      mark = inOther
      break
    }
  }
  if (!mark) return { file: document.file.name, line: document.line, column: 1 }
  let { offset, length } = mark
  offset += holder.from
  if (find !== undefined) {
    const inner = holder.file.text.indexOf(find, offset)
    if (inner >= 0 && inner + find.length <= offset + length) {
      offset = inner
      length = find.length
    }
  }
  // An empty beginning of a document is told as its first line with content.
  return placeAt(holder.file, offset, length, holder)
}

/** The place of an offset in a file; `near` spares the walk from the file's beginning. */
export function placeAt(
  file: SourceFile,
  offset: number,
  length: number,
  near: { readonly from: number; readonly fromLine: number } = { from: 0, fromLine: 1 },
): SourcePlace {
  const { text } = file
  let line = near.fromLine
  let at = near.from
  for (let found = text.indexOf('\n', at); found >= 0 && found < offset; found = text.indexOf('\n', at)) {
    line++
    at = found + 1
  }
  const start = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
  const found = text.indexOf('\n', offset)
  let end = found < 0 ? text.length : found
  if (text.charCodeAt(end - 1) === 13) end--
  const column = offset - start + 1
  const span = Math.max(1, Math.min(length, end - offset))
  if (end - start > 2000) return { file: file.name, line, column, length: span }
  return { file: file.name, line, column, text: text.slice(start, end), length: span }
}

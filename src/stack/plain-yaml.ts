/**
 * Reads the plain part of YAML 1.2 that stack files are mostly written in: block mappings and lists, scalars and flow
 * collections on one line, literal blocks. It is about ten times faster than a full parser. Whatever lies outside of that
 * part, or is wrong, or could mean something else, it declines, and the full parser decides (exact-yaml.ts). So it never
 * reports an error, and whenever it gives a value, the full parser gives the same.
 */
import type { Json } from '../model/value.js'
import { declined, isPlainKey, scalar } from './plain-scalar.js'

export { declined }

const maxDepth = 40
/** YAML allows no more than 1,024 characters for a key on one line. */
const longestKey = 1000

const keyPattern = /[A-Za-z_][A-Za-z0-9_./-]*/y
const quotedKeyPattern = /^[A-Za-z_][A-Za-z0-9_./-]*$/
const flowPlainPattern = /[A-Za-z0-9_./@+-]+(?: [A-Za-z0-9_./@+-]+)*/y
/** No text that `yaml` would read otherwise than as it stands: no controls, tabs, returns or unusual white space. */
const ordinary =
  /^[\n\x20-\x7e\u00a1-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2060-\u2fff\u3001-\ufefe]*$/

const dash = 45
const space = 32
const newline = 10
const hash = 35
const colon = 58

/** The value of one document, `text[from..to)`, that has no document markers in it. */
export function readPlain(text: string, from: number, to: number): Json | typeof declined {
  const source = text.slice(from, to)
  if (!ordinary.test(source)) return declined
  const reader = new PlainReader(source)
  try {
    return reader.document()
  } catch (thrown) {
    if (thrown === declined) return declined
    throw thrown
  }
}

/** A cursor over lines; a class, because its fields are read for every character. */
class PlainReader {
  /** Where the current line's content begins and ends, and its column, which is -1 at the end of the document. */
  #at = 0
  #end = 0
  #column = -1
  #depth = 0

  constructor(private readonly text: string) {}

  document(): Json {
    this.#enterLine(0)
    if (this.#column < 0) throw declined
    const value = this.#node(this.#column)
    if (this.#column >= 0) throw declined
    return value
  }

  /** Goes to the first line at or after the offset that holds more than white space and a comment. */
  #enterLine(offset: number): void {
    const { text } = this
    let start = offset
    while (start < text.length) {
      let at = start
      while (text.charCodeAt(at) === space) at++
      const code = text.charCodeAt(at)
      const found = text.indexOf('\n', at)
      const end = found < 0 ? text.length : found
      if (at < end && code !== hash) {
        this.#at = at
        this.#end = end
        this.#column = at - start
        return
      }
      start = end + 1
    }
    this.#column = -1
  }

  #nextLine(): void {
    this.#enterLine(this.#end + 1)
  }

  #atDash(): boolean {
    const { text } = this
    if (text.charCodeAt(this.#at) !== dash) return false
    return this.#at + 1 === this.#end || text.charCodeAt(this.#at + 1) === space
  }

  /** A block collection whose entries begin at this column. */
  #node(column: number): Json {
    if (++this.#depth > maxDepth) throw declined
    const value = this.#atDash() ? this.#list(column) : this.#map(column)
    this.#depth--
    return value
  }

  #list(column: number): Json {
    const items: Json[] = []
    while (this.#column === column && this.#atDash()) {
      const at = this.#skipSpaces(this.#at + 1)
      if (this.#endsAt(at)) {
        items.push(this.#below(column, false))
      } else {
        const inner = column + (at - this.#at)
        this.#at = at
        if (this.#atDash() || this.#keyEnd(at) >= 0) {
          this.#column = inner
          items.push(this.#node(inner))
        } else {
          items.push(this.#inline(at, column))
        }
      }
    }
    if (this.#column > column) throw declined
    return items
  }

  #map(column: number): Json {
    const map: Record<string, Json> = {}
    let empty = true
    while (this.#column === column) {
      const end = this.#keyEnd(this.#at)
      if (end < 0) break
      const key = this.text.slice(this.#at, end)
      if (Object.hasOwn(map, key) || !isPlainKey(key)) throw declined
      const at = this.#skipSpaces(end + 1)
      map[key] = this.#endsAt(at) ? this.#below(column, true) : this.#inline(at, column)
      empty = false
    }
    if (this.#column > column || empty) throw declined
    return map
  }

  /** Where the key that begins here ends, before its colon; -1 where there is none. */
  #keyEnd(at: number): number {
    keyPattern.lastIndex = at
    if (!keyPattern.test(this.text)) return -1
    const end = keyPattern.lastIndex
    if (this.text.charCodeAt(end) !== colon || end - at > longestKey) return -1
    return end + 1 === this.#end || this.text.charCodeAt(end + 1) === space ? end : -1
  }

  #skipSpaces(from: number): number {
    let at = from
    while (this.text.charCodeAt(at) === space) at++
    return at
  }

  /** Whether nothing but a comment (white space stands before it) follows on the line. */
  #endsAt(at: number): boolean {
    return at >= this.#end || (this.text.charCodeAt(at) === hash && this.text.charCodeAt(at - 1) === space)
  }

  /** The value of an entry with nothing on its own line: a deeper block, a list at a key's own column, or null. */
  #below(column: number, ofKey: boolean): Json {
    this.#nextLine()
    if (this.#column > column) return this.#node(this.#column)
    if (ofKey && this.#column === column && this.#atDash()) return this.#node(column)
    return null
  }

  /** A scalar or flow collection that stands on the entry's line, which must not go on below. */
  #inline(at: number, column: number): Json {
    const first = this.text[at]
    if (first === '|') return this.#literal(at, column)
    const value =
      first === '"' || first === "'"
        ? this.#quoted(at)
        : first === '[' || first === '{'
          ? this.#flow(at)
          : this.#plain(at)
    this.#nextLine()
    if (this.#column > column) throw declined
    return value
  }

  #plain(at: number): Json {
    let value = this.text.slice(at, this.#end)
    const comment = value.indexOf(' #')
    if (comment >= 0) value = value.slice(0, comment)
    if (value.charCodeAt(value.length - 1) === space) value = value.trimEnd()
    if (!/^[A-Za-z0-9_./$<=~^(;+\\\u00a1-\uffff-]/.test(value)) throw declined
    if (value.charCodeAt(0) === dash && (value.length === 1 || value.charCodeAt(1) === space)) throw declined
    if (value.includes(': ') || value.charCodeAt(value.length - 1) === colon) throw declined
    return scalar(value)
  }

  #quoted(at: number): string {
    const value = this.#quotedAt(at)
    if (!this.#endsAt(this.#skipSpaces(this.#afterQuote))) throw declined
    return value
  }

  #afterQuote = 0

  #quotedAt(at: number): string {
    const { text } = this
    const quote = text.charAt(at)
    let end = text.indexOf(quote, at + 1)
    if (quote === "'") {
      while (text.charAt(end + 1) === "'") end = text.indexOf("'", end + 2)
    }
    if (end < 0 || end >= this.#end) throw declined
    const value = text.slice(at + 1, end)
    if (quote === '"' && value.includes('\\')) throw declined
    this.#afterQuote = end + 1
    return quote === "'" && value.includes("'") ? value.replaceAll("''", "'") : value
  }

  #flow(at: number): Json {
    this.#flowAt = at
    const value = this.#flowNode(0)
    if (!this.#endsAt(this.#skipSpaces(this.#flowAt))) throw declined
    return value
  }

  #flowAt = 0

  #flowNode(depth: number): Json {
    const { text } = this
    if (depth > 8) throw declined
    const first = text.charAt(this.#flowAt)
    if (first === '[') {
      const items: Json[] = []
      this.#flowItems(']', () => items.push(this.#flowNode(depth + 1)))
      return items
    }
    if (first === '{') {
      const map: Record<string, Json> = {}
      this.#flowItems('}', () => {
        const key = this.#flowKey()
        if (Object.hasOwn(map, key) || !isPlainKey(key)) throw declined
        map[key] = this.#flowNode(depth + 1)
      })
      return map
    }
    if (first === '"' || first === "'") {
      const value = this.#quotedAt(this.#flowAt)
      this.#flowAt = this.#afterQuote
      return value
    }
    flowPlainPattern.lastIndex = this.#flowAt
    const value = flowPlainPattern.exec(text)?.[0]
    if (!value || value.startsWith('-') || value.startsWith('@')) throw declined
    this.#flowAt += value.length
    return scalar(value)
  }

  /** The key of an entry, and goes to its value. Behind a quoted key, as JSON has them, that may follow the colon at once. */
  #flowKey(): string {
    const { text } = this
    const at = this.#flowAt
    const isQuoted = text.charAt(at) === '"'
    const quoted = isQuoted ? this.#quotedAt(at) : ''
    if (isQuoted && (!quotedKeyPattern.test(quoted) || quoted.length > longestKey)) throw declined
    const end = isQuoted ? this.#afterQuote : this.#keyEnd(at)
    if (end < 0 || text.charCodeAt(end) !== colon || end + 1 >= this.#end) throw declined
    this.#flowAt = this.#skipSpaces(end + 1)
    return isQuoted ? quoted : text.slice(at, end)
  }

  /** The entries between brackets on one line; anything but an entry, a comma or the closing bracket is declined. */
  #flowItems(close: string, item: () => void): void {
    const { text } = this
    this.#flowAt = this.#skipSpaces(this.#flowAt + 1)
    if (text.charAt(this.#flowAt) === close) {
      this.#flowAt++
      return
    }
    for (;;) {
      item()
      this.#flowAt = this.#skipSpaces(this.#flowAt)
      const after = text.charAt(this.#flowAt)
      if (after === close) {
        this.#flowAt++
        return
      }
      if (after !== ',') throw declined
      this.#flowAt = this.#skipSpaces(this.#flowAt + 1)
    }
  }

  /** `|`, `|-` or `|+` with the indentation of its first line. */
  #literal(at: number, column: number): string {
    const { text } = this
    let after = at + 1
    const chomp = text.charAt(after)
    if (chomp === '-' || chomp === '+') after++
    if (after !== this.#end) throw declined
    let start = this.#end + 1
    let indent = -1
    let value = ''
    while (start < text.length) {
      const end = text.indexOf('\n', start)
      if (end < 0) throw declined
      let content = start
      while (text.charCodeAt(content) === space) content++
      if (content === end) {
        // White space alone: an empty line, unless it is wider than the block.
        if (indent < 0 && content > start) throw declined
        value += indent >= 0 && content - start > indent ? `${text.slice(start + indent, end)}\n` : '\n'
      } else {
        const width = content - start
        if (indent < 0) {
          if (width <= column) throw declined
          indent = width
        }
        if (width < indent) {
          if (width > column) throw declined
          break
        }
        value += `${text.slice(start + indent, end)}\n`
      }
      start = end + 1
    }
    if (indent < 0) throw declined
    this.#enterLine(start)
    if (chomp === '+') return value
    let length = value.length
    while (value.charCodeAt(length - 1) === newline) length--
    return chomp === '-' ? value.slice(0, length) : value.slice(0, length + 1)
  }
}

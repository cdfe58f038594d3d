/**
 * A strict reader of the XML that libvirt writes: elements, attributes, text, CDATA, comments (dropped) and the five entities
 * of XML itself with character references. Anything else is refused: document types and entities of their own, nesting beyond
 * 64, documents beyond 16 MiB. Ours because every plan reads every domain: it takes a tenth of the time that the general
 * parsers take, and keeps the order of all nodes. A property test holds it against one of them.
 */
import { InfraError } from '../../../model/error.js'
import type { XmlElement, XmlNode } from './tree.js'

/** libvirt's own limit of a string in a reply is 4 MiB (16 MiB since 3.10). */
const maximumLength = 16 * 2 ** 20
const maximumDepth = 64

/** What is read so far. */
interface Growing {
  /** The elements that are not closed yet, each with where its children begin among `nodes`. */
  readonly open: {
    readonly element: { -readonly [K in keyof XmlElement]: XmlElement[K] }
    readonly from: number
  }[]
  /** Children of open elements. Lists of their own, once they are whole, take no more room than they need. */
  readonly nodes: XmlNode[]
  root: XmlElement | undefined
}

const none: readonly XmlNode[] = Object.freeze([])

/** Without a prototype, as any name may come; a constructor, since V8 keeps what `Object.create(null)` makes as a slow table. */
const Names = function Names() {} as unknown as new () => Record<string, string>
Names.prototype = Object.create(null)

const reference = /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(\w+));?/g
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Elements that a reader has no use for, by the name of what they stand in: they are not looked into, and left out. */
export type PassedOver = ReadonlyMap<string, ReadonlySet<string>>

/**
 * The root element. Text that is white space alone is dropped. Throws an InfraError for anything that is not XML; what is
 * passed over is held to its end alone.
 */
export function parseXml(xml: string, passedOver?: PassedOver): XmlElement {
  if (xml.length > maximumLength) throw invalid('it is longer than 16 MiB')
  // the end of an element could stand in a comment or CDATA, too
  const passed = passedOver === undefined || xml.includes('<!') ? undefined : passedOver
  const growing: Growing = { open: [], nodes: [], root: undefined }
  const { open, nodes } = growing
  let at = 0
  while (at < xml.length) {
    const next = xml.indexOf('<', at)
    if (next !== at) {
      const end = next === -1 ? xml.length : next
      if (!isSpace(xml, at, end)) addText(growing, xml.slice(at, end))
      if (next === -1) break
    }
    at = next
    const sign = xml.charCodeAt(at + 1)
    if (sign === question) {
      at = after(xml, '?>', at)
    } else if (sign === exclamation) {
      at = declaration(xml, at, growing)
    } else if (sign === slash) {
      const element = open[open.length - 1]?.element
      if (element === undefined || !xml.startsWith(element.name, at + 2))
        throw invalid(`a tag is closed that is not open, at ${at}`)
      const nameEnd = at + 2 + element.name.length
      const end = endOfSpace(xml, nameEnd)
      if (xml.charCodeAt(end) !== greater) {
        throw endOfName(xml, at + 2) === nameEnd
          ? invalid(`a tag does not end, at ${at}`)
          : invalid(`a tag is closed that is not open, at ${at}`)
      }
      at = end + 1
      close(growing)
    } else {
      const nameEnd = endOfName(xml, at + 1)
      if (nameEnd === at + 1) throw invalid(`a tag has no name, at ${at}`)
      const name = xml.slice(at + 1, nameEnd)
      if (passed?.get(open[open.length - 1]?.element.name ?? '')?.has(name)) {
        const past = pastElement(xml, nameEnd, name)
        if (past !== undefined) {
          at = past
          continue
        }
      }
      const attributes = new Names()
      const end = readAttributes(xml, nameEnd, attributes, at)
      if (growing.root !== undefined && open.length === 0) throw invalid('there is something after its end')
      if (open.length >= maximumDepth) throw invalid(`it is nested deeper than ${maximumDepth}`)
      const element = { name, attributes, children: none }
      const isEmpty = xml.charCodeAt(end) === slash
      at = isEmpty ? end + 2 : end + 1
      if (isEmpty) add(growing, element)
      else open.push({ element, from: nodes.length })
    }
  }
  if (open.length > 0 || growing.root === undefined) throw invalid('it ends too early')
  return growing.root
}

/** Where an element ends whose name ends at `from`; undefined where it holds one of its own name, so that it must be read to know. */
function pastElement(xml: string, from: number, name: string): number | undefined {
  let at = from
  for (; ; at++) {
    const code = xml.charCodeAt(at)
    if (code === greater) break
    if (code === doubleQuote || code === singleQuote)
      at = after(xml, code === doubleQuote ? '"' : "'", at + 1) - 1
    if (at >= xml.length) throw invalid(`a tag does not end, at ${from}`)
  }
  if (xml.charCodeAt(at - 1) === slash) return at + 1
  const end = after(xml, `</${name}>`, at)
  const again = xml.indexOf(`<${name}`, at)
  return again !== -1 && again < end ? undefined : end
}

/** Reads the attributes of a tag; returns where its `>` or `/>` is. */
function readAttributes(xml: string, from: number, attributes: Record<string, string>, tag: number): number {
  let position = from
  for (;;) {
    const next = endOfSpace(xml, position)
    const code = xml.charCodeAt(next)
    if (code === greater || (code === slash && xml.charCodeAt(next + 1) === greater)) return next
    const keyEnd = endOfName(xml, next)
    if (next === position || keyEnd === next) throw invalid(`a tag does not end, at ${tag}`)
    position = attribute(xml, { from: next, to: keyEnd }, attributes, tag)
  }
}

/** Reads `="value"` behind a name; returns where it ends. */
function attribute(
  xml: string,
  name: { readonly from: number; readonly to: number },
  attributes: Record<string, string>,
  tag: number,
): number {
  const equals = endOfSpace(xml, name.to)
  const open = endOfSpace(xml, equals + 1)
  const quote = xml.charCodeAt(open)
  const isQuoted = xml.charCodeAt(equals) === equal && (quote === doubleQuote || quote === singleQuote)
  const close = isQuoted ? xml.indexOf(quote === doubleQuote ? '"' : "'", open + 1) : -1
  if (close === -1) throw invalid(`a tag does not end, at ${tag}`)
  const key = xml.slice(name.from, name.to)
  const value = xml.slice(open + 1, close)
  if (value.includes('<')) throw invalid(`a tag does not end, at ${tag}`)
  if (key in attributes) throw invalid(`an attribute is there twice, at ${name.from}`)
  attributes[key] = decode(value)
  return close + 1
}

const [tab, lineFeed, carriageReturn, space] = [9, 10, 13, 32]
const [exclamation, doubleQuote, singleQuote, slash, equal, greater, question] = [33, 34, 39, 47, 61, 62, 63]

/** Where a name that begins here ends: the same place where none does. Plain numbers: it runs for every tag. */
function endOfName(xml: string, from: number): number {
  let at = from
  for (; at < xml.length; at++) {
    const code = xml.charCodeAt(at)
    const isLetter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95
    const isFurther = (code >= 48 && code <= 58) || code === 45 || code === 46
    if (!isLetter && (at === from || !isFurther)) break
  }
  return at
}

function endOfSpace(xml: string, from: number): number {
  let at = from
  for (; at < xml.length; at++) {
    const code = xml.charCodeAt(at)
    if (code !== space && code !== lineFeed && code !== tab && code !== carriageReturn) break
  }
  return at
}

/** White space alone, as `trim` has it: most of the text between tags. */
function isSpace(xml: string, from: number, to: number): boolean {
  return endOfSpace(xml, from) >= to || xml.slice(from, to).trim() === ''
}

/** Gives the innermost element its children, and its place among those of the next. */
function close(growing: Growing): void {
  const closed = growing.open.pop()
  if (closed === undefined) return
  const { element, from } = closed
  if (growing.nodes.length > from) {
    const { nodes } = growing
    element.children = nodes.slice(from)
    // not `length = from`, for which V8 leaves compiled code
    while (nodes.length > from) nodes.pop()
  }
  add(growing, element)
}

function add(growing: Growing, element: XmlElement): void {
  if (growing.open.length === 0) growing.root = element
  else growing.nodes.push(element)
}

function declaration(xml: string, at: number, { open, nodes }: Growing): number {
  if (xml.startsWith('<!--', at)) return after(xml, '-->', at + 4)
  if (xml.startsWith('<![CDATA[', at) && open.length > 0) {
    const end = after(xml, ']]>', at)
    nodes.push(xml.slice(at + 9, end - 3))
    return end
  }
  throw invalid('it declares a document type or entities, which are never read')
}

function addText({ open, nodes }: Growing, text: string): void {
  if (open.length === 0) throw invalid('there is text outside of its root')
  nodes.push(decode(text))
}

function decode(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(reference, (whole, decimal?: string, hexadecimal?: string, name?: string) => {
    const known = name === undefined ? undefined : named[name]
    const code =
      decimal !== undefined
        ? Number(decimal)
        : hexadecimal !== undefined
          ? Number.parseInt(hexadecimal, 16)
          : -1
    if (!whole.endsWith(';')) throw invalid('an & begins no entity')
    if (known !== undefined) return known
    if (code < 0 || code > 0x10ffff) throw invalid('it uses an entity that XML does not have')
    return String.fromCodePoint(code)
  })
}

function after(xml: string, end: string, from: number): number {
  const at = xml.indexOf(end, from)
  if (at === -1) throw invalid('it ends too early')
  return at + end.length
}

function invalid(why: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'invalid-xml',
    message: 'XML could not be read',
    why,
  })
}

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

interface Open {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: XmlNode[]
}

const reference = /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(\w+));?/g
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** The root element. Text that is white space alone is dropped. Throws an InfraError for anything that is not XML. */
export function parseXml(xml: string): XmlElement {
  if (xml.length > maximumLength) throw invalid('it is longer than 16 MiB')
  const open: Open[] = []
  let root: XmlElement | undefined
  let at = 0
  while (at < xml.length) {
    const next = xml.indexOf('<', at)
    if (next !== at) {
      addText(open, xml.slice(at, next === -1 ? xml.length : next))
      if (next === -1) break
    }
    at = next
    const sign = xml[at + 1]
    if (sign === '?') {
      at = after(xml, '?>', at)
    } else if (sign === '!') {
      at = declaration(xml, at, open)
    } else if (sign === '/') {
      const nameEnd = endOfName(xml, at + 2)
      const element = open.pop()
      if (element === undefined || element.name !== xml.slice(at + 2, nameEnd))
        throw invalid(`a tag is closed that is not open, at ${at}`)
      const end = endOfSpace(xml, nameEnd)
      if (xml.charCodeAt(end) !== greater) throw invalid(`a tag does not end, at ${at}`)
      at = end + 1
      root = close(open, element, root)
    } else {
      const started = start(xml, at)
      at = started.end
      if (root !== undefined && open.length === 0) throw invalid('there is something after its end')
      if (open.length >= maximumDepth) throw invalid(`it is nested deeper than ${maximumDepth}`)
      if (started.empty) root = close(open, started.element, root)
      else open.push(started.element)
    }
  }
  if (open.length > 0 || root === undefined) throw invalid('it ends too early')
  return root
}

function start(xml: string, at: number): { element: Open; empty: boolean; end: number } {
  const nameEnd = endOfName(xml, at + 1)
  if (nameEnd === at + 1) throw invalid(`a tag has no name, at ${at}`)
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>
  const element: Open = { name: xml.slice(at + 1, nameEnd), attributes, children: [] }
  let position = nameEnd
  for (;;) {
    const next = endOfSpace(xml, position)
    const code = xml.charCodeAt(next)
    if (code === greater) return { element, empty: false, end: next + 1 }
    if (code === slash && xml.charCodeAt(next + 1) === greater) return { element, empty: true, end: next + 2 }
    const keyEnd = endOfName(xml, next)
    if (next === position || keyEnd === next) throw invalid(`a tag does not end, at ${at}`)
    position = attribute(xml, { from: next, to: keyEnd }, attributes, at)
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
const [doubleQuote, singleQuote, slash, equal, greater] = [34, 39, 47, 61, 62]

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

function close(open: readonly Open[], element: Open, root: XmlElement | undefined): XmlElement | undefined {
  const parent = open.at(-1)
  if (parent === undefined) return element
  parent.children.push(element)
  return root
}

function declaration(xml: string, at: number, open: readonly Open[]): number {
  if (xml.startsWith('<!--', at)) return after(xml, '-->', at + 4)
  const parent = open.at(-1)
  if (xml.startsWith('<![CDATA[', at) && parent !== undefined) {
    const end = after(xml, ']]>', at)
    parent.children.push(xml.slice(at + 9, end - 3))
    return end
  }
  throw invalid('it declares a document type or entities, which are never read')
}

function addText(open: readonly Open[], text: string): void {
  if (text.trim() === '') return
  const parent = open.at(-1)
  if (parent === undefined) throw invalid('there is text outside of its root')
  parent.children.push(decode(text))
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

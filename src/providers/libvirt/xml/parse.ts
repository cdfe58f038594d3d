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

const namePattern = /[A-Za-z_][A-Za-z0-9_.:-]*/y
const attributePattern = /\s+([A-Za-z_][A-Za-z0-9_.:-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y
const tagEnd = /\s*(\/?)>/y
const closeEnd = /\s*>/y
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
      const name = match(namePattern, xml, at + 2)?.[0]
      const element = open.pop()
      if (name === undefined || element === undefined || element.name !== name)
        throw invalid(`a tag is closed that is not open, at ${at}`)
      const end = match(closeEnd, xml, at + 2 + name.length)
      if (end === undefined) throw invalid(`a tag does not end, at ${at}`)
      at = closeEnd.lastIndex
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
  const name = match(namePattern, xml, at + 1)?.[0]
  if (name === undefined) throw invalid(`a tag has no name, at ${at}`)
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>
  let position = at + 1 + name.length
  let found = match(attributePattern, xml, position)
  while (found !== undefined) {
    const key = found[1] ?? ''
    if (key in attributes) throw invalid(`an attribute is there twice, at ${position}`)
    attributes[key] = decode(found[2] ?? found[3] ?? '')
    position = attributePattern.lastIndex
    found = match(attributePattern, xml, position)
  }
  const end = match(tagEnd, xml, position)
  if (end === undefined) throw invalid(`a tag does not end, at ${position}`)
  return { element: { name, attributes, children: [] }, empty: end[1] === '/', end: tagEnd.lastIndex }
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
  const blank = /^\s*$/.test(text)
  const parent = open.at(-1)
  if (blank) return
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

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
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

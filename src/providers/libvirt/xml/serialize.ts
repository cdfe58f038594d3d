/**
 * From a tree to text. Every value passes through one of the two escapes here, so that none can become markup, and line ends
 * and tabs in attributes survive (XML readers turn bare ones into spaces).
 */
import type { XmlElement } from './tree.js'

const inText: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }
const inAttribute: Readonly<Record<string, string>> = {
  ...inText,
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
}

/** Characters that XML 1.0 cannot hold, not even as a reference. */
const impossible =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const namePattern = /^[A-Za-z_][A-Za-z0-9_.:-]*$/

/** The document, indented, without an XML declaration. Characters that XML cannot hold become U+FFFD. */
export function serializeXml(root: XmlElement): string {
  const parts: string[] = []
  write(root, '', parts)
  return parts.join('')
}

function write(node: XmlElement, indent: string, parts: string[]): void {
  parts.push(indent, '<', checked(node.name))
  for (const [key, value] of Object.entries(node.attributes)) {
    parts.push(' ', checked(key), '="', escaped(value, /[&<>"\r\n\t]/g, inAttribute), '"')
  }
  if (node.children.length === 0) {
    parts.push('/>\n')
    return
  }
  parts.push('>')
  writeChildren(node, indent, parts)
  parts.push('</', node.name, '>\n')
}

function writeChildren(node: XmlElement, indent: string, parts: string[]): void {
  // White space counts beside text: there, nothing is indented.
  const withText = node.children.some(child => typeof child === 'string')
  if (!withText) parts.push('\n')
  for (const child of node.children) {
    if (typeof child === 'string') parts.push(escaped(child, /[&<>\r]/g, inText))
    else if (withText) parts.push(serializeXml(child).trimEnd())
    else write(child, `${indent}  `, parts)
  }
  if (!withText) parts.push(indent)
}

function escaped(text: string, special: RegExp, references: Readonly<Record<string, string>>): string {
  return text.replace(impossible, '\ufffd').replace(special, character => references[character] ?? character)
}

/** Names come from this code and from libvirt, never from a document; a wrong one is a mistake here. */
function checked(name: string): string {
  if (!namePattern.test(name)) throw new TypeError(`not a name in XML: ${name}`)
  return name
}

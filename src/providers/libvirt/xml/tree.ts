/** XML as plain data, in the order of the document, and the small questions that the readers ask of it. */

export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlNode[]
}

/** An element, or text with its entities resolved. */
export type XmlNode = XmlElement | string

type Value = string | number | boolean | undefined

/** An element. Attributes without a value are left out, as are children that are not there. */
export function element(
  name: string,
  attributes: Readonly<Record<string, Value>> = {},
  ...children: readonly (XmlNode | undefined | readonly (XmlNode | undefined)[])[]
): XmlElement {
  const known: Record<string, string> = {}
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) known[key] = String(value)
  return {
    name,
    attributes: known,
    children: children.flat().filter((child): child is XmlNode => child !== undefined),
  }
}

/** An element that holds a text alone; none where there is no text. */
export function textElement(
  name: string,
  text: Value,
  attributes: Readonly<Record<string, Value>> = {},
): XmlElement | undefined {
  return text === undefined ? undefined : element(name, attributes, String(text))
}

/**
 * The first child of this name, from each element to the next. Loops that count: every plan asks this of every domain, and
 * an iterator, until V8 has compiled it away, allocates more than the tree.
 */
export function find(from: XmlElement | undefined, ...names: readonly string[]): XmlElement | undefined {
  let here = from
  for (let at = 0; at < names.length && here !== undefined; at++) here = firstChild(here, names[at])
  return here
}

function firstChild({ children }: XmlElement, name: string | undefined): XmlElement | undefined {
  for (let at = 0; at < children.length; at++) {
    const child = children[at]
    if (typeof child === 'object' && child.name === name) return child
  }
  return undefined
}

/** All children of this name. */
export function findAll(from: XmlElement | undefined, name: string): XmlElement[] {
  const found: XmlElement[] = []
  if (from === undefined) return found
  const { children } = from
  for (let at = 0; at < children.length; at++) {
    const child = children[at]
    if (typeof child === 'object' && child.name === name) found.push(child)
  }
  return found
}

/** The children that are elements. */
export function elements(from: XmlElement): XmlElement[] {
  return from.children.filter((child): child is XmlElement => typeof child !== 'string')
}

/** The text directly in an element, without white space around it; undefined where there is none. */
export function textOf(from: XmlElement | undefined): string | undefined {
  if (from === undefined) return undefined
  const only = from.children[0]
  const isOnly = from.children.length === 1 && typeof only === 'string'
  const all = isOnly ? only : from.children.filter(child => typeof child === 'string').join('')
  const text = all.trim()
  return text === '' ? undefined : text
}

/** The text as a whole number; undefined where it is none. */
export function integerOf(from: XmlElement | undefined): number | undefined {
  return toInteger(textOf(from))
}

export function toInteger(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined
}

const units: Readonly<Record<string, number>> = {
  b: 1,
  byte: 1,
  bytes: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 2 ** 20,
  mib: 2 ** 20,
  mb: 1e6,
  g: 2 ** 30,
  gib: 2 ** 30,
  gb: 1e9,
  t: 2 ** 40,
  tib: 2 ** 40,
  tb: 1e12,
}

/** Bytes of an element such as `<memory unit='KiB'>`; its unit where it says none is the schema's own. */
export function bytesOf(from: XmlElement | undefined, unit: 'bytes' | 'KiB'): number | undefined {
  const value = integerOf(from)
  const factor = units[(from?.attributes.unit ?? unit).toLowerCase()]
  return value === undefined || factor === undefined ? undefined : value * factor
}

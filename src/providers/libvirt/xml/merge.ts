/**
 * A change of a tree that is not ours alone. What differs between the old and the new form of our own part is carried over to
 * what is really there; everything else in it stays, in its order.
 */
import type { XmlElement, XmlNode } from './tree.js'

export interface MergeKeys {
  /** Tells children of one name apart in our two forms; the same thing has the same key in both. */
  ours(child: XmlElement, form: 'old' | 'new', parent: string): string
  /** The same among the children that are there: by marks that libvirt keeps. */
  theirs(child: XmlElement, parent: string): string
}

/** The tree that is there, with our old form turned into our new one. */
export function mergeTrees(
  there: XmlElement,
  old: XmlElement,
  next: XmlElement,
  keys: MergeKeys,
): XmlElement {
  if (hasText(old) || hasText(next)) {
    const sameText = JSON.stringify(old.children) === JSON.stringify(next.children)
    return {
      ...there,
      attributes: mergeAttributes(there, old, next),
      children: sameText ? there.children : next.children,
    }
  }
  return {
    ...there,
    attributes: mergeAttributes(there, old, next),
    children: mergeChildren(there, old, next, keys),
  }
}

function mergeAttributes(there: XmlElement, old: XmlElement, next: XmlElement): Record<string, string> {
  const result: Record<string, string> = { ...there.attributes }
  for (const name of Object.keys(old.attributes)) if (!(name in next.attributes)) delete result[name]
  for (const [name, value] of Object.entries(next.attributes))
    if (old.attributes[name] !== value) result[name] = value
  return result
}

function mergeChildren(there: XmlElement, old: XmlElement, next: XmlElement, keys: MergeKeys): XmlNode[] {
  const before = numbered(old, child => keys.ours(child, 'old', old.name))
  const after = numbered(next, child => keys.ours(child, 'new', next.name))
  // Under the marks of our old form, each is found among those that are there.
  const places = numbered(there, child => keys.theirs(child, there.name))
  const marks = new Map(
    [...numbered(old, child => keys.theirs(child, old.name))].map(([mark, child]) => [child, mark]),
  )
  const newMarks = new Map(
    [...numbered(next, child => keys.theirs(child, next.name))].map(([mark, child]) => [child, mark]),
  )

  const changed = new Map<XmlElement, XmlElement | undefined>()
  const added: XmlElement[] = []
  for (const [key, child] of before) {
    const found = places.get(marks.get(child) ?? '')
    if (!after.has(key) && found !== undefined) changed.set(found, undefined)
  }
  for (const [key, child] of after) {
    const previous = before.get(key)
    const found = places.get((previous && marks.get(previous)) ?? newMarks.get(child) ?? '')
    if (found !== undefined && changed.get(found) === undefined && !changed.has(found)) {
      changed.set(
        found,
        mergeTrees(found, previous ?? { name: child.name, attributes: {}, children: [] }, child, keys),
      )
    } else if (previous === undefined) {
      added.push(child)
    }
    // One of our old form that is not there any more was taken away by others: it stays away.
  }
  const kept = there.children.flatMap((child): XmlNode[] => {
    if (typeof child === 'string' || !changed.has(child)) return [child]
    const merged = changed.get(child)
    return merged === undefined ? [] : [merged]
  })
  return added.reduce(insert, kept)
}

/** After the last of its name, else at the end. */
function insert(children: XmlNode[], child: XmlElement): XmlNode[] {
  const last = children.findLastIndex(other => typeof other !== 'string' && other.name === child.name)
  children.splice(last === -1 ? children.length : last + 1, 0, child)
  return children
}

/** Children by name and key; those with the same are told apart by their number. */
function numbered(parent: XmlElement, keyOf: (child: XmlElement) => string): Map<string, XmlElement> {
  const result = new Map<string, XmlElement>()
  const counts = new Map<string, number>()
  for (const child of parent.children) {
    if (typeof child === 'string') continue
    const base = `${child.name} ${keyOf(child)}`
    const count = counts.get(base) ?? 0
    counts.set(base, count + 1)
    result.set(count === 0 ? base : `${base} ${count}`, child)
  }
  return result
}

function hasText(node: XmlElement): boolean {
  return node.children.some(child => typeof child === 'string')
}

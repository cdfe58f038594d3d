import fc from 'fast-check'
import { XMLParser } from 'fast-xml-parser'
import { describe, expect, it } from 'vitest'
import { create } from 'xmlbuilder2'
import { parseXml } from '../../../../src/providers/libvirt/xml/parse.js'
import { serializeXml } from '../../../../src/providers/libvirt/xml/serialize.js'
import {
  bytesOf,
  element,
  elements,
  type XmlElement,
  type XmlNode,
} from '../../../../src/providers/libvirt/xml/tree.js'

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/)
const text = fc
  .oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.stringMatching(/^[&<>"' \n\r\ta-z]{1,12}$/))
  .filter(value => value.trim() !== '' && !serializeXml(element('a', {}, value)).includes('\ufffd'))

const { tree } = fc.letrec<{ tree: XmlElement }>(tie => ({
  tree: fc
    .tuple(
      name,
      fc.dictionary(name, fc.oneof(text, fc.constant('')), { maxKeys: 3 }),
      fc.array(fc.oneof({ maxDepth: 3 }, text, tie('tree') as fc.Arbitrary<XmlNode>), { maxLength: 4 }),
    )
    .map(([tag, attributes, children]) => element(tag, attributes, ...joined(children))),
}))

/** Text beside text is one text once it is written. */
function joined(children: readonly XmlNode[]): XmlNode[] {
  const all: XmlNode[] = []
  for (const child of children) {
    const last = all.at(-1)
    if (typeof child === 'string' && typeof last === 'string') all[all.length - 1] = last + child
    else all.push(child)
  }
  return all
}

describe('XML trees', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(tree, root => {
        expect(plain(parseXml(serializeXml(root)))).toEqual(plain(root))
      }),
      { numRuns: 500 },
    )
  })

  it('are written so that another reader understands the same', () => {
    const reader = new XMLParser({
      ignoreAttributes: false,
      attributeNamePrefix: '',
      parseTagValue: false,
      parseAttributeValue: false,
      trimValues: false,
    })
    const written = reader.parse(
      serializeXml(element('a', { x: `<&"'>` }, element('b', {}, 'one < two & "three"'))),
    ) as unknown
    expect(written).toMatchObject({ a: { x: `<&"'>`, b: 'one < two & "three"' } })
  })

  it('are read as another writer meant them', () => {
    fc.assert(
      fc.property(text, text, (attribute, content) => {
        // That writer leaves line ends and tabs in attributes bare, which a reader may turn into spaces.
        const value = attribute.replace(/[\r\n\t]/g, ' ')
        const other = create().ele('a').att('x', value).txt(content).end({ headless: true })
        const read = parseXml(other)
        expect(read.attributes.x).toBe(value)
        expect(read.children.join('')).toBe(content)
      }),
    )
  })

  it('are the same without what is passed over', () => {
    const few = fc.constantFrom('a', 'aa', 'b', 'ab')
    const { nested } = fc.letrec<{ nested: XmlElement }>(tie => ({
      nested: fc
        .tuple(
          few,
          fc.dictionary(few, text, { maxKeys: 2 }),
          fc.array(fc.oneof({ maxDepth: 4 }, text, tie('nested') as fc.Arbitrary<XmlNode>), { maxLength: 3 }),
        )
        .map(([tag, attributes, children]) => element(tag, attributes, ...joined(children))),
    }))
    const without = (node: XmlElement, parent: string, child: string): XmlElement => ({
      ...node,
      children: node.children.flatMap((one): XmlNode[] => {
        if (typeof one === 'string') return [one]
        return node.name === parent && one.name === child ? [] : [without(one, parent, child)]
      }),
    })
    fc.assert(
      fc.property(nested, few, few, (root, parent, child) => {
        const xml = serializeXml(root)
        const read = parseXml(xml, new Map([[parent, new Set([child])]]))
        expect(plain(without(read, parent, child))).toEqual(plain(without(parseXml(xml), parent, child)))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['<a><b><c/><b/></b><d/></a>', ['b', 'd'], 'what holds its own name is read'],
    ['<a><b><!-- </b> --></b><d/></a>', ['b', 'd'], 'where there are comments all is read'],
    ['<a><b x="/>"><c/></b><d/></a>', ['d'], 'what looks like an end in an attribute'],
    ['<a><b/><d/></a>', ['d'], 'an empty one'],
    ['<a><b><c></b><d/></a>', ['d'], 'what is passed over is not looked into'],
    ['<toString><b/></toString>', ['b'], 'names that every object has'],
  ])('pass over of %s', (xml, left, reason) => {
    const read = parseXml(xml, new Map([['a', new Set(['b'])]]))
    expect(
      elements(read).map(one => one.name),
      reason,
    ).toEqual(left)
  })

  it.each(['<a><b x="1', '<a><b', '<a><b><c/></a>', "<a><b x='>"])(
    'refuse what ends in what is passed over: %s',
    xml => {
      expect(() => parseXml(xml, new Map([['a', new Set(['b'])]]))).toThrowError('XML could not be read')
    },
  )

  it('keep the order of their children', () => {
    expect(elements(parseXml('<a><b/><c/><b/></a>')).map(child => child.name)).toEqual(['b', 'c', 'b'])
  })

  it('replace what XML cannot hold', () => {
    expect(serializeXml(element('a', { x: 'a\u0000b' }, '\u0001'))).toBe('<a x="a\ufffdb">\ufffd</a>\n')
  })

  it.each([
    ['<a><b></a>', 'a tag closed out of order'],
    ['<a', 'a tag that does not end'],
    ['<a>', 'an element that does not end'],
    ['', 'nothing'],
    ['text', 'no element'],
    ['<a/><b/>', 'two roots'],
    ['<a></a>tail', 'text after the root'],
    ['<a x=1/>', 'an attribute without quotes'],
    ['<a x="1" x="2"/>', 'an attribute twice'],
    ['<a>&nope;</a>', 'an unknown entity'],
    ['<a>&#0x;</a>', 'a broken reference'],
    ['<a>&lt</a>', 'a reference without its end'],
    ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'a document type'],
    ['<a>'.repeat(100) + '</a>'.repeat(100), 'deep nesting'],
    ['<a><![CDATA[x</a>', 'CDATA that does not end'],
  ])('refuse %s', (xml, reason) => {
    expect(() => parseXml(xml), reason).toThrowError('XML could not be read')
  })

  it('refuse a document that is too long', () => {
    expect(() => parseXml(`<a>${'x'.repeat(17 * 2 ** 20)}</a>`)).toThrowError('XML could not be read')
  })

  it('take __proto__ for a name like any other', () => {
    const read = parseXml('<a __proto__="1"><__proto__ constructor="2"/></a>')
    expect(Object.keys(read.attributes)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>).constructor).toBe(Object)
  })

  it.each([
    ['<m>1024</m>', 2 ** 20, 'KiB by default'],
    ["<m unit='GiB'>2</m>", 2 * 2 ** 30, 'powers of 1024'],
    ["<m unit='GB'>2</m>", 2e9, 'powers of 1000'],
    ["<m unit='b'>2</m>", 2, 'bytes'],
    ['<m>x</m>', undefined, 'no number'],
  ])('count the bytes of %s', (xml, bytes, reason) => {
    expect(bytesOf(parseXml(xml), 'KiB'), reason).toBe(bytes)
  })
})

/** The same tree with ordinary objects for its attributes. */
function plain(node: XmlElement): unknown {
  return {
    name: node.name,
    attributes: { ...node.attributes },
    children: node.children.map(child => (typeof child === 'string' ? child : plain(child))),
  }
}

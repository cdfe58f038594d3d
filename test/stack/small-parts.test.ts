// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findTooDeep } from '../../src/stack/depth.js'
import { meant, nearest } from '../../src/stack/nearest.js'
import { putInOrder } from '../../src/stack/order.js'
import { escapeReferences, parseTemplateText } from '../../src/stack/template-text.js'
import { cpuMilliseconds } from '../cpu.js'

describe('nearest names', () => {
  const table: { word: string; known: string[]; near: string[] }[] = [
    { word: 'vcpu', known: ['vcpus', 'memoryGiB'], near: ['vcpus'] },
    { word: 'lables', known: ['labels', 'name'], near: ['labels'] },
    { word: 'memorygib', known: ['memoryGiB'], near: ['memoryGiB'] },
    { word: 'boot', known: ['bootDisk', 'name'], near: ['bootDisk'] },
    { word: 'x', known: ['vcpus'], near: [] },
    { word: 'prototype', known: ['name'], near: [] },
  ]
  test.each(table)('$word', ({ word, known, near }) => {
    expect(nearest(word, known)).toEqual(near)
  })

  test('few names are told all, many not at all', () => {
    expect(meant('zzzzzz', ['b', 'a'])).toBe('Known are: a, b.')
    expect(
      meant(
        'zzzzzz',
        Array.from({ length: 50 }, (_, index) => `name${index}`),
      ),
    ).toBeUndefined()
  })
})

describe('order', () => {
  const graph = fc
    .array(fc.array(fc.nat(30), { maxLength: 3 }), { minLength: 1, maxLength: 30 })
    .map(edges => new Map(edges.map((needs, index) => [`${index}`, needs.map(String)])))

  test('every resource stands behind what it needs, or in or behind a cycle that is one', () => {
    fc.assert(
      fc.property(graph, needs => {
        const { order, cycles } = putInOrder(needs, item => item)
        const places = new Map(order.map((address, index) => [address, index]))
        expect(places.size).toBe(order.length)
        for (const address of order) {
          for (const need of needs.get(address) ?? []) {
            if (needs.has(need)) expect(places.get(need)).toBeLessThan(places.get(address) ?? -1)
          }
        }
        expect(order.length < needs.size).toBe(cycles.length > 0)
        for (const cycle of cycles) {
          expect(cycle[0]).toBe(cycle[cycle.length - 1])
          for (const [index, address] of cycle.slice(0, -1).entries()) {
            expect(needs.get(address)).toContain(cycle[index + 1])
          }
        }
      }),
    )
  })

  test('a chain of 100,000 is no problem', () => {
    const chain = new Map(Array.from({ length: 100_000 }, (_, index) => [`${index}`, [`${index + 1}`]]))
    const milliseconds = cpuMilliseconds(() => {
      expect(putInOrder(chain, item => item).order).toHaveLength(100_000)
      chain.set('100000', ['0'])
      expect(putInOrder(chain, item => item).cycles).toHaveLength(1)
    })
    expect(milliseconds).toBeLessThan(5000)
  })
})

describe('texts with references', () => {
  test('any text can be escaped, before a reference and at the end', () => {
    const text = fc.string({ unit: fc.constantFrom('$', '{', '}', 'a') })
    fc.assert(
      fc.property(text, text, (before, after) => {
        const source = `${escapeReferences(before, true)}\${A.b}${escapeReferences(after, false)}`
        const parsed = parseTemplateText(source)
        if (!('parts' in parsed)) throw new Error(parsed.broken.message)
        const parts = parsed.parts.map(part => (typeof part === 'string' ? part : part.raw))
        expect(parts).toEqual([...(before ? [before] : []), '${A.b}', ...(after ? [after] : [])])
      }),
    )
  })

  test('a text without a reference and without an escape is itself', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        fc.pre(!text.includes('${'))
        expect(parseTemplateText(text)).toEqual({ parts: text === '' ? [] : [text] })
      }),
    )
  })
})

describe('depth', () => {
  test('wide is not deep', () => {
    expect(findTooDeep(`${'a: [1, {b: 2}]\n'.repeat(5000)}`)).toBeUndefined()
    expect(findTooDeep(`a: |\n${'  [[[ text (\n'.repeat(20)}`)).toBeUndefined()
    expect(findTooDeep(`${'- a:\n    - b\n'.repeat(5000)}`)).toBeUndefined()
    expect(findTooDeep(`a: "${'['.repeat(500)}" # ${'['.repeat(500)}\n`)).toBeUndefined()
    expect(findTooDeep(`a: ${'['.repeat(101)}`)).toEqual({ offset: 103 })
  })
})

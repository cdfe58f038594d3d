import fc from 'fast-check'
import { XMLValidator } from 'fast-xml-parser'
import { describe, expect, it } from 'vitest'
import { renderDot } from '../../src/report/graph/dot.js'
import { box, layoutOf } from '../../src/report/graph/layout.js'
import { renderMermaid } from '../../src/report/graph/mermaid.js'
import { type Graph, planGraph, stackGraph } from '../../src/report/graph/model.js'
import { renderSvg } from '../../src/report/graph/svg.js'
import { cpuMilliseconds } from '../cpu.js'
import { largePlan, mixedPlan, resource } from './fixtures.js'
import { hostileText } from './hostile.js'

const graphs = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.array(fc.tuple(fc.nat(39), fc.nat(39)), { maxLength: 80 }))
  .map(
    ([count, pairs]): Graph => ({
      nodes: Array.from({ length: count }, (_, index) => ({
        id: `n${index}`,
        kind: 'K',
        label: `n${index}`,
        dangerous: false,
      })),
      edges: pairs.filter(([a, b]) => a < count && b < count).map(([a, b]) => [`n${a}`, `n${b}`] as const),
    }),
  )

describe('a graph in a page', () => {
  it('is not stretched beyond a size to be read, however few nodes it has', () => {
    const node = { id: 'a', kind: 'Volume', label: 'a', dangerous: false }
    const [, width, height] =
      /viewBox="\S+ \S+ (\S+) (\S+)"/.exec(renderSvg({ nodes: [node], edges: [] }, { standalone: false })) ??
      []
    expect(Number(width)).toBeGreaterThanOrEqual(900)
    expect(Number(height)).toBeGreaterThanOrEqual(400)
  })
})

describe('the layout', () => {
  it('places every node once, none on another, within the sheet, cycles or not', () => {
    fc.assert(
      fc.property(graphs, graph => {
        const { nodes, width, height } = layoutOf(graph)
        expect(nodes.map(placed => placed.node.id).sort()).toEqual(graph.nodes.map(node => node.id).sort())
        for (const [index, a] of nodes.entries()) {
          expect(a.x).toBeGreaterThanOrEqual(0)
          expect(a.x + box.width).toBeLessThanOrEqual(width)
          expect(a.y + box.height).toBeLessThanOrEqual(height)
          for (const b of nodes.slice(index + 1))
            expect(Math.abs(a.x - b.x) >= box.width || Math.abs(a.y - b.y) >= box.height).toBe(true)
        }
      }),
    )
  })

  it('draws what must be done first to the left', () => {
    const acyclic = graphs.map(graph => ({
      ...graph,
      edges: graph.edges.filter(([a, b]) => Number(a.slice(1)) < Number(b.slice(1))),
    }))
    fc.assert(
      fc.property(acyclic, graph => {
        for (const { from, to } of layoutOf(graph).edges) expect(from.x + box.width).toBeLessThan(to.x)
      }),
    )
  })

  it('takes 10,000 steps in seconds, on a sheet and not on a ribbon', () => {
    const graph = planGraph(largePlan(10_000))
    expect(cpuMilliseconds(() => layoutOf(graph))).toBeLessThan(1500)
    const { width, height } = layoutOf(graph)
    expect(Math.max(width / height, height / width)).toBeLessThan(4)
  })
})

describe('drawings', () => {
  it('show both halves of a replacement, the old before the new', () => {
    const dot = renderDot(planGraph(mixedPlan()))
    expect(dot).toContain('"replace-delete Volume/data" -> "replace-create Volume/data"')
    expect(dot).toContain('label="Volume (old)\\ndata", color="#cf222e", penwidth=2')
    expect(renderMermaid(planGraph(mixedPlan()))).toContain('n1 --> n2')
  })

  it('show a stack without a plan', () => {
    const graph = stackGraph([
      resource('A/a', {}),
      resource('B/b', {}, { dependencies: ['A/a', 'C/elsewhere'] }),
    ])
    expect(renderDot(graph)).toContain('"A/a" -> "B/b"')
    expect(graph.edges).toHaveLength(1)
  })

  it('are well-formed whatever names are', () => {
    fc.assert(
      fc.property(hostileText, text => {
        const graph: Graph = {
          nodes: [
            { id: text, kind: text, label: text, action: 'create', dangerous: true },
            { id: `${text}2`, kind: text, label: text, dangerous: false },
          ],
          edges: [[text, `${text}2`]],
        }
        expect(XMLValidator.validate(renderSvg(graph, { standalone: true }))).toBe(true)
        expect(renderDot(graph).split('\n')).toHaveLength(8)
        for (const line of renderDot(graph).split('\n').slice(3, 6))
          expect(line).toMatch(/^ {2}"([^"\\]|\\.)*"( -> "([^"\\]|\\.)*"| \[label="([^"\\]|\\.)*".*\])$/)
      }),
    )
  })
})

/**
 * Places for the nodes of a graph: layers from left to right by what must be done first, a component of the graph beside the
 * other in rows, so that thousands of nodes make a sheet and not a ribbon. Linear in nodes and edges.
 */
import type { Graph, GraphNode } from './model.js'

export interface Placed {
  readonly node: GraphNode
  readonly x: number
  readonly y: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly nodes: readonly Placed[]
  readonly edges: readonly { readonly from: Placed; readonly to: Placed }[]
}

export const box = { width: 190, height: 40 }
const gap = { layer: 60, row: 14, component: 40 }

interface Vertex {
  readonly node: GraphNode
  readonly before: Vertex[]
  readonly after: Vertex[]
  layer: number
  row: number
  seen: boolean
}

/** Places for the nodes, in pixels: columns by depth, few crossings. The same graph is always laid out the same. */
export function layoutOf(graph: Graph): Layout {
  const vertices = verticesOf(graph)
  const components = componentsOf([...vertices.values()])
  const sheets = components.map(sheetOf)
  const area = sheets.reduce(
    (sum, sheet) => sum + (sheet.width + gap.component) * (sheet.height + gap.component),
    0,
  )
  // As wide as a screen is to its height; never narrower than the widest component.
  const target = Math.max(Math.sqrt(area * 1.8), ...sheets.map(sheet => sheet.width))
  const placed = new Map<Vertex, Placed>()
  let x = 0
  let y = 0
  let rowHeight = 0
  let width = 0
  for (const sheet of sheets.sort((a, b) => b.height - a.height)) {
    if (x > 0 && x + sheet.width > target) {
      x = 0
      y += rowHeight + gap.component
      rowHeight = 0
    }
    for (const { vertex, left, top } of sheet.places)
      placed.set(vertex, { node: vertex.node, x: x + left, y: y + top })
    x += sheet.width + gap.component
    width = Math.max(width, x - gap.component)
    rowHeight = Math.max(rowHeight, sheet.height)
  }
  const edges = [...vertices.values()].flatMap(vertex =>
    vertex.after.flatMap(next => {
      const from = placed.get(vertex)
      const to = placed.get(next)
      return from && to ? [{ from, to }] : []
    }),
  )
  return { width, height: y + rowHeight, nodes: [...placed.values()], edges }
}

function verticesOf(graph: Graph): Map<string, Vertex> {
  const vertices = new Map<string, Vertex>()
  for (const node of graph.nodes)
    vertices.set(node.id, { node, before: [], after: [], layer: 0, row: 0, seen: false })
  for (const [from, to] of graph.edges) {
    const before = vertices.get(from)
    const after = vertices.get(to)
    if (!before || !after || before === after) continue
    before.after.push(after)
    after.before.push(before)
  }
  return vertices
}

function componentsOf(vertices: readonly Vertex[]): Vertex[][] {
  const components: Vertex[][] = []
  for (const start of vertices) {
    if (start.seen) continue
    start.seen = true
    const component = [start]
    for (const vertex of component) {
      for (const next of [...vertex.before, ...vertex.after]) {
        if (next.seen) continue
        next.seen = true
        component.push(next)
      }
    }
    components.push(component)
  }
  return components
}

/** One component, laid out by itself. */
function sheetOf(component: readonly Vertex[]) {
  const layers = layersOf(component)
  order(layers)
  // A layer of very many nodes is broken into columns, beside each other.
  const tallest = Math.max(12, Math.ceil(Math.sqrt(component.length) * 2))
  const places: { vertex: Vertex; left: number; top: number }[] = []
  let left = 0
  let height = 0
  for (const layer of layers) {
    const count = Math.ceil(layer.length / tallest)
    for (const [index, vertex] of layer.entries()) {
      const column = Math.floor(index / tallest)
      const top = (index % tallest) * (box.height + gap.row)
      places.push({ vertex, left: left + column * (box.width + gap.row), top })
      height = Math.max(height, top + box.height)
    }
    left += count * (box.width + gap.row) - gap.row + gap.layer
  }
  return { places, width: left - gap.layer, height }
}

/** A vertex is one layer behind the last of those before it. What a cycle leaves over comes last. */
function layersOf(component: readonly Vertex[]): Vertex[][] {
  const open = new Map(component.map(vertex => [vertex, vertex.before.length]))
  const ready = component.filter(vertex => vertex.before.length === 0)
  for (const vertex of ready) {
    open.delete(vertex)
    for (const next of vertex.after) {
      next.layer = Math.max(next.layer, vertex.layer + 1)
      const left = (open.get(next) ?? 0) - 1
      open.set(next, left)
      if (left === 0) ready.push(next)
    }
  }
  const layers: Vertex[][] = []
  for (const vertex of [...ready, ...open.keys()]) {
    const layer = layers[vertex.layer] ?? []
    layers[vertex.layer] = layer
    layer.push(vertex)
  }
  return layers.filter(layer => layer !== undefined)
}

/** Few crossings: each layer by the middle of its neighbours, forth and back. */
function order(layers: readonly Vertex[][]): void {
  const number = (layer: readonly Vertex[]) => {
    for (const [row, vertex] of layer.entries()) vertex.row = row
  }
  for (const layer of layers) number(layer)
  for (const side of ['before', 'after', 'before'] as const) {
    for (const layer of side === 'before' ? layers : [...layers].reverse()) {
      const weights = new Map(layer.map(vertex => [vertex, middle(vertex[side], vertex.row)]))
      layer.sort((a, b) => (weights.get(a) ?? 0) - (weights.get(b) ?? 0))
      number(layer)
    }
  }
}

function middle(neighbours: readonly Vertex[], otherwise: number): number {
  if (neighbours.length === 0) return otherwise
  return neighbours.reduce((sum, vertex) => sum + vertex.row, 0) / neighbours.length
}

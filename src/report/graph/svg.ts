/** A graph as SVG: colours are classes, so that a page can have its own light and dark. */
import { html } from '../html-text.js'
import { cut } from '../text.js'
import { box, layoutOf, type Placed } from './layout.js'
import type { Graph } from './model.js'

export interface SvgOptions {
  /** Brings its own colours. Off where the page around it has them. */
  readonly standalone: boolean
  /** The element of the page around it that tells of a node, put on the node as `data-item`. */
  item?(id: string): string | undefined
}

const margin = 20
const leastView = { width: 960, height: 480 }

export const svgColours = `
.graph{font:12px system-ui,sans-serif}
.graph rect{fill:#fff;stroke:#8c959f;stroke-width:1.2}
.graph text{fill:#1f2328}
.graph .kind{fill:#59636e;font-size:10px}
.graph path{fill:none;stroke:#8c959f;stroke-width:1.2}
.graph .create rect{stroke:#1a7f37}
.graph .update rect{stroke:#9a6700}
.graph .replace rect{stroke:#8250df}
.graph .delete rect{stroke:#cf222e;fill:#ffebe9}
.graph .adopt rect,.graph .forget rect{stroke:#0969da}
.graph .danger rect{stroke-width:2.5}`

/** The graph as an SVG document, or as an element of a page. */
export function renderSvg(graph: Graph, options: SvgOptions): string {
  const layout = layoutOf(graph)
  const width = layout.width + 2 * margin
  const height = layout.height + 2 * margin
  // A page stretches what it is given: a graph of two boxes has room around it, and stays of a size to be read.
  const [roomX, roomY] = options.standalone
    ? [0, 0]
    : [Math.max(leastView.width - width, 0), Math.max(leastView.height - height, 0)]
  const view = `${-margin - roomX / 2} ${-margin - roomY / 2} ${width + roomX} ${height + roomY}`
  const size = options.standalone ? ` width="${width}" height="${height}"` : ''
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="graph" viewBox="${view}"${size} role="img" aria-label="graph">`,
    ...(options.standalone ? [`<style>${svgColours}</style>`] : []),
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8"/></marker></defs>',
    ...layout.edges.map(edge),
    ...layout.nodes.map(placed => nodeText(placed, options.item?.(placed.node.id))),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

function edge({ from, to }: { readonly from: Placed; readonly to: Placed }): string {
  const x1 = from.x + box.width
  const y1 = from.y + box.height / 2
  const y2 = to.y + box.height / 2
  const middle = x1 + Math.max((to.x - x1) / 2, 20)
  return `<path d="M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${to.x} ${y2}" marker-end="url(#arrow)"/>`
}

function nodeText({ node, x, y }: Placed, item: string | undefined): string {
  const classes = [node.action, ...(node.dangerous ? ['danger'] : [])].filter(name => name !== undefined)
  const id = item === undefined ? '' : ` data-item="${html(item)}"`
  return [
    `<g class="${classes.join(' ')}"${id}><title>${html(node.id)}</title>`,
    `<rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="6"/>`,
    `<text class="kind" x="${x + 10}" y="${y + 15}">${html(cut(node.kind, 28))}</text>`,
    `<text x="${x + 10}" y="${y + 31}">${html(cut(node.label, 26))}</text></g>`,
  ].join('')
}

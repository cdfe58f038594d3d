/** A graph in Graphviz's language. */
import type { Action } from '../../planner/plan.js'
import { visible } from '../text.js'
import type { Graph } from './model.js'

const colours: Readonly<Partial<Record<Action, string>>> = {
  create: '#1a7f37',
  update: '#9a6700',
  delete: '#cf222e',
  adopt: '#0969da',
  forget: '#0969da',
}

/** The graph in the language of Graphviz. */
export function renderDot(graph: Graph): string {
  const lines = [
    'digraph infra {',
    '  rankdir=LR',
    '  node [shape=box, style=rounded, fontname="sans-serif"]',
  ]
  for (const node of graph.nodes) {
    const colour = node.action && colours[node.action]
    const style = `${colour ? `, color="${colour}"` : ''}${node.dangerous ? ', penwidth=2' : ''}`
    const label = quoted(`${node.kind}\n${visible(node.label)}`)
    lines.push(`  ${quoted(node.id)} [label=${label}${style}]`)
  }
  for (const [before, after] of graph.edges) lines.push(`  ${quoted(before)} -> ${quoted(after)}`)
  lines.push('}')
  return `${lines.join('\n')}\n`
}

/** A quoted string of DOT: a backslash and a quote are escaped, a line feed is written as DOT's own. */
function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').split('\n').map(visible)
  return `"${escaped.join('\\n')}"`
}

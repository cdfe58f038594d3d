/** A graph as Mermaid, which pull-request pages draw. */
import type { Action } from '../../planner/plan.js'
import { visible } from '../text.js'
import type { Graph } from './model.js'

const classes: Readonly<Partial<Record<Action, string>>> = {
  create: 'stroke:#1a7f37',
  update: 'stroke:#9a6700',
  delete: 'stroke:#cf222e,stroke-width:3px',
  adopt: 'stroke:#0969da',
  forget: 'stroke:#0969da,stroke-dasharray:4',
}

const marks: Readonly<Record<Action, string>> = {
  create: '+',
  update: '~',
  replace: '±',
  delete: '-',
  adopt: '=',
  forget: '.',
  'no-op': ' ',
}

/** The graph as Mermaid, as GitHub and GitLab draw it. */
export function renderMermaid(graph: Graph): string {
  const index = new Map(graph.nodes.map((node, position) => [node.id, `n${position}`]))
  const lines = ['flowchart LR']
  for (const node of graph.nodes) {
    const mark = node.action ? `${marks[node.action]} ` : ''
    const style = node.action && classes[node.action] ? `:::${node.action}` : ''
    lines.push(`  ${index.get(node.id)}["${encoded(`${mark}${node.kind} ${node.label}`)}"]${style}`)
  }
  for (const [before, after] of graph.edges) lines.push(`  ${index.get(before)} --> ${index.get(after)}`)
  const used = new Set(graph.nodes.map(node => node.action))
  for (const [action, style] of Object.entries(classes))
    if (used.has(action as Action)) lines.push(`  classDef ${action} ${style}`)
  return `${lines.join('\n')}\n`
}

/** Text that Mermaid takes for text: everything but letters, digits and blanks as its own entity codes. */
function encoded(text: string): string {
  return visible(text).replace(/[^\p{L}\p{N} ]/gu, character => `#${character.codePointAt(0)};`)
}

/** The parts of a plan's comment, in a reviewer's order, each in its longer and shorter forms. */
import {
  clip,
  type Detail,
  driftLines,
  itemLines,
  policyLines,
  problemLines,
  remarkLines,
  renderedLines,
  restartLines,
  unreadableLines,
} from '../diff-lines.js'
import { renderMermaid } from '../graph/mermaid.js'
import { planGraph } from '../graph/model.js'
import type { ReviewItem } from '../items.js'
import type { Review } from '../model.js'
import { plural } from '../text.js'
import { code, fence } from './escape.js'
import { type Block, bytesOf, cutMiddle } from './fit.js'

/** A graph of more nodes than this is no help in a comment. */
const smallGraph = 30

/** The parts of a comment, the most worrying first. */
export function blocksOf(review: Review): Block[] {
  const { destroys, replaces, updates, creates, records } = review
  return [
    listing('problems', '#### Problems', problemLines(review), 'problems'),
    items('destroy', destroys, 'destroys', `#### Destroy (${destroys.length})`, [
      ['full'],
      ['brief', 'attributes of what is destroyed'],
      ['names', 'what each destroy costs'],
    ]),
    items('replace', replaces, 'replacements', `#### Replace (${replaces.length})`, [
      ['full'],
      ['changes', 'unchanged attributes'],
      ['brief', 'changes of replacements'],
      ['names', 'what each replacement costs'],
    ]),
    listing('restarts', '#### Restarts and downtime', restartLines(review), 'restarts'),
    capacity(review),
    listing(
      'drift',
      '#### Drift that this plan meets: changed outside of infra',
      driftLines(review),
      'lines of drift',
    ),
    listing('policy', policyTitle(review), policyLines(review), 'policy findings'),
    listing('unreadable', '#### Could not be read', unreadableLines(review), 'unreadable resources'),
    items('update', updates, 'changes', `Change (${updates.length})`, [
      ['full'],
      ['changes', 'unchanged attributes'],
      ['brief', 'changed attributes'],
    ]),
    items('create', creates, 'creates', `Create (${creates.length})`, [
      ['full'],
      ['brief', 'attributes of what is created'],
    ]),
    items('record', records, 'records', `Only recorded (${records.length})`, [
      ['full'],
      ['brief', 'causes of what is only recorded'],
    ]),
    listing('rendered', 'Rendered objects', renderedLines(review), 'rendered objects'),
    listing('remarks', 'Remarks', remarkLines(review), 'remarks'),
    graph(review),
  ]
}

type Frame = (lines: readonly string[]) => string

/** What destroys or forbids is under a heading, never folded; what is titled without one is folded. */
function frameOf(title: string): Frame {
  return lines =>
    title.startsWith('#')
      ? `${title}\n\n${fence('diff', lines)}`
      : `<details><summary>${title}</summary>\n\n${fence('diff', lines)}\n\n</details>`
}

function items(
  name: string,
  list: readonly ReviewItem[],
  noun: string,
  title: string,
  forms: readonly (readonly [Detail, string?])[],
): Block {
  if (list.length === 0) return { name, forms: [] }
  const frame = frameOf(title)
  const linesOf = (detail: Detail) => list.flatMap(item => itemLines(item, detail))
  return {
    name,
    forms: forms.map(([detail, dropped]) => ({
      text: () => frame(linesOf(detail)),
      ...(dropped !== undefined && { dropped }),
    })),
    shrink: bytes => shrunk(linesOf(forms.at(-1)?.[0] ?? 'brief'), bytes, frame, noun),
  }
}

function listing(name: string, title: string, lines: readonly string[], noun: string): Block {
  if (lines.length === 0) return { name, forms: [] }
  const frame = frameOf(title)
  return { name, forms: [{ text: () => frame(lines) }], shrink: bytes => shrunk(lines, bytes, frame, noun) }
}

function shrunk(
  lines: readonly string[],
  bytes: number,
  frame: Frame,
  noun: string,
): { text: string; dropped: string } {
  const cut = cutMiddle(
    lines,
    bytes - bytesOf(frame([])),
    count => `! … ${count} more ${noun}, not listed here`,
  )
  return { text: frame(cut.lines), dropped: `${cut.left} of ${lines.length} ${noun}` }
}

function capacity(review: Review): Block {
  if (review.capacity.length === 0) return { name: 'capacity', forms: [] }
  const rows = review.capacity.map(line => {
    const unit = /^[A-Za-z]{1,8}$/.test(line.unit) ? ` ${line.unit}` : ''
    const limit = line.limit === undefined ? '' : `${line.limit}${unit}`
    const name = `${code(clip(line.place, 100))} | ${code(clip(line.resource, 60))}`
    return `| ${name} | ${line.before}${unit} | ${line.after}${unit} | ${limit} | ${line.fits ? '' : '**does not fit**'} |`
  })
  const header = '| Place | Resource | Before | After | Limit | |\n|---|---|--:|--:|--:|---|'
  return {
    name: 'capacity',
    forms: [{ text: () => `#### Capacity, as declared\n\n${header}\n${rows.join('\n')}` }],
  }
}

function policyTitle({ policy }: Review): string {
  return policy
    ? `#### Policy: ${plural(policy.evaluated, 'rule')}, ${plural(policy.findings.length, 'finding')}`
    : ''
}

function graph(review: Review): Block {
  const drawn = planGraph(review.plan)
  if (drawn.nodes.length < 2 || drawn.nodes.length > smallGraph) return { name: 'graph', forms: [] }
  const text = () => {
    const mermaid = fence('mermaid', renderMermaid(drawn).trimEnd().split('\n'))
    return `<details><summary>Graph</summary>\n\n${mermaid}\n\n</details>`
  }
  return { name: 'graph', forms: [{ text }, { text: () => '', dropped: 'the graph' }] }
}

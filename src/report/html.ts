/**
 * A plan as one page that asks the network for nothing. All of it is in the HTML itself, escaped; the script only filters
 * and moves, and the page's policy lets no other script or style run.
 */

import { createHash } from 'node:crypto'
import type { Action, Plan } from '../planner/plan.js'
import { type AsPlanned, applyCommand } from './apply-command.js'
import {
  driftLines,
  itemLines,
  policyLines,
  problemLines,
  remarkLines,
  renderedLines,
  restartLines,
  unreadableLines,
} from './diff-lines.js'
import { planGraph } from './graph/model.js'
import { renderSvg } from './graph/svg.js'
import { css } from './html/css.js'
import { script } from './html/script.js'
import { html } from './html-text.js'
import type { ReviewItem } from './items.js'
import { type Review, type ReviewInput, reviewOf } from './model.js'
import { symbols } from './style.js'

export interface HtmlOptions extends ReviewInput, AsPlanned {
  readonly commit?: string
  /** When the systems were read, as people shall read it. */
  readonly readAt?: string
}

/** A graph of more nodes than this is drawn once its section is opened. */
const largeGraph = 300
const unlimited = Number.POSITIVE_INFINITY

/** The plan as one HTML page that needs nothing else; secrets masked. */
export function renderHtml(plan: Plan, options: HtmlOptions = {}): string {
  const review = reviewOf(plan, options)
  const { destroys, replaces, updates, creates, records } = review
  const items = [...destroys, ...replaces, ...updates, ...creates, ...records]
  const ids = new Map(items.map((item, index) => [item, `i${index}`]))
  const list = (title: string, own: readonly ReviewItem[], open: boolean) =>
    listSection(title, own, ids, open)
  const lines = (title: string, told: readonly string[]) =>
    told.length === 0 ? '' : `<section><h2>${title}</h2>${diff(told)}</section>`
  return [
    head(review),
    tools(review, items),
    '<main>',
    lines('Problems', problemLines(review, unlimited)),
    list('Destroy', destroys, true),
    list('Replace', replaces, true),
    lines('Restarts and downtime', restartLines(review, unlimited)),
    capacity(review),
    lines('Drift that this plan meets', driftLines(review, unlimited)),
    lines('Policy', policyLines(review, unlimited)),
    lines('Could not be read', unreadableLines(review, unlimited)),
    list('Change', updates, false),
    list('Create', creates, false),
    list('Only recorded', records, false),
    lines('Rendered objects', renderedLines(review, unlimited)),
    lines('Remarks', remarkLines(review, unlimited)),
    graph(review, items, ids),
    '</main>',
    foot(review, options),
    `<script type="application/json" id="plan">${data(review.plan)}</script>`,
    `<script>${script}</script>`,
    '</body></html>',
  ]
    .filter(part => part !== '')
    .join('\n')
    .concat('\n')
}

/** JSON that no HTML parser takes for anything else: nothing in it can end its element. */
function data(plan: Plan): string {
  return JSON.stringify(plan).replace(
    /[<>&\u2028\u2029]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function head({ plan, verdict, embedded }: Review): string {
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(css)}; base-uri 'none'; form-action 'none'`
  const real = Object.keys(plan.connections).length > embedded.length
  const names = real ? ` (${embedded.map(html).join(', ')})` : ''
  const mode = plan.mode === 'apply' ? 'Plan' : `Plan (${html(plan.mode)})`
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">',
    `<title>${html(plan.stack)}: ${html(verdict.text)}</title>`,
    `<style>${css}</style></head>`,
    `<body><header class="${verdict.level}"><h1>${mode} of ${html(plan.stack)}</h1>`,
    `<p class="verdict">${html(verdict.text)}</p>`,
    ...(embedded.length > 0
      ? [`<p class="embedded">embedded${names}: a small world on disk, no real system</p>`]
      : []),
    ...(verdict.warnings.length > 0
      ? [`<ul class="warnings">${verdict.warnings.map(warning => `<li>${html(warning)}</li>`).join('')}</ul>`]
      : []),
    '</header>',
  ].join('\n')
}

const actions: readonly (readonly [Action, string])[] = [
  ['delete', 'destroy'],
  ['replace', 'replace'],
  ['update', 'change'],
  ['create', 'create'],
  ['adopt', 'adopt'],
  ['forget', 'forget'],
  ['no-op', 'record'],
]

function tools(review: Review, items: readonly ReviewItem[]): string {
  const counts = new Map<Action, number>()
  for (const { action } of items) counts.set(action, (counts.get(action) ?? 0) + 1)
  const byAction = actions.flatMap(([action, verb]) => {
    const count = counts.get(action)
    return count === undefined
      ? []
      : [`<button data-action="${action}" aria-pressed="false">${symbols[action]} ${verb} ${count}</button>`]
  })
  const byHazard = review.hazards.map(
    ({ hazard, count }) =>
      `<button data-hazard="${html(hazard)}" aria-pressed="false">! ${html(hazard)} ${count}</button>`,
  )
  return [
    '<header><div class="tools" role="search">',
    '<input id="search" type="search" placeholder="Search ( / )" aria-label="Search" autocomplete="off">',
    ...byAction,
    ...byHazard,
    '<button id="expand" title="Open or close all that is shown">Open all</button>',
    '<button id="theme" title="Light or dark">Theme</button>',
    '<button id="save" title="Save the plan as JSON">Save JSON</button>',
    `<span id="count" class="count" role="status">${items.length} of ${items.length}</span>`,
    '</div></header>',
  ].join('\n')
}

function listSection(
  title: string,
  items: readonly ReviewItem[],
  ids: ReadonlyMap<ReviewItem, string>,
  open: boolean,
): string {
  if (items.length === 0) return ''
  const parts = items.map(item => {
    const badges = item.hazards.map(hazard => `<span class="badge">${html(hazard)}</span>`).join('')
    const told = item.data === undefined ? item.cause : `destroys ${item.data}`
    const note = told === undefined ? '' : `<span class="note">${html(told)}</span>`
    const [, ...body] = itemLines(item, 'full', unlimited)
    return [
      `<details class="item ${item.action}" id="${ids.get(item)}" data-action="${item.action}" data-hazards="${html(item.hazards.join(' '))}"${open ? ' open' : ''}>`,
      `<summary><span class="sign">${symbols[item.action]}</span><code>${html(item.address)}</code>${badges}${note}</summary>`,
      `${diff(body)}</details>`,
    ].join('')
  })
  return `<section class="list"><h2>${title} (${items.length})</h2>\n${parts.join('\n')}\n</section>`
}

const classes: Readonly<Record<string, string>> = { '+': 'add', '-': 'del', '!': 'mod' }

/** Lines with a sign in the first column; neighbours of the same sign share an element. */
function diff(lines: readonly string[]): string {
  let out = '<pre>'
  let index = 0
  while (index < lines.length) {
    const sign = lines[index]?.[0] ?? ''
    let end = index + 1
    while (end < lines.length && lines[end]?.[0] === sign) end += 1
    const text = lines.slice(index, end).map(html).join('\n')
    out += classes[sign] ? `<span class="${classes[sign]}">${text}</span>` : `<span>${text}</span>`
    index = end
  }
  return `${out}</pre>`
}

function capacity(review: Review): string {
  if (review.capacity.length === 0) return ''
  const rows = review.capacity.map(line => {
    const amount = (value: number | undefined) => (value === undefined ? '' : `${value} ${html(line.unit)}`)
    return `<tr><td>${html(line.place)}</td><td>${html(line.resource)}</td><td class="n">${amount(line.before)}</td><td class="n">${amount(line.after)}</td><td class="n">${amount(line.limit)}</td><td>${line.fits ? '' : '<span class="full">does not fit</span>'}</td></tr>`
  })
  return `<section><h2>Capacity, as declared</h2><table><tr><th>Place</th><th>Resource</th><th>Before</th><th>After</th><th>Limit</th><th></th></tr>${rows.join('')}</table></section>`
}

function graph(review: Review, items: readonly ReviewItem[], ids: ReadonlyMap<ReviewItem, string>): string {
  const drawn = planGraph(review.plan)
  if (drawn.nodes.length < 2) return ''
  const byStep = new Map(
    items.flatMap(item => item.steps.map(step => [step.id, ids.get(item) ?? ''] as const)),
  )
  const svg = renderSvg(drawn, { standalone: false, item: id => byStep.get(id) })
  const open = drawn.nodes.length <= largeGraph ? ' open' : ''
  const zoom = [
    ['+', 'Nearer'],
    ['-', 'Farther'],
    ['0', 'All of it'],
  ].map(([key, title]) => `<button data-key="${key}" title="${title}">${key}</button>`)
  return [
    `<section><details id="graph"${open}><summary><h2>Graph (${drawn.nodes.length})</h2></summary>`,
    '<div class="view" tabindex="0" role="group" aria-label="Graph: arrows move it, + and - zoom, 0 shows all of it">',
    `${svg}<div class="zoom">${zoom.join('')}</div></div></details></section>`,
  ].join('\n')
}

function foot({ plan }: Review, options: HtmlOptions): string {
  const command = applyCommand(plan, options)
  const facts = [
    ...(options.commit === undefined ? [] : [`commit <code>${html(options.commit)}</code>`]),
    `state serial ${html(String(plan.base.serial))}`,
    ...(options.readAt === undefined ? [] : [`read ${html(options.readAt)}`]),
    `digest <code>${html(plan.digest)}</code>`,
  ]
  return [
    `<footer><p>${facts.join(' · ')}</p>`,
    ...(command === undefined ? [] : [`<p>To apply exactly this: <code>${html(command)}</code></p>`]),
    '<p>Keys: <kbd>/</kbd> search, <kbd>Esc</kbd> clear, <kbd>j</kbd> <kbd>k</kbd> next and previous, <kbd>Enter</kbd> open.</p></footer>',
  ].join('\n')
}

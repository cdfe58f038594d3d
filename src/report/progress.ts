/**
 * An apply while it runs. On a terminal a few running steps and the counts are drawn over and over; finished steps scroll by
 * only as long as they are few. Elsewhere a line an event, or NDJSON. Pure but for the writer it is given.
 */
import type { ApplyEvent } from '../apply/event.js'
import type { Action } from '../planner/plan.js'
import { paint, type Style, styleOf, symbols } from './style.js'
import { cut, duration, plural, visible } from './text.js'

export interface ProgressOptions {
  readonly colour: boolean
  readonly write: (text: string) => void
  /** `live` redraws and needs a terminal; `lines` and `ndjson` only append. */
  readonly form: 'live' | 'lines' | 'ndjson'
  /** Columns of the terminal, asked before each drawing. */
  readonly width?: () => number
  /** Milliseconds; tells how long a running step has been at it. */
  readonly now: () => number
}

export interface Progress {
  report(event: ApplyEvent): void
  /** Draws again, for times to move on; a caller does so about four times a second. Nothing to do but on a live view. */
  tick(): void
  /** Takes the live view away and prints the summary. */
  finish(): void
}

/** Running steps shown at once. */
const runningShown = 6
/** Up to this many steps, each finished one gets a line of its own on a live view. */
const fewSteps = 40

interface Running {
  readonly address: string
  readonly action: Action
  readonly since: number
  message?: string
}

interface Tally {
  readonly running: Map<string, Running>
  readonly slowest: { address: string; milliseconds: number }[]
  readonly done: Map<Action, number>
  total: number
  finished: number
  failed: number
  direction: 'forward' | 'back'
  last?: Extract<ApplyEvent, { type: 'plan-finished' }>
  stopping?: string
}

const doing: Readonly<Record<Action, readonly [string, string]>> = {
  create: ['creating', 'created'],
  update: ['changing', 'changed'],
  replace: ['replacing', 'replaced'],
  delete: ['destroying', 'destroyed'],
  adopt: ['adopting', 'adopted'],
  forget: ['forgetting', 'forgotten'],
  'no-op': ['recording', 'recorded'],
}

/** A listener to the events of an apply that writes in the form. */
export function progressOf(options: ProgressOptions): Progress {
  if (options.form === 'ndjson') {
    return { report: event => options.write(`${JSON.stringify(event)}\n`), tick: () => {}, finish: () => {} }
  }
  const style = styleOf(options.colour)
  const tally: Tally = {
    running: new Map(),
    slowest: [],
    done: new Map(),
    total: 0,
    finished: 0,
    failed: 0,
    direction: 'forward',
  }
  const live = options.form === 'live'
  let drawn = 0
  const width = () => Math.max(options.width?.() ?? 100, 20)
  const clear = () => (drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`)
  const draw = (before = '') => {
    if (!live) {
      if (before !== '') options.write(before)
      return
    }
    const lines = view(tally, style, width(), options.now())
    options.write(`${clear()}${before}${lines.map(line => `${line}\n`).join('')}`)
    drawn = lines.length
  }
  return {
    report(event) {
      count(tally, event)
      const line = eventLine(event, style, width(), !live || tally.total <= fewSteps)
      if (line === undefined && live) return
      draw(line === undefined ? '' : `${line}\n`)
    },
    tick() {
      if (live) draw()
    },
    finish() {
      const took = clear()
      drawn = 0
      const lines = summary(tally, style)
      options.write(`${took}${lines.map(text => `${text}\n`).join('')}`)
    },
  }
}

function count(tally: Tally, event: ApplyEvent): void {
  switch (event.type) {
    case 'plan-started':
      tally.total = event.total
      tally.finished = 0
      tally.failed = 0
      tally.done.clear()
      tally.running.clear()
      tally.direction = event.direction
      delete tally.stopping
      break
    case 'step-started':
      tally.running.set(event.step, { address: event.address, action: event.action, since: event.at })
      break
    case 'step-progress': {
      const running = tally.running.get(event.step)
      if (running) running.message = event.message
      break
    }
    case 'step-done':
    case 'step-failed':
      tally.running.delete(event.step)
      if (event.type === 'step-failed') tally.failed += 1
      else {
        tally.finished += 1
        tally.done.set(event.action, (tally.done.get(event.action) ?? 0) + 1)
      }
      tally.slowest.push({ address: event.address, milliseconds: event.milliseconds })
      tally.slowest.sort((a, b) => b.milliseconds - a.milliseconds).splice(3)
      break
    case 'stopping':
      tally.stopping = event.why
      break
    case 'plan-finished':
      tally.last = event
      tally.running.clear()
      break
  }
}

/** The line of an event that stays; undefined where only the view moves. */
function eventLine(event: ApplyEvent, style: Style, width: number, each: boolean): string | undefined {
  switch (event.type) {
    case 'plan-started': {
      const what = event.direction === 'back' ? 'Rolling back' : 'Applying'
      return style.bold(`${what}: ${plural(event.total, 'step')}`)
    }
    case 'step-done': {
      if (!each) return undefined
      const text = `${doing[event.action][1]} ${visible(event.address)}`
      return `${paint(event.action, style)(symbols[event.action])} ${cut(text, width - 16)} ${style.dim(duration(event.milliseconds))}`
    }
    case 'step-failed': {
      const text = visible(`failed ${event.address}: ${event.error.message}`)
      const why = event.error.why === undefined ? '' : `\n    ${visible(event.error.why)}`
      return style.red(`x ${text}${why}`)
    }
    case 'step-progress':
      return undefined
    case 'stopping':
      return style.yellow(`Stopping: ${visible(event.why)}; running steps end first`)
    case 'step-started':
    case 'plan-finished':
      return undefined
  }
}

function view(tally: Tally, style: Style, width: number, now: number): string[] {
  if (tally.last && tally.running.size === 0) return []
  const longest = [...tally.running.values()].sort((a, b) => a.since - b.since)
  const lines = longest.slice(0, runningShown).map(({ address, action, since, message }) => {
    const told = message === undefined ? '' : `: ${visible(message)}`
    const time = duration(Math.max(Math.floor((now - since) / 1000) * 1000, 0)).replace('.0 s', ' s')
    return `  ${cut(`${doing[action][0]} ${visible(address)}${told}`, width - 14)} ${style.dim(time)}`
  })
  if (longest.length > runningShown)
    lines.push(style.dim(`  and ${longest.length - runningShown} more running`))
  const failed = tally.failed > 0 ? style.red(`, ${tally.failed} failed`) : ''
  const back = tally.direction === 'back' ? 'rolled back ' : ''
  const stopping = tally.stopping === undefined ? '' : style.yellow(', stopping')
  const done = tally.finished + tally.failed
  const percent = tally.total === 0 ? 100 : Math.floor((done / tally.total) * 100)
  lines.push(
    `${back}${tally.finished} of ${tally.total} (${percent} %), ${tally.running.size} running${failed}${stopping}`,
  )
  return lines
}

function summary(tally: Tally, style: Style): string[] {
  const { last } = tally
  if (!last) return []
  const done = [...tally.done].map(([action, amount]) => `${amount} ${doing[action][1]}`)
  const parts = [
    ...(done.length > 0 ? done : ['nothing changed']),
    ...(last.failed > 0 ? [`${last.failed} failed`] : []),
    ...(last.skipped > 0 ? [`${last.skipped} not begun`] : []),
  ]
  const name = last.direction === 'back' ? 'Rolled back' : last.failed > 0 ? 'Failed' : 'Done'
  const colour = last.failed > 0 ? style.red : style.green
  const text = `${name}: ${parts.join(', ')} in ${duration(last.milliseconds)}`
  const slow = tally.slowest.filter(step => step.milliseconds >= 1000)
  const slowest = slow.map(step => `${visible(step.address)} ${duration(step.milliseconds)}`).join(', ')
  return [style.bold(colour(text)), ...(slow.length > 0 ? [style.dim(`Slowest: ${slowest}`)] : [])]
}

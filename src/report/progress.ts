/** Progress of an apply: a calm live view on a terminal, plain lines elsewhere, NDJSON for programs. */
import type { ApplyEvent } from '../apply/event.js'
import type { Action } from '../planner/plan.js'
import { paint, type Style, styleOf, symbols } from './style.js'
import { cut, duration, visible } from './text.js'

export interface ProgressOptions {
  readonly mode: 'live' | 'lines' | 'ndjson'
  readonly write: (text: string) => void
  readonly colour: boolean
  readonly width?: number
}

export interface Progress {
  tell(event: ApplyEvent): void
  /** Leaves the terminal as it shall stay. */
  close(): void
}

export function openProgress(options: ProgressOptions): Progress {
  if (options.mode === 'ndjson') {
    return { tell: event => options.write(`${JSON.stringify(event)}\n`), close: () => undefined }
  }
  return options.mode === 'live' ? liveProgress(options) : lineProgress(options)
}

const past: Readonly<Record<Action, string>> = {
  create: 'created',
  update: 'changed',
  replace: 'replaced',
  delete: 'deleted',
  adopt: 'taken over',
  forget: 'forgotten',
  'no-op': 'recorded',
}

/** A line an end of a step, and nothing else: what a log keeps. */
function lineProgress({ write, colour }: ProgressOptions): Progress {
  const style = styleOf(colour)
  return {
    tell(event) {
      const line = lineOf(event, style)
      if (line !== undefined) write(`${line}\n`)
    },
    close: () => undefined,
  }
}

function lineOf(event: ApplyEvent, style: Style): string | undefined {
  switch (event.type) {
    case 'plan-started':
      return event.direction === 'back' ? style.yellow(`Putting back: ${event.total} steps.`) : undefined
    case 'step-done': {
      const half = event.step.startsWith('replace-delete ') ? 'deleted, to be replaced' : past[event.action]
      const sign = paint(event.action, style)(symbols[event.action])
      return `${sign} ${visible(event.address)} ${half} ${style.dim(`(${duration(event.milliseconds)})`)}`
    }
    case 'step-failed':
      return style.red(`✗ ${visible(event.address)} ${visible(event.error.message)}`)
    case 'stopping':
      return style.yellow(event.why)
    case 'step-progress':
      return style.dim(`  ${visible(event.address)}: ${visible(event.message)}`)
    case 'step-started':
    case 'plan-finished':
      return undefined
  }
}

/** How many running steps are shown by name; of the others the count. */
const shown = 6
/** A view that moves more often than this is no longer calm. */
const interval = 100

/** Ended steps scroll by above (the first of them, and every failure); below stay the counts and a few running steps. */
function liveProgress({ write, colour, width = 80 }: ProgressOptions): Progress {
  const style = styleOf(colour)
  const running = new Map<string, { readonly address: string; readonly since: number; message?: string }>()
  let total = 0
  let done = 0
  let printed = 0
  let drawn = 0
  let pending: string[] = []
  let timer: NodeJS.Timeout | undefined

  const clear = () => (drawn > 0 ? `\u001b[${drawn}A\u001b[0J` : '')
  const draw = () => {
    timer = undefined
    const now = Date.now()
    const lines = [...running.values()].slice(0, shown).map(one => {
      const seconds = Math.floor((now - one.since) / 1000)
      const text = `  ${one.address}${one.message ? `: ${one.message}` : ''}${seconds > 2 ? ` ${seconds} s` : ''}`
      return style.dim(cut(visible(text), width - 1))
    })
    if (running.size > shown) lines.push(style.dim(`  and ${running.size - shown} more`))
    const head = `${bar(done, total, style)} ${done} of ${total}`
    const text = [...pending, head, ...lines].join('\n')
    write(`${clear()}${text}\n`)
    pending = []
    drawn = lines.length + 1
  }
  const soon = () => {
    timer ??= setTimeout(draw, interval)
  }

  return {
    tell(event) {
      if (event.type === 'plan-started') {
        total = event.total
        done = 0
        printed = 0
      }
      if (event.type === 'step-started') running.set(event.step, { address: event.address, since: event.at })
      if (event.type === 'step-progress') {
        const step = running.get(event.step)
        if (step) step.message = event.message
        soon()
        return
      }
      if (event.type === 'step-done' || event.type === 'step-failed') {
        running.delete(event.step)
        done += 1
      }
      const line = lineOf(event, style)
      // Hundreds of lines would only scroll by: the counts tell of them.
      const quiet = event.type === 'step-done' && ++printed > 50
      if (line !== undefined && !quiet) pending.push(cut(line, width * 3))
      soon()
    },
    close() {
      clearTimeout(timer)
      write(`${clear()}${pending.map(line => `${line}\n`).join('')}`)
      drawn = 0
    },
  }
}

function bar(done: number, total: number, style: Style): string {
  const size = 24
  const full = total === 0 ? size : Math.round((done / total) * size)
  return style.green('━'.repeat(full)) + style.dim('━'.repeat(size - full))
}

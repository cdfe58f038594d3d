/** An event of a watch as a line for people. */
import { styleOf } from '../report/style.js'
import { duration, plural, visible } from '../report/text.js'
import type { WatchEvent } from './event.js'

export interface LineOptions {
  readonly colour: boolean
  /** Milliseconds between looks at everything. */
  readonly interval: number
}

/** Resources that are named; of more, their number. */
const mostNamed = 5

/** The line without its end; undefined for what only programs want to know. */
export function watchLine(event: WatchEvent, { colour, interval }: LineOptions): string | undefined {
  const style = styleOf(colour)
  const say = (paint: (text: string) => string, word: string, text: string) =>
    `${style.dim(event.at.replace(/\.\d+Z$/, 'Z'))} ${paint(word.padEnd(10))} ${visible(text)}`
  switch (event.type) {
    case 'drift': {
      const paint =
        event.change === 'gone' ? style.green : event.rule === 'deleted' ? style.red : style.yellow
      return say(paint, event.change, `${event.resource} ${event.text}`)
    }
    case 'unreadable':
      return say(style.red, 'unreadable', `${namesOf(event.resources)} ${event.why}`)
    case 'readable':
      return say(style.green, 'readable', namesOf(event.resources))
    case 'remark':
      return say(
        style.cyan,
        'remark',
        `${event.resource} ${event.text || 'nothing more is to be said of it'}`,
      )
    case 'watching': {
      const scan = `everything is looked at every ${spanText(interval)}`
      if (event.how === 'scans')
        return say(style.cyan, 'watching', `${event.connection}: it tells nothing; ${scan}`)
      const how = event.again ? 'sees again' : 'watching'
      return say(style.cyan, how, `${event.connection}: by what it tells as it happens; ${scan}`)
    }
    case 'blind':
      return say(
        style.red,
        'blind',
        `${event.connection}: ${event.why}; tried again in ${duration(event.retryMilliseconds)}`,
      )
    case 'scan':
      return undefined
    case 'failed': {
      const why = event.errors.map(one => (one.why ? `${one.message}: ${one.why}` : one.message)).join('; ')
      return say(style.red, 'failed', `${why}; tried again in ${duration(event.retryMilliseconds)}`)
    }
  }
}

function namesOf(resources: readonly string[]): string {
  return resources.length > mostNamed ? plural(resources.length, 'resource') : resources.join(', ')
}

function spanText(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds % 3600 === 0) return `${seconds / 3600} h`
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}

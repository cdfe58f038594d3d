/** A watch that runs as a process of its own, and the events that it tells. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { WatchEvent } from '../../src/watch/event.js'
import type { Desk, Running } from '../acceptance/desk.js'

export interface Watching {
  readonly running: Running
  readonly events: () => readonly WatchEvent[]
  /** The next event after those that were waited for that fits. Fails when none comes in time. */
  next(fits: (event: WatchEvent) => boolean, seconds?: number): Promise<WatchEvent>
}

export function startWatch(here: Desk, ...args: readonly string[]): Watching {
  const running = here.start('drift', '--watch', '--json', ...args)
  const events = () =>
    running
      .text()
      .split('\n')
      .slice(0, -1)
      .filter(line => line.startsWith('{'))
      .map(line => eventOf(line, running.text()))
  let seen = 0
  return {
    running,
    events,
    async next(fits, seconds = 60) {
      const until = Date.now() + seconds * 1000
      while (Date.now() < until) {
        const all = events()
        const found = all.findIndex((event, index) => index >= seen && fits(event))
        const event = all[found]
        if (event) {
          seen = found + 1
          return event
        }
        await sleep(50)
      }
      throw new Error(`no such event in ${seconds} s:\n${running.text()}`)
    },
  }
}

/** An error that ends a watch is told in several lines, of which the first is no event. */
function eventOf(line: string, text: string): WatchEvent {
  if (line === '{') throw new Error(`the watch ended with an error:\n${text}`)
  return JSON.parse(line)
}

/** A drift event of this resource. */
export function drift(resource: string, change: string, path?: string) {
  return (event: WatchEvent) =>
    event.type === 'drift' &&
    event.resource === resource &&
    event.change === change &&
    (path === undefined || event.path === path)
}

/** A remark on this resource. */
export function remark(resource: string, text: RegExp) {
  return (event: WatchEvent) =>
    event.type === 'remark' && event.resource === resource && text.test(event.text)
}

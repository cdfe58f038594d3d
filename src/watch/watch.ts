/**
 * Looks for drift for as long as it is let: at everything at intervals, and in between where a system tells that something
 * may have changed. Every look opens the stack anew, so that an apply, another document or a new ignore counts at once and
 * no connection that was lost is leant on.
 */
import { InfraError, InfraErrors } from '../model/error.js'
import type { Clock } from '../model/ports.js'
import { everything } from '../providers/hints.js'
import type { Hint, Provider, Target } from '../providers/provider.js'
import type { DriftReport } from '../report/drift/model.js'
import { type DriftPart, type DriftReading, withPart } from '../session/drift.js'
import type { DesiredConnection } from '../stack/desired.js'
import { changesSince, type Known, nothingKnown } from './changes.js'
import type { WatchEvent } from './event.js'
import { follow } from './follow.js'

/** What a look needs of a session. */
export interface Looked {
  readonly driftBase: DriftReading['base']
  neededConnections(): readonly DesiredConnection[]
  readDrift(part?: DriftPart): Promise<DriftReading>
  driftReport(reading: DriftReading): Promise<DriftReport>
  close(): Promise<void>
}

export interface WatchInput {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds between looks at everything. */
  readonly interval: number
  /** Opens the stack; fails where this is no time to look, because an apply is under way. */
  open(): Promise<Looked>
  /** Opens one connection, of its own: it outlives the looks. */
  openConnection(wanted: DesiredConnection): Promise<Provider>
  tell(event: WatchEvent): void
  /** After every look, with the whole of what is known; `inPart` tells what was looked at, when that was not everything. */
  looked(report: DriftReport, inPart: ((subject: string) => boolean) | undefined): Promise<void>
}

/** Hints that come together are one look, milliseconds: a restart of a machine is five events. */
const gather = 500
/** Of more than so many, each would be held against every resource: the whole connection is looked at. */
const mostHints = 200
/** How long connections may take to tell before the first look is made without them, milliseconds. */
const firstHearing = 5000
const firstRetry = 5000

/** Watches until the signal. Fails as a look at everything would, but only at the first one: later failures are told. */
export async function watchDrift(input: WatchInput): Promise<void> {
  const { clock, signal } = input
  const ending = new AbortController()
  const inner = AbortSignal.any([signal, ending.signal])
  const followed = new Followed(input, inner)
  let known: Known = nothingKnown
  let reading: DriftReading | undefined
  let retry = firstRetry
  try {
    while (!signal.aborted) {
      const began = clock.now()
      let wait = input.interval
      try {
        const session = await input.open()
        try {
          await followed.follow(session.neededConnections(), reading === undefined)
          // What was told up to here is seen by this look
          const hints = followed.take()
          const due = clock.now() - followed.scanned >= input.interval
          const part = reading && !due && sameBase(reading, session) ? partOf(hints) : undefined
          const later = await session.readDrift(part)
          reading = part && reading ? withPart(reading, later, part) : later
          const report = await session.driftReport(reading)
          const step = changesSince(known, report)
          known = step.known
          for (const event of step.events) input.tell(event)
          if (!part) tellScan(input, report)
          await input.looked(report, part && subjectsIn(later))
          if (!part) followed.scanned = began
          followed.gather = Math.max(gather, clock.now() - began)
          retry = firstRetry
          wait = Math.max(0, followed.scanned + input.interval - clock.now())
        } finally {
          await session.close()
        }
      } catch (error) {
        if (signal.aborted) break
        const errors = expected(error)
        if (!errors || reading === undefined) throw error
        // What was to be looked at is looked at with everything else
        reading = { ...reading, base: { lineage: '', serial: -1 } }
        wait = Math.min(retry, input.interval)
        retry *= 2
        const at = new Date(clock.now()).toISOString()
        const details = errors.map(one => one.details())
        input.tell({ type: 'failed', at, errors: details, retryMilliseconds: wait })
        await followed.pause(wait)
        continue
      }
      await followed.wait(wait)
    }
  } finally {
    ending.abort()
    await followed.end()
  }
}

/** The connections that are listened to, and what they said since the last look. */
class Followed {
  /** When everything was last looked at. */
  scanned = 0
  /** As long as the last look took, so that no storm of events has this machine look all the time. */
  gather = gather
  readonly #input: WatchInput
  readonly #signal: AbortSignal
  readonly #running = new Map<string, { readonly ending: AbortController; readonly done: Promise<void> }>()
  #hints = new Map<string, Hint[]>()
  #wake = () => {}
  #defect: { readonly error: unknown } | undefined

  constructor(input: WatchInput, signal: AbortSignal) {
    this.#input = input
    this.#signal = signal
  }

  take(): ReadonlyMap<string, readonly Hint[]> {
    if (this.#defect) throw this.#defect.error
    const taken = this.#hints
    this.#hints = new Map()
    return taken
  }

  /** Follows these and no others. With `hearing`, resolves when each is heard, or known not to be, or is taking too long. */
  async follow(connections: readonly DesiredConnection[], hearing: boolean): Promise<void> {
    const wanted = new Map(connections.map(one => [JSON.stringify(one), one]))
    for (const [key, { ending }] of this.#running) {
      if (wanted.has(key)) continue
      ending.abort()
      this.#running.delete(key)
    }
    const begun = [...wanted].flatMap(([key, one]) => (this.#running.has(key) ? [] : [this.#begin(key, one)]))
    if (!hearing) return
    // the end of the watch ends the wait
    const late = this.#input.clock.sleep(firstHearing, this.#signal).catch(() => undefined)
    await Promise.race([Promise.all(begun), late])
  }

  #begin(key: string, wanted: DesiredConnection): Promise<void> {
    const { clock, tell } = this.#input
    const { name: connection } = wanted
    const ending = new AbortController()
    const at = () => new Date(clock.now()).toISOString()
    let heard = () => {}
    const known = new Promise<void>(resolve => {
      heard = resolve
    })
    const done = follow(
      {
        clock,
        open: () => this.#input.openConnection(wanted),
        sees: again => {
          tell({ type: 'watching', at: at(), connection, how: 'events', ...(again && { again }) })
          // What happened while nobody listened
          this.#push(connection, { ...everything, what: 'it is heard again' })
          heard()
        },
        cannotTell: () => {
          tell({ type: 'watching', at: at(), connection, how: 'scans' })
          heard()
        },
        blind: (why, retryMilliseconds) => {
          tell({ type: 'blind', at: at(), connection, why, retryMilliseconds })
          heard()
        },
        hint: hint => this.#push(connection, hint),
      },
      AbortSignal.any([this.#signal, ending.signal]),
    ).catch(error => {
      this.#defect = { error }
      heard()
      this.#wake()
    })
    this.#running.set(key, { ending, done })
    return known
  }

  #push(connection: string, hint: Hint): void {
    const hints = this.#hints.get(connection)
    if (hints && hints.length < mostHints) hints.push(hint)
    else this.#hints.set(connection, [hints ? everything : hint])
    this.#wake()
  }

  /** Until somebody tells something, or so many milliseconds have passed. */
  async wait(milliseconds: number): Promise<void> {
    if (this.#hints.size === 0 && !this.#defect) {
      const waking = new AbortController()
      this.#wake = () => waking.abort()
      await this.#sleep(milliseconds, waking.signal)
      this.#wake = () => {}
    }
    if (this.#hints.size > 0) await this.#sleep(this.gather)
  }

  /** So many milliseconds, whatever is told. */
  pause(milliseconds: number): Promise<void> {
    return this.#sleep(milliseconds)
  }

  async end(): Promise<void> {
    for (const { ending } of this.#running.values()) ending.abort()
    await Promise.all([...this.#running.values()].map(one => one.done))
  }

  #sleep(milliseconds: number, other?: AbortSignal): Promise<void> {
    const signal = AbortSignal.any(other ? [this.#signal, other] : [this.#signal])
    // the end of the watch ends the wait
    return this.#input.clock.sleep(milliseconds, signal).catch(() => undefined)
  }
}

/** Undefined where it is time to look at everything. */
function partOf(hints: ReadonlyMap<string, readonly Hint[]>): DriftPart | undefined {
  if (hints.size === 0) return undefined
  return new Map(
    [...hints].map(([connection, some]) => [
      connection,
      (target: Target) => some.some(hint => hint.touches(target)),
    ]),
  )
}

function subjectsIn(reading: DriftReading): (subject: string) => boolean {
  const addresses = new Set(reading.subjects.map(one => one.record.address))
  const objects = new Set(reading.unmanaged.map(one => `${one.kind}/${one.name}`))
  return subject => addresses.has(subject) || objects.has(subject)
}

function sameBase(reading: DriftReading, { driftBase }: Looked): boolean {
  return reading.base.serial === driftBase.serial && reading.base.lineage === driftBase.lineage
}

function tellScan(input: WatchInput, report: DriftReport): void {
  const { at, stack, outcome, counts, milliseconds } = report
  input.tell({ type: 'scan', at, stack, outcome, counts, milliseconds })
}

function expected(error: unknown): readonly InfraError[] | undefined {
  if (error instanceof InfraErrors) return error.errors
  return error instanceof InfraError ? [error] : undefined
}

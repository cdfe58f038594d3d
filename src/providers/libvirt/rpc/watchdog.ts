/** Tells a connection that is quiet from one that is dead: a ping when nothing was heard for a while, the end when nothing comes. */

export interface WatchdogSettings {
  /** Milliseconds without a byte from libvirtd, while it owes an answer, after which it is asked for a sign of life. */
  readonly pingAfter: number
  /** Milliseconds without a byte, while it owes an answer, after which the connection is given up. */
  readonly silence: number
}

interface WatchdogEnds {
  /** Nobody reads what has come: it has not been heard, and is no silence. */
  isPaused(): boolean
  ping(): void
  /** Told of the milliseconds of silence. */
  dead(quiet: number): void
}

export class Watchdog {
  readonly #settings: WatchdogSettings
  readonly #ends: WatchdogEnds
  #heard = performance.now()
  #pinged = false
  #timer: NodeJS.Timeout | undefined

  constructor(settings: WatchdogSettings, ends: WatchdogEnds) {
    this.#settings = settings
    this.#ends = ends
  }

  /** Something came. */
  heard(): void {
    this.#heard = performance.now()
    this.#pinged = false
  }

  /** From now on libvirtd owes an answer. */
  start(): void {
    if (this.#timer !== undefined) return
    const period = Math.max(10, this.#settings.pingAfter / 2)
    this.heard()
    let ticked = this.#heard
    this.#timer = setInterval(() => {
      const now = performance.now()
      const late = now - ticked > period * 2
      ticked = now
      if (this.#ends.isPaused()) this.#heard = now
      // this process was busy: what waits in the socket comes first
      if (!late) this.#look(now - this.#heard)
    }, period)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(quiet: number): void {
    if (quiet >= this.#settings.silence) this.#ends.dead(quiet)
    else if (quiet >= this.#settings.pingAfter && !this.#pinged) {
      this.#pinged = true
      this.#ends.ping()
    }
  }
}

/** A file's content and a folder's entries: what the cache has, what the disk has, and what may come of the difference. */
import type { Dice } from './dice.js'

/** The disk writes so many bytes at once, or only half of them. Small, so that short files are torn too. */
const page = 128

/** Bytes with room behind them, of which so many are somebody's. All that begin with the same bytes share it. */
interface Room {
  readonly bytes: Uint8Array
  used: number
}

export class Content {
  cached: Uint8Array = new Uint8Array()
  durable: Uint8Array = new Uint8Array()
  #room: Room = { bytes: this.cached, used: 0 }

  /** Only who has all that is used writes behind it, so that what others have stays; a file is not copied for each write. */
  append(bytes: Uint8Array): void {
    const { length } = this.cached
    const grown = length + bytes.length
    const isLast = this.cached.buffer === this.#room.bytes.buffer && this.#room.used === length
    if (!isLast || this.#room.bytes.length < grown) {
      this.#room = { bytes: new Uint8Array(2 * grown), used: length }
      this.#room.bytes.set(this.cached)
    }
    this.#room.bytes.set(bytes, length)
    this.#room.used = grown
    this.cached = this.#room.bytes.subarray(0, grown)
  }

  truncate(length: number): void {
    const cut = new Uint8Array(length)
    cut.set(this.cached.subarray(0, length))
    this.cached = cut
  }

  sync(): void {
    this.durable = this.cached
  }

  /** The same bytes apart: what is written to one is not in the other. */
  copy(): Content {
    const copy = new Content()
    copy.cached = this.cached
    copy.durable = this.durable
    copy.#room = this.#room
    return copy
  }

  /** Page by page the old bytes or the new ones or a torn page; the length old, new or between. */
  afterPowerLoss(dice: Dice): Content {
    const { cached, durable } = this
    const result = new Content()
    if (cached === durable) {
      result.cached = durable
      result.durable = durable
      return result
    }
    const lengths = [cached.length, durable.length]
    const [shorter = 0, longer = 0] = lengths.sort((a, b) => a - b)
    const length = dice.pick([shorter, longer, shorter + dice.roll(longer - shorter + 1)])
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += page) {
      const torn = dice.chance(0.2) ? dice.roll(page) : page
      const [first, second] = dice.chance(0.5) ? [cached, durable] : [durable, cached]
      bytes.set(first.subarray(at, Math.min(at + torn, length)), at)
      if (torn < page && at + torn < length) {
        bytes.set(second.subarray(at + torn, Math.min(at + page, length)), at + torn)
      }
    }
    result.cached = bytes
    result.durable = bytes
    return result
  }
}

type Change = ReadonlyMap<string, Content | undefined>

export class Folder {
  #cached = new Map<string, Content>()
  #durable = new Map<string, Content>()
  /** Since the last sync, in order. */
  #changes: Change[] = []

  get(name: string): Content | undefined {
    return this.#cached.get(name)
  }

  names(): string[] {
    return [...this.#cached.keys()]
  }

  contents(): Iterable<Content> {
    return this.#cached.values()
  }

  set(name: string, content: Content | undefined): void {
    this.#change(new Map([[name, content]]))
  }

  rename(from: string, to: string): void {
    const entries: [string, Content | undefined][] = [
      [from, undefined],
      [to, this.#cached.get(from)],
    ]
    this.#change(new Map(entries))
  }

  sync(): void {
    this.#durable = new Map(this.#cached)
    this.#changes = []
  }

  /** The same folder apart, synced as far; `copied` copies a file, the same one each time. */
  copy(copied: (content: Content) => Content): Folder {
    const all = (entries: ReadonlyMap<string, Content>) =>
      new Map([...entries].map(([name, content]) => [name, copied(content)]))
    const copy = new Folder()
    copy.#cached = all(this.#cached)
    copy.#durable = all(this.#durable)
    copy.#changes = this.#changes.map(
      change => new Map([...change].map(([name, content]) => [name, content && copied(content)])),
    )
    return copy
  }

  /** What was synced, and of the later changes whichever the disk has got to, in any choice. */
  afterPowerLoss(dice: Dice, survivors: Map<Content, Content>): Folder {
    const result = new Folder()
    const entries = new Map(this.#durable)
    const share = dice.pick([0, 0.5, 1])
    for (const change of this.#changes) if (dice.chance(share)) put(entries, change)
    for (const [name, content] of entries) {
      let survivor = survivors.get(content)
      if (!survivor) {
        survivor = content.afterPowerLoss(dice)
        survivors.set(content, survivor)
      }
      result.#cached.set(name, survivor)
    }
    result.#durable = new Map(result.#cached)
    return result
  }

  #change(change: Change): void {
    put(this.#cached, change)
    this.#changes.push(change)
  }
}

function put(entries: Map<string, Content>, change: Change): void {
  for (const [name, content] of change) {
    if (content) entries.set(name, content)
    else entries.delete(name)
  }
}

/**
 * What was made of a machine's definitions, kept under the digest of all that it was made of, so that what has not changed is
 * asked for each time and read once. Pure functions alone are kept: a definition, an entry of a list, a recorded spec or a
 * volume that is different by one byte that counts is read anew. What is kept saves time and nothing else.
 */
import { createHash } from 'node:crypto'
import type { Keeper, Target } from '../provider.js'
import type { DomainEntry } from './domains.js'
import type { DefinitionTexts, Drive, Glance } from './machine-definitions.js'
import type { Volume } from './rpc/types.js'
import type { ToldMachine } from './told-machine.js'
import type { StoredVolume } from './volume-reading.js'
import { chainOf, type Volumes } from './xml/domain-observe.js'
import { withoutUse } from './xml/volume.js'

/** Fewer are read sooner than what is kept of them. */
export const leastMachines = 64
const entryName = 'machines'

export interface KeptMachine {
  /** Digest of all that it was made of. */
  readonly of: string
  /** The volumes of its disks and those below them, whose definitions are part of that. */
  readonly volumes: readonly Volume[]
  readonly glance: Glance
  readonly told: ToldMachine
}

/** What one observation of many machines found, for the next. */
export class KeptMachines {
  readonly #keeper: Keeper | undefined
  readonly #added = new Map<string, KeptMachine>()
  #rows: Promise<ReadonlyMap<string, KeptMachine>> | undefined
  #isFirst = true

  /** Without a keeper, for as long as the program runs, from its second observation on: most make but one. */
  constructor(keeper: Keeper | undefined) {
    this.#keeper = keeper
  }

  /** By address. */
  rows(): Promise<ReadonlyMap<string, KeptMachine>> {
    this.#rows ??= this.#read()
    return this.#rows
  }

  /** For an observation of many: what is kept, by address. Undefined where it is not to be kept what this one finds. */
  known(): Promise<ReadonlyMap<string, KeptMachine>> | undefined {
    const isOnly = this.#keeper === undefined && this.#isFirst
    this.#isFirst = false
    return isOnly ? undefined : this.rows()
  }

  /** Whether anything outlives this program. */
  get areKept(): boolean {
    return this.#keeper !== undefined
  }

  /** One that was looked at by itself, as an apply reads back what it made. */
  add(address: string, row: KeptMachine): void {
    this.#added.set(address, row)
  }

  /** At the end: where many were looked at by themselves, the next observation of all finds them. */
  async keepAdded(): Promise<void> {
    if (this.#added.size < leastMachines) return
    await this.keep(new Map([...(await this.rows()), ...this.#added]), true)
  }

  /** Keeps these alone. `changed`: they are not what `rows` gave. */
  async keep(rows: ReadonlyMap<string, KeptMachine>, changed: boolean): Promise<void> {
    this.#rows = Promise.resolve(rows)
    if (changed) await this.#keeper?.put(entryName, JSON.stringify([...rows]))
  }

  async #read(): Promise<ReadonlyMap<string, KeptMachine>> {
    const payload = await this.#keeper?.get(entryName)
    try {
      return new Map(payload === undefined ? [] : (JSON.parse(payload) as [string, KeptMachine][]))
    } catch {
      // what cannot be read is read from libvirt again
      return new Map()
    }
  }
}

/** sha256 of all that a machine's definitions, and those of its volumes, are read with. */
export function digestOfTexts(
  entry: DomainEntry,
  target: Target,
  { stored, running }: DefinitionTexts,
  volumes: readonly string[],
): string {
  const lasting = volumes.map(withoutUse)
  const lengths = lasting.map(text => text.length)
  const about = JSON.stringify([target.name, target.spec, entry, stored.length, running?.length, lengths])
  const hash = createHash('sha256').update(about).update(stored)
  if (running !== undefined) hash.update(running)
  for (const text of lasting) hash.update(text)
  return hash.digest('hex')
}

/**
 * The volumes of these disks, each with all that it is based on. Undefined where one is not known: another day it may be, and
 * tell more.
 */
export function volumesBelow(
  drives: readonly Drive[],
  volumes: Volumes<StoredVolume>,
): readonly Volume[] | undefined {
  const found = new Map<string, Volume>()
  for (const drive of drives) {
    const chain = chainOf(drive, volumes)
    const isOfPool = drive.volume !== undefined || drive.path !== undefined
    if (isOfPool && (chain.length === 0 || chain.at(-1)?.backingPath !== undefined)) return undefined
    for (const { pool, name, key } of chain) found.set(`${pool}:${name}`, { pool, name, key })
  }
  return [...found.values()]
}

/**
 * What was made of a machine's definitions, kept under the digest of all that it was made of, so that what has not changed is
 * asked for each time and read once. Pure functions alone are kept: a definition, an entry of a list, a recorded spec or a
 * volume that is different by one byte that counts is read anew. What is kept saves time and nothing else.
 */
import { createHash } from 'node:crypto'
import type { Keeper, Target } from '../provider.js'
import type { DomainEntry } from './domains.js'
import type { DefinitionTexts, Drive, Glance } from './machine-definitions.js'
import type { ToldMachine } from './told-machine.js'
import { chainOf, type Volumes } from './xml/domain-observe.js'

/** Fewer are read sooner than what is kept of them. */
export const leastMachines = 64
const entryName = 'machines'

export interface KeptMachine {
  /** Digest of what the definitions were read with. */
  readonly of: string
  readonly glance: Glance
  /** What its volumes told. */
  readonly volumes: string
  readonly told: ToldMachine
}

/** What one observation of many machines found, for the next. */
export class KeptMachines {
  readonly #keeper: Keeper | undefined
  #rows: Promise<ReadonlyMap<string, KeptMachine>> | undefined

  /** Without a keeper, for as long as the program runs. */
  constructor(keeper: Keeper | undefined) {
    this.#keeper = keeper
  }

  /** By address. */
  rows(): Promise<ReadonlyMap<string, KeptMachine>> {
    this.#rows ??= this.#read()
    return this.#rows
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

/** sha256 of all that the definitions are read with. */
export function digestOfTexts(entry: DomainEntry, target: Target, texts: DefinitionTexts): string {
  const { stored, running } = texts
  const about = JSON.stringify([target.name, target.spec, entry, stored.length, running?.length])
  const hash = createHash('sha256').update(about).update(stored)
  if (running !== undefined) hash.update(running)
  return hash.digest('hex')
}

/** All that the volumes below these disks tell of a machine. */
export function toldByVolumes(drives: readonly Drive[], volumes: Volumes): string {
  let told = ''
  for (const drive of drives) {
    for (const { pool, name, path, capacityBytes, format, backingPath } of chainOf(drive, volumes))
      told += JSON.stringify([pool, name, path, capacityBytes, format, backingPath])
    told += '\n'
  }
  return told
}

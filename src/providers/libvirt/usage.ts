/**
 * Who uses a volume: domains that have it as a disk, volumes that are based on it. Everything is read in one go and kept for a
 * moment, so that a thousand deletions do not read a thousand domains each. What says "in use" is read anew before it counts.
 */
import { InfraError } from '../../model/error.js'
import { ask, type Host } from './connection.js'
import { gone, volumeReading } from './inventory.js'
import { procedures } from './rpc/procedures/index.js'
import { isTrash } from './trash.js'
import { readDomain } from './xml/domain-read.js'
import { parseXml } from './xml/parse.js'

const keptFor = 2_000

interface Index {
  readonly at: number
  /** By `POOL:VOLUME` and by path. */
  readonly users: ReadonlyMap<string, readonly string[]>
}

export class Usage {
  #index: Promise<Index> | undefined

  /** To be told of everything that may begin to use a volume. */
  forget(): void {
    this.#index = undefined
  }

  /** Refuses where something uses the volume. */
  async refuse(
    host: Host,
    volume: { readonly pool: string; readonly name: string; readonly path: string },
    signal: AbortSignal,
  ): Promise<void> {
    const keys = [`${volume.pool}:${volume.name}`, volume.path]
    const known = await this.#recent(host, signal)
    if (usersOf(known, keys).length === 0) return
    this.#index = undefined
    const users = usersOf(await this.#recent(host, signal), keys)
    if (users.length === 0) return
    throw new InfraError({
      kind: 'storage',
      code: 'volume-in-use',
      message: `The volume ${volume.name} of the pool ${volume.pool} is in use`,
      why: `By ${users.slice(0, 5).join(', ')}${users.length > 5 ? `, and ${users.length - 5} more` : ''}`,
      hint: 'Remove what uses it first, or leave it: retainOnDelete',
    })
  }

  async #recent(host: Host, signal: AbortSignal): Promise<Index> {
    const known = await this.#index?.catch(() => undefined)
    if (known !== undefined && host.ports.clock.now() - known.at < keptFor) return known
    const made = readIndex(host, signal)
    this.#index = made
    return made
  }
}

function usersOf(index: Index, keys: readonly string[]): string[] {
  return [...new Set(keys.flatMap(key => index.users.get(key) ?? []))]
}

async function readIndex(host: Host, signal: AbortSignal): Promise<Index> {
  const at = host.ports.clock.now()
  const users = new Map<string, string[]>()
  const add = (key: string | undefined, user: string) => {
    if (key !== undefined) users.set(key, [...(users.get(key) ?? []), user])
  }
  await Promise.all([readDomains(host, add, signal), readVolumes(host, add, signal)])
  return { at, users }
}

type Add = (key: string | undefined, user: string) => void

async function readDomains(host: Host, add: Add, signal: AbortSignal): Promise<void> {
  const all = await ask(host, procedures.connect.listDomains, { needResults: 1, flags: 0 }, signal)
  await Promise.all(
    all.map(async domain => {
      const xml = await ask(host, procedures.domains.xml, { domain, flags: 0 }, signal).catch(() => undefined)
      signal.throwIfAborted()
      if (xml === undefined) return
      for (const disk of readDomain(parseXml(xml)).disks) {
        add(disk.reference, `the machine ${domain.name} (${disk.device})`)
      }
    }),
  )
}

async function readVolumes(host: Host, add: Add, signal: AbortSignal): Promise<void> {
  const active = 2
  const pools = await ask(host, procedures.connect.listPools, { needResults: 1, flags: active }, signal)
  await Promise.all(
    pools.map(async pool => {
      const all = await ask(host, procedures.pools.volumes, { pool, needResults: 1, flags: 0 }, signal)
      await Promise.all(
        all
          .filter(volume => !isTrash(volume.name))
          .map(async volume => {
            const xml = await gone(ask(host, procedures.volumes.xml, { volume, flags: 0 }, signal))
            if (xml === undefined) return
            add(volumeReading(volume, xml).backingPath, `the volume ${volume.name} (based on it)`)
          }),
      )
    }),
  )
}

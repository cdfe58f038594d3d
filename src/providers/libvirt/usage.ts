/**
 * Who uses a volume: domains that have it as a disk, volumes that are based on it. Everything is read in one go and kept for a
 * moment, so that a thousand deletions do not read a thousand domains each. What says "in use" is read anew before it counts.
 */
import { InfraError, messageOf } from '../../model/error.js'
import type { Host } from './connection.js'
import { Inventory } from './inventory.js'
import { isLibvirt } from './rpc/errors.js'
import { isTrash } from './trash.js'

const keptFor = 2_000

type User =
  | { readonly kind: 'machine'; readonly name: string; readonly device: string }
  | { readonly kind: 'volume'; readonly pool: string; readonly name: string; readonly path: string }

/** By `POOL:VOLUME` and by path. */
export type Users = ReadonlyMap<string, readonly User[]>

interface Place {
  readonly pool: string
  readonly name: string
  readonly path: string
}

interface Reading {
  readonly users: Users
  /** Machines whose disks could not be read, each with why. They may use anything. */
  readonly unread: readonly string[]
}

interface Index extends Reading {
  readonly at: number
}

export class Usage {
  #index: Promise<Index> | undefined

  /** To be told of everything that may begin to use a volume. */
  forget(): void {
    this.#index = undefined
  }

  /** Refuses where something uses the volume. */
  async refuse(host: Host, volume: Place, signal: AbortSignal): Promise<void> {
    const known = await this.#recent(host, signal)
    if (usersOf(known.users, volume).length === 0 && known.unread.length === 0) return
    this.#index = undefined
    const now = await this.#recent(host, signal)
    const users = usersOf(now.users, volume).map(words)
    if (users.length === 0 && now.unread.length > 0) throw unknown(volume, now.unread)
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
    // who asked for it was told; it is read anew
    const known = await this.#index?.catch(() => undefined)
    if (known !== undefined && host.ports.clock.now() - known.at < keptFor) return known
    const at = host.ports.clock.now()
    const made = readUsers(new Inventory(host, signal, true)).then(reading => ({ at, ...reading }))
    this.#index = made
    return made
  }
}

function unknown(volume: Place, unread: readonly string[]): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'volume-use-unknown',
    message: `Who uses the volume ${volume.name} of the pool ${volume.pool} cannot be told`,
    why: unread.slice(0, 5).join('\n'),
    hint: 'Mend what keeps libvirt from telling of these machines, and try again',
  })
}

function words(user: User): string {
  return user.kind === 'machine'
    ? `the machine ${user.name} (${user.device})`
    : `the volume ${user.name} (based on it)`
}

function usersOf(users: Users, { pool, name, path }: Place): readonly User[] {
  return [...new Set([...(users.get(`${pool}:${name}`) ?? []), ...(users.get(path) ?? [])])]
}

/**
 * Who uses it in the end, for people: `VirtualMachine/web` for machines, through whatever overlays; `POOL:VOLUME` for volumes
 * that are based on it and that no machine has.
 */
export function usedBy(users: Users, volume: Place): string[] {
  const found = new Set<string>()
  const seen = new Set<string>()
  const visit = (place: Place): void => {
    if (seen.has(place.path)) return
    seen.add(place.path)
    for (const user of usersOf(users, place)) {
      if (user.kind === 'machine') found.add(`VirtualMachine/${user.name}`)
      else if (usersOf(users, user).length === 0) found.add(`${user.pool}:${user.name}`)
      else visit(user)
    }
  }
  visit(volume)
  return [...found].sort()
}

/**
 * Reads all domains and all volumes of active pools; what the inventory has read already is not read again. A machine that
 * goes away meanwhile uses nothing.
 */
export async function readUsers(inventory: Inventory): Promise<Reading> {
  const unread: string[] = []
  const users = new Map<string, User[]>()
  const add = (key: string | undefined, user: User) => {
    if (key === undefined) return
    const known = users.get(key)
    if (known === undefined) users.set(key, [user])
    else known.push(user)
  }
  const [domains, volumes] = await Promise.all([inventory.allDomains(), inventory.allVolumes()])
  await Promise.all([
    ...domains.map(async domain => {
      const disks = await inventory.disks(domain).catch(error => {
        inventory.signal.throwIfAborted()
        if (!isLibvirt(error, 'NO_DOMAIN')) unread.push(`${domain.name}: ${whyOf(error)}`)
        return []
      })
      for (const { reference, device } of disks) {
        add(reference, { kind: 'machine', name: domain.name, device })
      }
    }),
    ...volumes.map(async volume => {
      if (isTrash(volume.name)) return
      const reading = await inventory.read(volume)
      if (reading === undefined) return
      const { pool, name, path } = reading
      add(reading.backingPath, { kind: 'volume', pool, name, path })
    }),
  ])
  return { users, unread }
}

function whyOf(error: unknown): string {
  return error instanceof InfraError && error.why !== undefined ? error.why : messageOf(error)
}

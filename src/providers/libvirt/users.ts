/** Who uses a volume: domains that have it as a disk, volumes that are based on it. Everything is read in one go. */
import { InfraError, messageOf } from '../../model/error.js'
import type { Inventory } from './inventory.js'
import { isLibvirt } from './rpc/errors.js'
import { isTrash } from './trash.js'

export type User =
  | { readonly kind: 'machine'; readonly name: string; readonly device: string }
  | { readonly kind: 'volume'; readonly pool: string; readonly name: string; readonly path: string }

/** By `POOL:VOLUME` and by path. */
export type Users = ReadonlyMap<string, readonly User[]>

export interface Place {
  readonly pool: string
  readonly name: string
  readonly path: string
}

export interface Reading {
  readonly users: Users
  /** Machines whose disks could not be read, each with why. They may use anything. */
  readonly unread: readonly string[]
}

export function usersOf(users: Users, { pool, name, path }: Place): readonly User[] {
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

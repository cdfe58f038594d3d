/**
 * What uses a volume keeps it from being deleted. Who uses what is kept for a moment, so that a thousand deletions do not read a
 * thousand domains each. What says "in use" is read anew before it counts.
 */
import { InfraError } from '../../model/error.js'
import type { Host } from './connection.js'
import { Inventory } from './inventory.js'
import { type Place, type Reading, readUsers, type User, usersOf } from './users.js'

const keptFor = 2_000

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

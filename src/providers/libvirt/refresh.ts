/**
 * Refreshes of pools, joined: a refresh reads every volume of a pool, so those that are asked for while one runs share the
 * next one, however many they are.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './rpc/client.js'
import { isLibvirt } from './rpc/errors.js'
import { procedures } from './rpc/procedures/index.js'
import type { Pool } from './rpc/types.js'

/** How often a pool that is busy (libvirt refreshes it by itself after an upload) is asked again. */
const tries = 100
const pause = 100

export class Refresher {
  readonly #client: Client
  readonly #running = new Map<string, Promise<void>>()
  readonly #next = new Map<string, Promise<void>>()

  constructor(client: Client) {
    this.#client = client
  }

  /** Returns once a refresh that began after this call has ended. */
  refresh(pool: Pool): Promise<void> {
    const queued = this.#next.get(pool.uuid)
    if (queued) return queued
    const before = this.#running.get(pool.uuid) ?? Promise.resolve()
    const mine = before
      // whoever waits for it hears of its error; the next one has its turn all the same
      .catch(() => undefined)
      .then(() => {
        this.#next.delete(pool.uuid)
        this.#running.set(pool.uuid, mine)
        return this.#refresh(pool)
      })
      .finally(() => {
        if (this.#running.get(pool.uuid) === mine) this.#running.delete(pool.uuid)
      })
    this.#next.set(pool.uuid, mine)
    return mine
  }

  async #refresh(pool: Pool): Promise<void> {
    await whileBusy(() => this.#client.call(procedures.pools.refresh, { pool, flags: 0 }))
  }
}

/**
 * Tries again while libvirt says that the pool has asynchronous jobs (a build, an upload's end, another's volume): it does
 * so by an internal error without a number of its own.
 */
export async function whileBusy<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let left = tries; ; left -= 1) {
    try {
      return await work()
    } catch (error) {
      const busy =
        isLibvirt(error, 'INTERNAL_ERROR', 'OPERATION_INVALID', 'RESOURCE_BUSY') &&
        /asynchronous jobs running|is in use/.test(error.why ?? '')
      if (!busy || left === 0) throw error
      await sleep(pause, undefined, { signal })
    }
  }
}

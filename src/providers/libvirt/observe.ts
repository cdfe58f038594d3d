/** Reading what is really there, in bulk: everything listed once and details asked for all at once. */
import { InfraError, messageOf } from '../../model/error.js'
import { sensible } from '../answer.js'
import type { Observation, Target } from '../provider.js'
import type { Host } from './connection.js'
import { Inventory } from './inventory.js'
import { MachineObserver } from './observe-machine.js'
import { observeNetwork } from './observe-network.js'
import { observeSnapshot } from './observe-snapshot.js'
import { observeImage, observePool, observeVolume } from './observe-storage.js'

/** From so many targets on, lists are cheaper than looking each up. */
const leastBulk = 12

/**
 * One observation a target, as the provider’s contract asks: one that cannot be read is `unreadable`, and hides no other. As
 * many as an apply has `atOnce` are what it reads back of its steps, each looked up, however many more the host has.
 */
export async function observeAll(
  host: Host,
  targets: readonly Target[],
  signal: AbortSignal,
  atOnce = 0,
): Promise<ReadonlyMap<string, Observation>> {
  const bulk = targets.length >= leastBulk && targets.length > atOnce
  const inventory = new Inventory(host, signal, bulk)
  const machines = new MachineObserver(inventory, bulk, targets)
  const observe = (target: Target): Promise<Observation> => {
    switch (target.kind) {
      case 'VirtualMachine':
        return machines.observe(target)
      case 'StoragePool':
        return observePool(target, inventory)
      case 'Volume':
        return observeVolume(target, inventory)
      case 'Image':
        return observeImage(target, inventory)
      case 'Network':
        return observeNetwork(target, inventory)
      case 'Snapshot':
        return observeSnapshot(target, inventory)
      default:
        return Promise.resolve({
          status: 'unreadable',
          why: `libvirt does not serve the kind ${target.kind}`,
        })
    }
  }
  const entries = await Promise.all(
    targets.map(
      async target =>
        [
          target.address,
          await tolerant(
            sensible('libvirt', () => observe(target)),
            signal,
          ),
        ] as const,
    ),
  )
  await machines.keep()
  return new Map(entries)
}

/** What one object's reading failed with hides no other; a lost connection says nothing of anything. */
async function tolerant(reading: Promise<Observation>, signal: AbortSignal): Promise<Observation> {
  try {
    return await reading
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof InfraError && error.kind !== 'connection') {
      return {
        status: 'unreadable',
        why: error.why === undefined ? error.message : `${error.message}: ${error.why}`,
      }
    }
    if (error instanceof InfraError) throw error
    return { status: 'unreadable', why: messageOf(error) }
  }
}

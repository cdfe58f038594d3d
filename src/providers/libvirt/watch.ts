/** Hearing of changes as they happen: libvirt's own events of domains, networks and storage pools. */
import { hintQueue } from '../hints.js'
import type { Hint, Target } from '../provider.js'
import type { Host } from './connection.js'
import type { ObjectEvent } from './rpc/events.js'

/**
 * Events of libvirt. It tells of none for a change of a definition that is not running (other than a new definition), of
 * volumes, and of what a guest does inside.
 */
export async function watchHost(host: Host, signal: AbortSignal): Promise<AsyncIterable<Hint>> {
  let end = () => Promise.resolve()
  // What is not unregistered goes with the connection
  const queue = hintQueue(signal, () => void end().catch(() => undefined))
  const watch = await host.client.watch(
    { happened: event => queue.push(hintOf(event)), lost: error => queue.fail(error) },
    { signal },
  )
  end = watch.end
  return queue.hints
}

const kinds: Readonly<Record<ObjectEvent['type'], string>> = {
  domain: 'VirtualMachine',
  network: 'Network',
  pool: 'StoragePool',
}

function hintOf({ type, name, uuid, what }: ObjectEvent): Hint {
  return {
    what: `${type} ${name}: ${what}`,
    touches: target => {
      if (target.kind === kinds[type]) return target.name === name || target.identity?.uuid === uuid
      return type === 'domain' ? isSnapshotOf(target, name) : type === 'pool' && liesIn(target, name)
    },
  }
}

function isSnapshotOf({ kind, spec }: Target, machine: string): boolean {
  return kind === 'Snapshot' && String(spec.virtualMachine).toLowerCase() === machine.toLowerCase()
}

/** What lies in a pool cannot be read while it is stopped. */
function liesIn({ kind, spec }: Target, pool: string): boolean {
  return (kind === 'Volume' || kind === 'Image') && spec.pool === pool
}

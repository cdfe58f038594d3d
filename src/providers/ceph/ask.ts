/** Asking a cluster, in the words of the field: what most of the provider's files begin with. */
import type { Clock } from '../../model/ports.js'
import type { Call } from '../provider.js'
import type { CallOptions, CephCommand, CephConnection, CommandAnswer } from './client/connection.js'
import { CephError, isErrno } from './client/error.js'

/** A connection with the clock to wait by. */
export interface Ceph {
  readonly connection: CephConnection
  readonly clock: Clock
  /** Who asks, without `client.`, and the file with their key on this machine. */
  readonly client?: { readonly user: string; readonly keyring: string }
}

/** What a command to the monitors answers, as data. */
export async function monData<T>(ceph: Ceph, command: CephCommand, options: CallOptions): Promise<T> {
  return dataOf(command, (await ceph.connection.mon(command, options)).output)
}

/** What a command to the manager answers, as data. */
export async function mgrData<T>(ceph: Ceph, command: CephCommand, options: CallOptions): Promise<T> {
  return dataOf(command, (await askManager(ceph, command, options)).output)
}

/** How long a manager that has just taken over may take to load its modules: two minutes on a machine that is busy. */
const loadSeconds = 150

/** Asks the manager; one that has just taken over refuses what its modules do until they are loaded, and is asked again. */
async function askManager(ceph: Ceph, command: CephCommand, options: CallOptions): Promise<CommandAnswer> {
  const until = ceph.clock.now() + loadSeconds * 1000
  for (;;) {
    try {
      return await ceph.connection.mgr(command, options)
    } catch (thrown) {
      if (!isLoading(thrown) || ceph.clock.now() > until) throw thrown
      await ceph.clock.sleep(300, options.signal)
    }
  }
}

/** Its words are told apart: the same errno says that a volume is of a format without a feature. */
const isLoading = (thrown: unknown) =>
  isErrno(thrown, 'EOPNOTSUPP') && /Module '.*' is not enabled/.test(thrown.why ?? '')

/** A daemon that gives a command up, or is replaced in the middle of it, may answer with success and nothing. */
function dataOf<T>(command: CephCommand, output: string): T {
  const { prefix } = command
  if (output.trim() === '') throw new CephError(prefix, 110, 'the answer is empty: the command was given up')
  try {
    return JSON.parse(output) as T
  } catch {
    throw new CephError(prefix, 5, `the answer is no JSON: ${output.slice(0, 200)}`)
  }
}

/** Tells the monitors to do something. */
export async function tell(ceph: Ceph, command: CephCommand, options: CallOptions): Promise<void> {
  await ceph.connection.mon(command, options)
}

/** Tells the manager to do something. */
export async function tellMgr(ceph: Ceph, command: CephCommand, options: CallOptions): Promise<void> {
  await askManager(ceph, command, options)
}

/**
 * Tells the manager to do something, again while it answers EAGAIN: files of a deleted volume are still being purged, or
 * all that clone are busy. Until the call is aborted.
 */
export async function tellPatiently(ceph: Ceph, command: CephCommand, call: Call): Promise<void> {
  for (let told = false; ; told = true) {
    try {
      await tellMgr(ceph, command, { signal: call.signal })
      return
    } catch (thrown) {
      if (!isErrno(thrown, 'EAGAIN')) throw thrown
      if (!told) call.progress(`waiting: ${thrown.why ?? 'the manager is busy'}`)
      await ceph.clock.sleep(500, call.signal)
    }
  }
}

/** Runs lanes of commands at the same time, the commands of a lane one after another. */
export async function inLanes(
  ceph: Ceph,
  lanes: readonly (readonly CephCommand[])[],
  options: CallOptions,
): Promise<void> {
  await Promise.all(
    lanes.map(async lane => {
      for (const command of lane) await tell(ceph, command, options)
    }),
  )
}

/** The monitors' addresses that a mount takes: `10.0.0.1:6789`. */
export async function monitors(ceph: Ceph, options: CallOptions): Promise<string[]> {
  const map = await monData<MonMap>(ceph, { prefix: 'mon dump' }, options)
  return map.mons.map(mon => {
    const old = mon.public_addrs?.addrvec.find(address => address.type === 'v1')
    return old?.addr ?? mon.public_addr.replace(/\/\d+$/, '')
  })
}

interface MonMap {
  readonly mons: readonly {
    readonly public_addr: string
    readonly public_addrs?: { readonly addrvec: readonly { readonly type: string; readonly addr: string }[] }
  }[]
}

/**
 * The manager's part in a file system that goes or comes back. Its module for volumes works on file systems in the
 * background, holding locks that its other commands wait for. Where a file system is removed under such work, the work never
 * ends, and with it every later command on volumes hangs, of whatever file system.
 */
import type { Call } from '../../provider.js'
import { type Ceph, mgrData, monData, tell } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { CephError, isErrno } from '../client/error.js'

/** How long the manager may take to purge what was deleted. */
const purgeSeconds = 60
/** Between the end of a purge and the manager's last look for more: it sleeps one second, and may be slow. */
const lastLookSeconds = 2.5
/** How long the manager may take for a list. */
const answerSeconds = 5
/** How long a manager may take to come up. */
const startSeconds = 60

interface InfoJson {
  readonly pending_subvolume_deletions?: number
}

/** Waits until the manager has nothing to do in a file system that is to be removed. */
export async function awaitQuiet(ceph: Ceph, filesystem: string, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const until = ceph.clock.now() + purgeSeconds * 1000
  for (let told = false; ; told = true) {
    const pending = await pendingDeletions(ceph, filesystem, options)
    if (pending === 0 || ceph.clock.now() > until) break
    if (!told) call.progress('waiting: the manager purges deleted volumes')
    await ceph.clock.sleep(300, call.signal)
  }
  await ceph.clock.sleep(lastLookSeconds * 1000, call.signal)
}

/** Zero, too, where this Ceph does not tell. */
async function pendingDeletions(ceph: Ceph, vol_name: string, options: CallOptions): Promise<number> {
  const prefix = 'fs volume info'
  if (!ceph.connection.offers(prefix)) return 0
  const info = await mgrData<InfoJson>(ceph, { prefix, vol_name }, options)
  return info.pending_subvolume_deletions ?? 0
}

/**
 * Has the manager look at a file system that has gone or come back, which makes it drop the connection that it had to it.
 * A manager that does not answer is failed, so that the next one, or itself anew, takes over: it would answer nobody.
 */
export async function awaitAnswer(ceph: Ceph, filesystem: string, call: Call): Promise<void> {
  if (await answers(ceph, filesystem, call.signal)) return
  call.progress('the manager hangs over the removed file system: another takes over')
  try {
    const before = await managers(ceph, { signal: call.signal })
    await tell(ceph, { prefix: 'mgr fail', who: before.active_name }, { signal: call.signal })
    await awaitNext(ceph, before.active_gid, filesystem, call)
  } catch (thrown) {
    if (!(thrown instanceof CephError)) throw thrown
    // What was to be done is done: only the manager is left to be mended
    call.progress(`the manager hangs, and could not be failed (ceph mgr fail): ${thrown.message}`)
  }
}

async function awaitNext(ceph: Ceph, before: number, filesystem: string, call: Call): Promise<void> {
  const until = ceph.clock.now() + startSeconds * 1000
  while (ceph.clock.now() < until) {
    const now = await managers(ceph, { signal: call.signal })
    if (now.available && now.active_gid !== before && (await answers(ceph, filesystem, call.signal))) return
    await ceph.clock.sleep(300, call.signal)
  }
}

async function answers(ceph: Ceph, vol_name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await mgrData(ceph, { prefix: 'fs subvolume ls', vol_name }, { signal, timeoutSeconds: answerSeconds })
    return true
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) return true
    if (isErrno(thrown, 'ETIMEDOUT', 'ESHUTDOWN')) return false
    throw thrown
  }
}

interface MgrMap {
  readonly available: boolean
  readonly active_gid: number
  readonly active_name: string
}

function managers(ceph: Ceph, options: CallOptions): Promise<MgrMap> {
  return monData(ceph, { prefix: 'mgr dump' }, options)
}

/** Hearing of changes as they happen: the monitors' audit log, which has every command that somebody gave the cluster. */
import { InfraError, messageOf } from '../../model/error.js'
import { hintQueue } from '../hints.js'
import type { Hint } from '../provider.js'
import type { Ceph } from './ask.js'

/** librados looks for another monitor by itself and says nothing of it: so often one is asked, milliseconds. */
const aliveEvery = 15_000
const aliveSeconds = 30
/** The manager's commands are told of when they begin, and no more: a second look comes so much later, milliseconds. */
const managerTakes = 5000

const files = ['CephFilesystem', 'CephSubvolumeGroup', 'CephVolume', 'CephClone', 'CephSnapshot']

/** Commands that change what infra manages, by their beginning, and the kinds that they may change. */
const monitorCommands: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^osd (pool|erasure|crush rule|tier)/, ['CephPool', ...files]],
  [/^fs\b/, files],
  [/^(auth|fs authorize)\b/, ['CephClient']],
]
const managerCommands: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /^fs (subvolume|subvolumegroup) (create|rm|resize|authorize|deauthorize|pin|metadata (set|rm)|snapshot (create|rm|clone|protect|unprotect|metadata (set|rm)))\b/,
    files,
  ],
  [/^fs (clone cancel|volume (create|rm|rename))\b/, files],
]

/**
 * Commands to monitors and manager. What goes to the storage daemons directly is in no log: block device images, and files
 * that are changed through a mount.
 */
export async function watchCluster(ceph: Ceph, signal: AbortSignal): Promise<AsyncIterable<Hint>> {
  const ending = new AbortController()
  const both = AbortSignal.any([signal, ending.signal])
  let end = () => {}
  const queue = hintQueue(signal, () => {
    ending.abort()
    end()
  })
  const watch = await ceph.connection.audit(
    {
      heard: (line, level) => {
        const hint = hintOf(line, level)
        if (hint === undefined) return
        queue.push(hint)
        if (level === 'debug')
          void ceph.clock.sleep(managerTakes, both).then(
            () => queue.push(hint),
            () => {},
          )
      },
      lost: error => queue.fail(error),
    },
    { signal },
  )
  end = watch.end
  void alive(ceph, both).catch(error => {
    if (!both.aborted) queue.fail(error)
  })
  return queue.hints
}

/** What a line of the audit log says may have changed; undefined for what changes nothing that infra manages. */
export function hintOf(line: string, level: 'info' | 'debug'): Hint | undefined {
  const prefix = /"prefix": ?"([^"]+)"/.exec(line)?.[1]
  if (prefix === undefined) return undefined
  const commands = level === 'debug' ? managerCommands : monitorCommands
  const kinds = new Set(commands.flatMap(([pattern, some]) => (pattern.test(prefix) ? some : [])))
  if (kinds.size === 0) return undefined
  return { what: `command ${prefix}`, touches: target => kinds.has(target.kind) }
}

async function alive({ connection, clock }: Ceph, signal: AbortSignal): Promise<never> {
  for (;;) {
    await clock.sleep(aliveEvery, signal)
    try {
      await connection.mon({ prefix: 'fsid' }, { signal, timeoutSeconds: aliveSeconds })
    } catch (error) {
      signal.throwIfAborted()
      throw new InfraError({
        kind: 'connection',
        code: 'ceph-silent',
        message: 'no monitor of Ceph answers',
        why: messageOf(error),
      })
    }
  }
}

/** The provider of Ceph: every verb goes to the kind's own folder. */
import { InfraError } from '../../model/error.js'
import { sensible } from '../answer.js'
import type { Observation, Provider, Target } from '../provider.js'
import type { Ceph } from './ask.js'
import { clients } from './clients/index.js'
import { filesystems } from './filesystems/index.js'
import { groups } from './groups/index.js'
import { groupBy, type Handler, type Token } from './handler.js'
import { images } from './images/index.js'
import { notOffered } from './offered.js'
import { pools } from './pools/index.js'
import { snapshots } from './snapshots/index.js'
import { volumes } from './volumes/index.js'
import { unreadable } from './volumes/read.js'
import { watchCluster } from './watch.js'

const handlers: Readonly<Record<string, Handler>> = {
  CephPool: pools,
  CephFilesystem: filesystems,
  CephSubvolumeGroup: groups,
  CephVolume: volumes,
  CephClone: volumes,
  CephSnapshot: snapshots,
  RbdImage: images,
  CephClient: clients,
}

export function makeProvider(ceph: Ceph): Provider {
  return {
    type: 'ceph',
    description: ceph.connection.description,
    // Changes of the monitors' maps that come together are decided together
    parallelism: ceph.connection.transport === 'library' ? 16 : 8,
    observe: async (targets, signal) => {
      const parts = await Promise.all(
        [...byHandler(targets)].map(async ([handler, some]) => {
          try {
            return { seen: await sensible('Ceph', () => handler.observe(ceph, some, signal)) }
          } catch (thrown) {
            if (!(thrown instanceof InfraError)) throw thrown
            return { thrown, seen: new Map(some.map(target => [target.address, unreadable(thrown)])) }
          }
        }),
      )
      // What one daemon does not tell hides nothing of what the others do; nothing at all is a failure
      const [first] = parts
      if (first?.thrown && parts.every(part => part.thrown)) throw first.thrown
      return new Map<string, Observation>(parts.flatMap(part => [...part.seen]))
    },
    create: (request, call) => at(request, handlerOf(request.kind).create(ceph, request, call)),
    update: (request, call) => at(request, handlerOf(request.kind).update(ceph, request, call)),
    delete: (request, call) => at(request, handlerOf(request.kind).delete(ceph, request, call)),
    async discard(token, signal) {
      const { kind } = token as Token
      await handlerOf(kind).discard?.(ceph, token as Token, signal)
    },
    async unmanaged(targets, signal) {
      const found = await Promise.all(
        [...byHandler(targets)].map(([handler, some]) =>
          sensible('Ceph', () => handler.unmanaged?.(ceph, some, signal) ?? []),
        ),
      )
      return found.flat()
    },
    lacks: async targets =>
      targets.flatMap(target => notOffered(ceph.connection, target).map(error => error.at(target.address))),
    watch: signal => watchCluster(ceph, signal),
    close: () => ceph.connection.close(),
  }
}

function handlerOf(kind: string): Handler {
  const handler = handlers[kind]
  if (handler) return handler
  throw new InfraError({
    kind: 'operation',
    code: 'unknown-kind',
    message: `the ceph provider does not serve the kind ${kind}`,
    hint: 'Check the `kind` of the document.',
  })
}

/** Targets by who serves them: CephVolume and CephClone lie in the same groups, and are read together. */
function byHandler(targets: readonly Target[]): Map<Handler, Target[]> {
  const groups = groupBy(targets, target => target.kind)
  const result = new Map<Handler, Target[]>()
  for (const [kind, some] of groups) {
    const handler = handlerOf(kind)
    result.set(handler, [...(result.get(handler) ?? []), ...some])
  }
  return result
}

/** The call, with the resource's address on what it fails with. */
async function at(target: Target, call: Promise<void>): Promise<void> {
  try {
    await sensible('Ceph', () => call)
  } catch (thrown) {
    if (thrown instanceof InfraError && thrown.address === undefined) throw thrown.at(target.address)
    throw thrown
  }
}

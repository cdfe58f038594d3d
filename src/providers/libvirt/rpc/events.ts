/** Events of libvirt: what it tells, unasked, of domains, networks and storage pools that change. */
import type { InfraError } from '../../../model/error.js'
import type { Procedure } from './procedure.js'
import { procedures } from './procedures/index.js'
import type { CallOptions, Session } from './session.js'
import { domain, network, pool } from './types.js'
import { int, struct } from './xdr.js'

export interface ObjectEvent {
  readonly type: 'domain' | 'network' | 'pool'
  readonly name: string
  readonly uuid: string
  /** `lifecycle`, `device added`. */
  readonly what: string
}

export interface ObjectEvents {
  happened(event: ObjectEvent): void
  /** Told once, when the connection is lost: from then on nothing is heard. */
  lost(error: InfraError): void
}

/** How often a quiet connection is asked for a sign of life, milliseconds: one that is dead says nothing either. */
const aliveEvery = 15_000

/**
 * Events that say something of a definition or of whether it runs: libvirt's number of the event, and that of the message
 * that carries it (remote_protocol.x, REMOTE_PROC_*_EVENT_*). Each message begins with the callback and the object; the rest
 * is not read, since an event only says where to look.
 */
const domainEvents = [
  { event: 0, message: 318, what: 'lifecycle' },
  { event: 13, message: 331, what: 'balloon' },
  { event: 15, message: 333, what: 'device removed' },
  { event: 19, message: 354, what: 'device added' },
] as const
const networkMessage = 315
const poolMessage = 370

const ofDomain = struct({ callback: int, domain })
const ofNetwork = struct({ callback: int, network })
const ofPool = struct({ callback: int, pool })

/** Asks a connection for its events. Fails where one of them is not to be had. */
export async function watchObjects(
  session: Session,
  events: ObjectEvents,
  options: CallOptions,
): Promise<{ end(): Promise<void> }> {
  const tell = (type: ObjectEvent['type'], object: { name: string; uuid: string }, what: string) =>
    events.happened({ type, name: object.name, uuid: object.uuid, what })
  const ends = [
    ...domainEvents.map(({ message, what }) =>
      session.listen(message, reader => tell('domain', ofDomain.read(reader).domain, what)),
    ),
    session.listen(networkMessage, reader => tell('network', ofNetwork.read(reader).network, 'lifecycle')),
    session.listen(poolMessage, reader => tell('pool', ofPool.read(reader).pool, 'lifecycle')),
  ]
  const { watchDomains, unwatchDomains, watchNetworks, unwatchNetworks, watchPools, unwatchPools } =
    procedures.connect
  const registered: (() => Promise<unknown>)[] = []
  let over = false
  const end = async () => {
    over = true
    clearInterval(timer)
    for (const unlisten of ends) unlisten()
    if (session.failure === undefined) await Promise.all(registered.splice(0).map(unregister => unregister()))
  }
  const register = async (how: Procedure<{ callback: number }, void>, callback: Promise<number>) => {
    const number = await callback
    registered.push(() => session.call(how, { callback: number }))
  }
  session.onEnd(error => {
    clearInterval(timer)
    if (!over) events.lost(error)
  })
  // The call itself is judged by the session's watchdog: no answer ends the connection
  const timer = setInterval(() => {
    void session.call(procedures.connect.libraryVersion, undefined).catch(() => undefined)
  }, aliveEvery)
  timer.unref()
  try {
    await Promise.all([
      ...domainEvents.map(({ event }) =>
        register(unwatchDomains, session.call(watchDomains, { event, domain: undefined }, options)),
      ),
      register(unwatchNetworks, session.call(watchNetworks, { event: 0, network: undefined }, options)),
      register(unwatchPools, session.call(watchPools, { event: 0, pool: undefined }, options)),
    ])
  } catch (error) {
    // the error that led here is the one to tell
    await end().catch(() => undefined)
    throw error
  }
  return { end }
}

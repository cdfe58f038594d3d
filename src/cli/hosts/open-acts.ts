/** Acts on machines that were cut off, settled by `infra recover`. */
import type { ActRecord } from '../../apply/act-journal.js'
import type { Ports } from '../../model/ports.js'
import type { MachineAct } from '../../providers/libvirt/acts/journaled.js'
import type { KnownAct, Place } from '../../providers/libvirt/acts/known-act.js'
import { knownAct, placesOn } from '../../providers/libvirt/acts/known-acts.js'
import { type Hosts, openHosts } from '../../providers/libvirt/acts/open.js'
import type { Session } from '../../session/session.js'
import { type Settled, type Settling, settledBy, unknownAct } from '../settling.js'
import { hostOf } from './host-of.js'
import { moveHosts, moveWayOf, settleMoveAct } from './open-moves.js'
import { writeAsked } from './write-asked.js'

/** What settling them would do, in words. */
export function waysOf(
  acts: readonly ActRecord[],
  direction: 'forward' | 'back',
): Promise<readonly string[]> {
  return Promise.all(
    acts.map(async act => (isMove(act) ? moveWayOf(act, direction) : (await known(act)).way(direction))),
  )
}

/** Settles several at once. Of one whose host is down that is told, and it stays open. */
export async function settleActs(acts: readonly ActRecord[], settling: Settling): Promise<Settled> {
  const { session, direction, ports, signal, tell } = settling
  const names = new Set(acts.flatMap(act => (isMove(act) ? moveHosts(act) : [act.connection])))
  const hosts = await openNamed(session, names, ports, signal)
  try {
    const placeOf = places(hosts, acts, signal)
    const settle = async (act: ActRecord) => {
      const call = { signal, progress: (message: string) => tell(act.address, message) }
      if (isMove(act)) return settleMoveAct(session, hosts, act, direction, ports, call)
      const one = await known(act)
      const here = one.settleHere?.(direction, call)
      const text = await (here ?? one.settle(await placeOf(act), direction, call))
      const note = direction === 'forward' ? await writeAsked(session, act, ports.files) : undefined
      return note === undefined ? text : `${text} ${note}`
    }
    return await settledBy(acts, settling, settle)
  } finally {
    await hosts.close()
  }
}

/** What is there of the machines: each host is asked once for all of its own. */
function places(
  hosts: Hosts,
  acts: readonly ActRecord[],
  signal: AbortSignal,
): (act: ActRecord) => Promise<Place> {
  const machine = ({ what }: ActRecord) => what as unknown as MachineAct
  const found = new Map<string, ReturnType<typeof placesOn>>()
  return async act => {
    const { connection } = act
    const host = hostOf(hosts, connection)
    const all = acts.filter(one => one.connection === connection)
    const asked = found.get(connection) ?? placesOn(host, all.map(machine), signal)
    found.set(connection, asked)
    return (await asked)(machine(act))
  }
}

async function openNamed(
  session: Session,
  names: ReadonlySet<string>,
  ports: Ports,
  signal: AbortSignal,
): Promise<Hosts> {
  const { folder, connections } = session.stack
  const wanted = connections.filter(one => names.has(one.name) && one.type === 'libvirt')
  return openHosts(
    wanted.map(one => ({ ...one, folder, stateFolder: session.stateFolder })),
    ports,
    signal,
  )
}

function isMove({ what }: ActRecord): boolean {
  return what.verb === 'migrate'
}

async function known({ what, address }: ActRecord): Promise<KnownAct> {
  const act = await knownAct(what)
  if (act !== undefined) return act
  throw unknownAct(address)
}

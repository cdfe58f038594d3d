/** Moves of machines that were cut off, settled by `infra recover`. */
import type { ActRecord } from '../../apply/act-journal.js'
import type { Ports } from '../../model/ports.js'
import { type MoveAct, moveAct } from '../../providers/libvirt/acts/journaled-move.js'
import { type Hosts, openHosts } from '../../providers/libvirt/acts/open.js'
import { moveWay, settleMove } from '../../providers/libvirt/acts/settle-move.js'
import type { Session } from '../../session/session.js'
import { type SettledAct, unknownAct } from '../open-acts.js'
import { hostOf } from './host-of.js'
import { prepareMove } from './moved.js'

/** What settling them would do, in words. */
export function waysOf(acts: readonly ActRecord[], direction: 'forward' | 'back'): readonly string[] {
  return acts.map(act => moveWay(knownMove(act), direction))
}

/** Settles them one after the other; state and stack file say afterwards where each machine is. */
export async function settleActs(
  session: Session,
  acts: readonly ActRecord[],
  direction: 'forward' | 'back',
  ports: Ports,
  tell: (address: string, message: string) => void,
  signal: AbortSignal,
): Promise<readonly SettledAct[]> {
  const moves = acts.map(act => ({ address: act.address, move: knownMove(act) }))
  const names = new Set(moves.flatMap(({ move }) => [move.from, move.to]))
  const { folder, connections } = session.stack
  const wanted = connections.filter(one => names.has(one.name) && one.type === 'libvirt')
  const hosts = await openHosts(
    wanted.map(one => ({ ...one, folder, stateFolder: session.stateFolder })),
    ports,
    signal,
  )
  try {
    const settled: SettledAct[] = []
    for (const { address, move } of moves) {
      const text = await settleOne(session, hosts, move, direction, ports, {
        signal,
        progress: message => tell(address, message),
      })
      settled.push({ address, verb: move.verb, text })
    }
    return settled
  } finally {
    await hosts.close()
  }
}

async function settleOne(
  session: Session,
  hosts: Hosts,
  move: MoveAct,
  direction: 'forward' | 'back',
  ports: Ports,
  call: Parameters<typeof settleMove>[3],
): Promise<string> {
  const sides = { from: hostOf(hosts, move.from), to: hostOf(hosts, move.to) }
  const at = await settleMove(move, sides, direction, call)
  const other = at === move.to ? move.from : move.to
  const machine = { name: move.name, uuid: move.uuid, from: other }
  const note = await (await prepareMove(session, machine, at, ports.files, 'infra recover')).follow()
  return `${move.name} is on ${at}, and not on ${other}.${note === undefined ? '' : ` ${note}`}`
}

function knownMove({ what, address }: ActRecord): MoveAct {
  const move = moveAct(what)
  if (move !== undefined) return move
  throw unknownAct(address)
}

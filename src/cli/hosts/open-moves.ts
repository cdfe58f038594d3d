/** Moves of machines that were cut off: settled on two hosts, and state and stack file follow. */
import type { ActRecord } from '../../apply/act-journal.js'
import type { Ports } from '../../model/ports.js'
import type { ActCall } from '../../providers/libvirt/acts/each.js'
import { type MoveAct, moveAct } from '../../providers/libvirt/acts/journaled-move.js'
import type { Hosts } from '../../providers/libvirt/acts/open.js'
import { moveWay, settleMove } from '../../providers/libvirt/acts/settle-move.js'
import type { Session } from '../../session/session.js'
import { unknownAct } from '../settling.js'
import { hostOf } from './host-of.js'
import { prepareMove } from './moved.js'

/** What settling it would do, in words. */
export function moveWayOf(act: ActRecord, direction: 'forward' | 'back'): string {
  return moveWay(knownMove(act), direction)
}

/** The connections to the hosts that it is between. */
export function moveHosts(act: ActRecord): readonly string[] {
  const { from, to } = knownMove(act)
  return [from, to]
}

/** Settles it; state and stack file say afterwards where the machine is. */
export async function settleMoveAct(
  session: Session,
  hosts: Hosts,
  act: ActRecord,
  direction: 'forward' | 'back',
  ports: Ports,
  call: ActCall,
): Promise<string> {
  const move = knownMove(act)
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

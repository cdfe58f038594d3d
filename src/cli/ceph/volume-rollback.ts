/** What a rollback of a volume has to do with the stack whose connection it uses. */
import type { Random } from '../../model/ports.js'
import { type Json, sameValue } from '../../model/value.js'
import type { Restore } from '../../planner/input.js'
import type { RollbackPlan } from '../../providers/ceph/acts/index.js'
import type { Identity } from '../../providers/provider.js'
import type { ResourceRecord } from '../../state/document.js'
import type { OfStack } from './cluster-command.js'
import type { VolumePlace } from './volume-place.js'

/** The record of a volume that the stack owns. */
export function managed({ session, connection }: OfStack, place: VolumePlace): ResourceRecord | undefined {
  return Object.values(session.state?.resources ?? {}).find(
    one =>
      (one.kind === 'CephVolume' || one.kind === 'CephClone') &&
      one.connection === connection &&
      one.name === place.volume &&
      one.spec.filesystem === place.filesystem &&
      one.spec.group === place.group,
  )
}

/**
 * What the volume is replaced by. A snapshot that a delete or rollback of this stack kept is used up by it, and the volume
 * is the one that it was then; any other snapshot stays, and the volume keeps its `metadata`.
 */
export async function restoreOf(
  { session }: OfStack,
  record: ResourceRecord,
  plan: RollbackPlan,
  metadata: Readonly<Record<string, string>>,
  random: Random,
): Promise<Restore> {
  const { filesystem, group, volume } = plan.place
  const { kind, identity } = record
  const token = { kind, filesystem, group: group ?? null, volume, snapshot: plan.snapshot }
  const { checkpoints } = await session.checkpoints()
  const kept = checkpoints.flatMap(one => one.kept).findLast(one => sameValue(one.token, token))
  const other = kept && kept.identity.uuid !== identity.uuid ? kept.identity.uuid : undefined
  const as: Identity = { uuid: other ?? random.uuid() }
  const cause = `it goes back to its snapshot ${plan.snapshot}`
  return { identity: as, token: kept ? token : { ...token, metadata }, cause }
}

/** Remembers what the rollback of a volume keeps that no stack owns, where there is one: its prune destroys it. */
export function keepFor(stack: OfStack | undefined, plan: RollbackPlan, command: string) {
  return async (token: Json): Promise<void> => {
    if (stack === undefined) return
    const { filesystem, group, volume: name } = plan.place
    const place = [filesystem, group, name].filter(part => part !== undefined).join('/')
    const kept = { address: `CephVolume/${name}`, kind: 'CephVolume', name, identity: {}, token }
    await stack.session.keepAside(command, `${place} back to ${plan.snapshot}`, [
      { ...kept, connection: stack.connection },
    ])
  }
}

/** Deleting snapshots of machines. */
import { ask, orAbsent } from '../connection.js'
import { isLibvirt, refusals } from '../rpc/errors.js'
import { procedures } from '../rpc/procedures/index.js'
import { type ActJournal, identityOf, unjournaled } from './journaled.js'
import type { SnapshotDeleteAct } from './journaled-snapshot.js'
import type { Machine } from './machines.js'
import { writeDisks } from './snapshot-disks.js'
import { refreshDiskPools } from './snapshot-overlays.js'
import { findSnapshot, notSo } from './snapshots.js'

/** Deletes it; what was written since stays. External ones are merged down, while the machine runs or not. */
export async function deleteSnapshot(
  machine: Machine,
  name: string,
  signal: AbortSignal,
  journal: ActJournal<SnapshotDeleteAct> = unjournaled,
): Promise<void> {
  const { host, domain } = machine
  const found = await findSnapshot(machine, name, signal)
  const { snapshot } = found
  await journal.begin({ verb: 'snapshot-delete', ...identityOf(machine), snapshot: name })
  if (machine.live === undefined) await writeDisks(machine, found, 'describe', signal)
  try {
    await ask(host, procedures.snapshots.delete, { snapshot, flags: 0 }, signal)
  } catch (error) {
    // refused before any of it was merged
    if (isLibvirt(error, ...refusals)) journal.ended()
    throw error
  }
  await refreshDiskPools(host, machine.stored, signal)
  const left = await orAbsent(
    ask(host, procedures.snapshots.lookup, { domain, name, flags: 0 }, signal),
    'NO_DOMAIN_SNAPSHOT',
  )
  if (left !== undefined) throw notSo(`the snapshot ${name} was reported as deleted and is still there`)
}

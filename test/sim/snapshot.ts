/** What lies on a simulated machine and in its world, read from outside. */
import { listCheckpoints } from '../../src/apply/checkpoint.js'
import { readJournal } from '../../src/apply/journal.js'
import type { Checkpoint } from '../../src/apply/record.js'
import { canonicalJson, type Json } from '../../src/model/value.js'
import { openWorld, type WorldObject } from '../../src/providers/embedded/world.js'
import type { StateDocument } from '../../src/state/document.js'
import { openStore } from '../../src/state/store.js'
import { type Machine, stateFolder, worldFiles, worldFolder } from './process.js'

export interface Snapshot {
  readonly state: StateDocument | undefined
  readonly live: readonly WorldObject[]
  readonly trash: readonly WorldObject[]
  readonly checkpoints: readonly Checkpoint[]
  readonly journal: boolean
}

/** Reads all of it; fails where anything of it is broken. */
export async function look(machine: Machine): Promise<Snapshot> {
  const { files } = machine.disk
  const { checkpoints, broken } = await listCheckpoints(files, stateFolder)
  if (broken[0]) throw broken[0]
  const world = await openWorld(worldFiles(machine), worldFolder(machine))
  const objects = [...world.all()]
  return {
    state: await openStore(files, stateFolder).read(),
    live: objects.filter(object => !object.trash),
    trash: objects.filter(object => object.trash),
    checkpoints,
    journal: (await readJournal(files, stateFolder)) !== undefined,
  }
}

/** The same text for the same machine: to see whether anything changed. */
export function fingerprint({ state, live, trash, checkpoints, journal }: Snapshot): string {
  const sorted = (objects: readonly object[]) => objects.map(one => canonicalJson(one as Json)).sort()
  const told = {
    state: (state ?? null) as unknown as Json,
    live: sorted(live),
    trash: sorted(trash),
    checkpoints: checkpoints as unknown as Json,
    journal,
  }
  return canonicalJson(told)
}

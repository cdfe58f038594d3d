/** The volumes that are a machine's own by their names. */
import { serialLog } from '../machine-input.js'
import { bootVolume, dataVolume, ignitionVolume, seedVolume } from '../names.js'
import type { Machine } from './machines.js'

/** Whether they are there or not; others that it uses are not its own. */
export function ownVolumes({
  stored,
  view,
}: Machine): readonly { readonly pool: string; readonly name: string }[] {
  const home = stored.disks.find(disk => disk.role === 'boot')?.pool
  const extra = [
    seedVolume(view.name),
    `${seedVolume(view.name)}.iso`,
    ignitionVolume(view.name),
    serialLog(view.name),
  ]
  return [
    ...stored.disks.flatMap(disk => {
      const name = disk.role === 'boot' ? bootVolume(view.name) : dataVolume(view.name, disk.device)
      return disk.pool !== undefined && disk.volume === name ? [{ pool: disk.pool, name }] : []
    }),
    ...(home === undefined ? [] : extra.map(name => ({ pool: home, name }))),
  ]
}

/** Where a volume is, and the commands about it. */
import type { Json } from '../../../model/value.js'
import type { Target } from '../../provider.js'
import type { CephCommand } from '../client/connection.js'
import { text } from '../kinds/values.js'

export interface Place {
  readonly filesystem: string
  readonly group: string | undefined
  readonly volume: string
}

/** Where a CephVolume or CephClone is. */
export function placeOf(target: Target): Place {
  return {
    filesystem: text(target.spec.filesystem) ?? '',
    group: text(target.spec.group),
    volume: target.name,
  }
}

/** A command about a volume: `fs subvolume info`. */
export function about(place: Place, prefix: string, more: Readonly<Record<string, Json>> = {}): CephCommand {
  return { prefix, vol_name: place.filesystem, sub_name: place.volume, ...more, ...inGroup(place.group) }
}

/** The argument that names the group; left out for volumes in none. */
export function inGroup(group: string | undefined): { readonly group_name?: string } {
  return group === undefined ? {} : { group_name: group }
}

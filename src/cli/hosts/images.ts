/** Images as the commands show them. */
import { isObject } from '../../model/value.js'
import type { ImageView } from '../../providers/libvirt/acts/images.js'
import { defaultImagePool } from '../../providers/libvirt/names.js'
import { renderTable, type TableOptions } from '../../report/table.js'
import type { Session } from '../../session/session.js'
import { size } from './size.js'

/** Images as a table for people. */
export function imageTable(images: readonly ImageView[], options: TableOptions): string {
  return renderTable(
    images,
    [
      { title: 'HOST', value: one => one.host },
      { title: 'IMAGE', value: one => one.reference, fixed: true },
      { title: 'FORMAT', value: one => one.format },
      { title: 'SIZE', value: one => size(one.capacityBytes), right: true },
      { title: 'TAKEN', value: one => size(one.allocationBytes), right: true },
      { title: 'USED BY', value: one => one.usedBy.length, right: true },
    ],
    { ...options, empty: 'There is no image.' },
  )
}

/** Pools that hold images: Foundry's, and those that the stack's documents name for it. */
export function imagePools(session: Session | undefined, more: readonly string[] = []): string[] {
  const named = [...(session?.stack.resources.values() ?? [])].flatMap(({ kind, spec }) => {
    const pool = kind === 'Image' ? spec.pool : kind === 'VirtualMachine' ? spec.imagePool : undefined
    return typeof pool === 'string' ? [pool] : []
  })
  return [...new Set([defaultImagePool, ...named, ...more])]
}

/**
 * `CONNECTION/POOL:VOLUME` of what the stack's documents declare or name, and of what its state has: a machine that is not made
 * yet needs its image, too.
 */
export function neededImages(session: Session | undefined): ReadonlySet<string> {
  const known = [
    ...(session?.stack.resources.values() ?? []),
    ...Object.values(session?.state?.resources ?? {}),
  ]
  return new Set(
    known.flatMap(({ kind, connection, spec }) =>
      (kind === 'VirtualMachine'
        ? [isObject(spec.bootDisk) ? spec.bootDisk.image : undefined, spec.installIso]
        : [`${spec.pool}:${spec.volume}`]
      ).flatMap(image => (typeof image === 'string' ? [`${connection}/${image}`] : [])),
    ),
  )
}

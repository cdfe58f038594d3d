/** Operations on images through the `rbd` client. */

import type { Run } from './command.js'
import type { CallOptions, CommandAnswer, RbdImageInfo, RbdImageRef, RbdOperations } from './connection.js'
import { isErrno } from './error.js'

interface ImageJson {
  readonly id: string
  readonly size: number
  readonly object_size: number
  readonly features: readonly string[]
  readonly data_pool?: string
  readonly stripe_unit?: number
  readonly stripe_count?: number
  readonly parent?: { readonly pool: string; readonly image: string; readonly snapshot: string }
  /** Old clients do not tell. */
  readonly snapshot_count?: number
}

/** The client prints nothing at all where there is nothing. */
const json = <T>(answer: CommandAnswer): T => JSON.parse(answer.output.trim() || '{}') as T

export function commandImages(run: Run): RbdOperations {
  const rbd = (words: readonly string[], options: CallOptions) =>
    run('rbd', words, `rbd ${words.filter(word => !word.startsWith('--')).join(' ')}`, options)
  const listed = <T>(words: readonly string[], options: CallOptions) =>
    rbd([...words, '--format', 'json'], options).then(answer => json<T>(answer))
  const name = (at: RbdImageRef) => `${at.pool}/${at.image}`
  const snap = (at: RbdImageRef & { snapshot: string }) => `${name(at)}@${at.snapshot}`
  const done = async (work: Promise<unknown>) => void (await work)
  const shape = (at: { objectSize?: number; features?: readonly string[]; dataPool?: string }) => [
    ...(at.objectSize === undefined ? [] : ['--object-size', `${at.objectSize}B`]),
    ...(at.features ?? []).flatMap(feature => ['--image-feature', feature]),
    ...(at.dataPool === undefined ? [] : ['--data-pool', at.dataPool]),
  ]

  async function info(at: RbdImageRef, options: CallOptions): Promise<RbdImageInfo> {
    // First, so that an image that is not there costs one start, and one without snapshots two
    const image = await listed<ImageJson>(['info', name(at)], options)
    const [snapshots, metadata] = await Promise.all([
      image.snapshot_count === 0
        ? []
        : listed<{ name: string; size: number; protected: string }[]>(['snap', 'ls', name(at)], options),
      listed<Record<string, string>>(['image-meta', 'list', name(at)], options),
    ])
    const { parent } = image
    return {
      id: image.id,
      name: at.image,
      size: image.size,
      objectSize: image.object_size,
      features: [...image.features].sort(),
      ...(image.data_pool !== undefined && { dataPool: image.data_pool }),
      stripeUnit: image.stripe_unit ?? image.object_size,
      stripeCount: image.stripe_count ?? 1,
      ...(parent && { parent: { pool: parent.pool, image: parent.image, snapshot: parent.snapshot } }),
      snapshots: snapshots
        .map(one => ({ name: one.name, size: one.size, protected: String(one.protected) === 'true' }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      metadata,
    }
  }

  return {
    list: (at, options) => listed<string[]>(['ls', at.pool], options),
    info,
    create: (at, options) =>
      done(
        rbd(
          [
            'create',
            name(at),
            '--size',
            `${at.size}B`,
            ...shape(at),
            ...(at.stripeUnit === undefined ? [] : ['--stripe-unit', `${at.stripeUnit}B`]),
            ...(at.stripeCount === undefined ? [] : ['--stripe-count', String(at.stripeCount)]),
          ],
          options,
        ),
      ),
    clone: (at, options) => done(rbd(['clone', snap(at.parent), name(at), ...shape(at)], options)),
    resize: async (at, options) => {
      const words = ['resize', name(at), '--size', `${at.size}B`, '--no-progress']
      try {
        await rbd(at.allowShrink ? [...words, '--allow-shrink'] : words, options)
      } catch (thrown) {
        // The client refuses what librbd takes for done: the size that it has
        if (!isErrno(thrown, 'EINVAL') || (await info(at, options)).size !== at.size) throw thrown
      }
    },
    features: async (at, options) => {
      if (at.disable.length > 0) await rbd(['feature', 'disable', name(at), ...at.disable], options)
      if (at.enable.length > 0) await rbd(['feature', 'enable', name(at), ...at.enable], options)
    },
    setMetadata: async (at, options) => {
      for (const [key, value] of Object.entries(at.values)) {
        await rbd(['image-meta', 'set', name(at), key, value], options)
      }
    },
    rename: (at, options) => done(rbd(['rename', name(at), `${at.pool}/${at.to}`], options)),
    snapCreate: (at, options) => done(rbd(['snap', 'create', snap(at), '--no-progress'], options)),
    snapRemove: (at, options) => done(rbd(['snap', 'rm', snap(at), '--no-progress'], options)),
    snapProtect: (at, options) => done(rbd(['snap', 'protect', snap(at)], options)),
    snapUnprotect: (at, options) => done(rbd(['snap', 'unprotect', snap(at)], options)),
    children: async (at, options) => {
      const rows = await listed<{ pool: string; image: string; trash?: boolean }[]>(
        ['children', name(at), '--all'],
        options,
      )
      return rows.map(row => ({ pool: row.pool, image: row.image, trash: String(row.trash) === 'true' }))
    },
    watchers: async (at, options) => {
      const status = await listed<{ watchers: { address: string }[] }>(['status', name(at)], options)
      return status.watchers.map(watcher => watcher.address)
    },
    trashList: async (at, options) => listed(['trash', 'ls', '--all', at.pool], options),
    removeRemains: (at, options) => done(rbd(['rm', name(at), '--no-progress'], options)),
    trashMove: (at, options) => done(rbd(['trash', 'mv', name(at)], options)),
    trashRestore: (at, options) =>
      done(rbd(['trash', 'restore', `${at.pool}/${at.id}`, '--image', at.name], options)),
    trashRemove: async (at, options) => {
      const id = ['--pool', at.pool, '--image-id', at.id]
      const snapshots = await listed<{ name: string; protected: string }[]>(['snap', 'ls', ...id], options)
      for (const { name: snapshot, protected: held } of snapshots) {
        if (String(held) === 'true') await rbd(['snap', 'unprotect', ...id, '--snap', snapshot], options)
        await rbd(['snap', 'rm', ...id, '--snap', snapshot, '--no-progress'], options)
      }
      await rbd(['trash', 'rm', `${at.pool}/${at.id}`, '--no-progress'], options)
    },
  }
}

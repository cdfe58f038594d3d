/** Operations on images as librbd does them. One file with the command client's: ../images.ts. */
import type {
  RbdChild,
  RbdClone,
  RbdCreate,
  RbdImageInfo,
  RbdImageRef,
  RbdSnapshotInfo,
  RbdSnapshotRef,
  RbdTrashEntry,
} from '../connection.js'
import { checked, listOf, type Pointer, Slots } from './foreign.js'
import type { Rados } from './librados.js'
import {
  featureMask,
  featureNames,
  imageOption,
  type Librbd,
  metadataOf,
  readImageSpec,
  readLinkedImage,
  readSnapSpec,
  readWatcher,
  sizes,
  snapshotsOf,
} from './librbd.js'
import { NativeFailure } from './protocol.js'

type Images = Readonly<Record<string, (args: never) => Promise<unknown>>>

/** The operations of RbdOperations by name, without call options: the process that asks keeps the time. */
export function makeImages(rados: Rados, rbd: Librbd): Images {
  const { slow, quick } = rbd

  async function withImage<T>(
    open: (slot: Buffer) => Promise<number>,
    name: string,
    work: (image: Pointer) => Promise<T>,
  ): Promise<T> {
    const slots = new Slots(1)
    checked(await open(slots.at(0)), `image '${name}'`)
    try {
      return await work(slots.pointer(0))
    } finally {
      await slow.close(slots.pointer(0))
    }
  }
  const writing = <T>(at: RbdImageRef, work: (image: Pointer) => Promise<T>) =>
    rados.inPool(at.pool, io => withImage(slot => slow.open(io, at.image, slot, null), at.image, work))
  const reading = <T>(at: RbdImageRef, work: (image: Pointer) => Promise<T>) =>
    rados.inPool(at.pool, io =>
      withImage(slot => slow.open_read_only(io, at.image, slot, null), at.image, work),
    )

  async function withOptions<T>(
    at: RbdCreate | RbdClone,
    work: (options: Pointer) => Promise<T>,
  ): Promise<T> {
    const slots = new Slots(1)
    quick.image_options_create(slots.at(0))
    const options = slots.pointer(0)
    const set = (name: number, value: number | undefined) => {
      if (value !== undefined) quick.image_options_set_uint64(options, name, value)
    }
    try {
      set(imageOption.order, at.objectSize === undefined ? undefined : Math.log2(at.objectSize))
      const striped = 'stripeCount' in at && at.stripeCount !== undefined ? ['striping'] : []
      set(imageOption.features, at.features && featureMask([...at.features, ...striped]))
      if ('stripeUnit' in at) set(imageOption.stripeUnit, at.stripeUnit)
      if ('stripeCount' in at) set(imageOption.stripeCount, at.stripeCount)
      if (at.dataPool !== undefined)
        quick.image_options_set_string(options, imageOption.dataPool, at.dataPool)
      return await work(options)
    } finally {
      quick.image_options_destroy(options)
    }
  }

  async function parentOf(image: Pointer): Promise<RbdSnapshotRef | undefined> {
    const parent = Buffer.alloc(sizes.linkedImage)
    const snap = Buffer.alloc(sizes.snapSpec)
    const code = await slow.get_parent(image, parent, snap)
    if (code === -2) return undefined
    checked(code)
    try {
      const { pool, image: name } = readLinkedImage(parent, 0)
      return { pool, image: name, snapshot: readSnapSpec(snap) }
    } finally {
      quick.linked_image_spec_cleanup(parent)
      quick.snap_spec_cleanup(snap)
    }
  }

  async function snapshots(image: Pointer): Promise<RbdSnapshotInfo[]> {
    return Promise.all(
      (await snapshotsOf(rbd, image)).map(async snapshot => {
        const slots = new Slots(1)
        checked(await slow.snap_is_protected(image, snapshot.name, slots.at(0)))
        return { ...snapshot, protected: slots.int(0) !== 0 }
      }),
    )
  }

  async function describe(image: Pointer, name: string): Promise<RbdImageInfo> {
    const info = Buffer.alloc(sizes.imageInfo)
    const numbers = new Slots(3)
    const id = Buffer.alloc(256)
    checked(await slow.stat(image, info, info.length))
    checked(await slow.get_id(image, id, id.length))
    checked(await slow.get_features(image, numbers.at(0)))
    checked(await slow.get_stripe_unit(image, numbers.at(1)))
    checked(await slow.get_stripe_count(image, numbers.at(2)))
    const [parent, shots, metadata] = await Promise.all([
      parentOf(image),
      snapshots(image),
      metadataOf(rbd, image),
    ])
    const features = featureNames(numbers.number(0))
    const dataPool = features.includes('data-pool')
      ? await rados.poolName(Number(quick.get_data_pool_id(image)))
      : undefined
    return {
      id: id.toString('utf8', 0, id.indexOf(0)),
      name,
      size: Number(info.readBigUInt64LE(0)),
      objectSize: Number(info.readBigUInt64LE(8)),
      features,
      ...(dataPool !== undefined && { dataPool }),
      stripeUnit: numbers.number(1),
      stripeCount: numbers.number(2),
      ...(parent && { parent }),
      snapshots: shots.sort((a, b) => (a.name < b.name ? -1 : 1)),
      metadata,
    }
  }

  const trashList = (pool: string): Promise<RbdTrashEntry[]> =>
    rados.inPool(pool, io =>
      listOf(
        sizes.trashEntry,
        (buffer, count) => slow.trash_list(io, buffer, count),
        readImageSpec,
        (buffer, count) => void quick.trash_list_cleanup(buffer, count),
      ),
    )

  return {
    list: (at: { pool: string }) =>
      rados.inPool(at.pool, io =>
        listOf(
          sizes.imageSpec,
          (buffer, count) => slow.list2(io, buffer, count),
          (buffer, at) => readImageSpec(buffer, at).name,
          (buffer, count) => void quick.image_spec_list_cleanup(buffer, count),
        ),
      ),
    info: (at: RbdImageRef) => reading(at, image => describe(image, at.image)),
    create: (at: RbdCreate) =>
      rados.inPool(at.pool, io =>
        withOptions(at, async options => checked(await slow.create4(io, at.image, at.size, options))),
      ),
    clone: (at: RbdClone) =>
      rados.inPool(at.parent.pool, from =>
        rados.inPool(at.pool, io =>
          withOptions(at, async options =>
            checked(await slow.clone3(from, at.parent.image, at.parent.snapshot, io, at.image, options)),
          ),
        ),
      ),
    resize: (at: RbdImageRef & { size: number; allowShrink: boolean }) =>
      writing(at, async image => {
        // rbd_resize2, which has a word against shrinking, calls back from another thread and must be given something to call
        const info = Buffer.alloc(sizes.imageInfo)
        checked(await slow.stat(image, info, info.length))
        if (!at.allowShrink && at.size < Number(info.readBigUInt64LE(0))) {
          throw new NativeFailure({ errno: 22, words: 'shrinking was not allowed' })
        }
        checked(await slow.resize(image, at.size))
      }),
    features: (at: RbdImageRef & { enable: string[]; disable: string[] }) =>
      writing(at, async image => {
        if (at.disable.length > 0) checked(await slow.update_features(image, featureMask(at.disable), 0))
        if (at.enable.length > 0) checked(await slow.update_features(image, featureMask(at.enable), 1))
      }),
    setMetadata: (at: RbdImageRef & { values: Record<string, string> }) =>
      writing(at, async image => {
        for (const [key, value] of Object.entries(at.values)) {
          checked(await slow.metadata_set(image, key, value))
        }
      }),
    rename: (at: RbdImageRef & { to: string }) =>
      rados.inPool(at.pool, async io => checked(await slow.rename(io, at.image, at.to))),
    snapCreate: (at: RbdSnapshotRef) =>
      writing(at, async image => checked(await slow.snap_create(image, at.snapshot))),
    snapRemove: (at: RbdSnapshotRef) =>
      writing(at, async image => checked(await slow.snap_remove(image, at.snapshot))),
    snapProtect: (at: RbdSnapshotRef) =>
      writing(at, async image => checked(await slow.snap_protect(image, at.snapshot))),
    snapUnprotect: (at: RbdSnapshotRef) =>
      writing(at, async image => checked(await slow.snap_unprotect(image, at.snapshot))),
    children: (at: RbdImageRef): Promise<RbdChild[]> =>
      reading(at, image =>
        listOf(
          sizes.linkedImage,
          (buffer, count) => slow.list_children3(image, buffer, count),
          readLinkedImage,
          (buffer, count) => void quick.linked_image_spec_list_cleanup(buffer, count),
        ),
      ),
    watchers: (at: RbdImageRef) =>
      reading(at, image =>
        listOf(
          sizes.watcher,
          (buffer, count) => slow.watchers_list(image, buffer, count),
          readWatcher,
          (buffer, count) => void quick.watchers_list_cleanup(buffer, count),
        ),
      ),
    trashList: (at: { pool: string }) => trashList(at.pool),
    removeRemains: (at: RbdImageRef) =>
      rados.inPool(at.pool, async io => checked(await slow.remove(io, at.image))),
    trashMove: (at: RbdImageRef) =>
      rados.inPool(at.pool, async io => checked(await slow.trash_move(io, at.image, 0))),
    trashRestore: (at: { pool: string; id: string; name: string }) =>
      rados.inPool(at.pool, async io => checked(await slow.trash_restore(io, at.id, at.name))),
    trashRemove: (at: { pool: string; id: string }) =>
      rados.inPool(at.pool, async io => {
        await withImage(
          slot => slow.open_by_id(io, at.id, slot, null),
          at.id,
          async image => {
            for (const snapshot of await snapshots(image)) {
              if (snapshot.protected) checked(await slow.snap_unprotect(image, snapshot.name), snapshot.name)
              checked(await slow.snap_remove(image, snapshot.name), snapshot.name)
            }
          },
        )
        checked(await slow.trash_remove(io, at.id, false))
      }),
  }
}

/** librbd: the functions that the operations on images are made of, and the reading of its structs. */
import koffi from 'koffi'
import {
  checked,
  type Foreign,
  type Immediate,
  listOf,
  loadLibrary,
  type Pointer,
  Slots,
  stringAt,
} from './foreign.js'

/** Functions by their names without `rbd_`. */
export interface Librbd {
  readonly slow: Readonly<Record<SlowName, Foreign>>
  readonly quick: Readonly<Record<QuickName, Immediate>>
}

const slow = {
  open: 'int rbd_open(void *io, const char *name, void *image, const char *snap)',
  open_by_id: 'int rbd_open_by_id(void *io, const char *id, void *image, const char *snap)',
  open_read_only: 'int rbd_open_read_only(void *io, const char *name, void *image, const char *snap)',
  close: 'int rbd_close(void *image)',
  list2: 'int rbd_list2(void *io, void *images, void *count)',
  create4: 'int rbd_create4(void *io, const char *name, uint64_t size, void *options)',
  clone3:
    'int rbd_clone3(void *parent_io, const char *parent, const char *snap, void *io, const char *name, void *options)',
  rename: 'int rbd_rename(void *io, const char *from, const char *to)',
  resize: 'int rbd_resize(void *image, uint64_t size)',
  stat: 'int rbd_stat(void *image, void *info, size_t size)',
  get_id: 'int rbd_get_id(void *image, void *id, size_t room)',
  get_features: 'int rbd_get_features(void *image, void *features)',
  get_stripe_unit: 'int rbd_get_stripe_unit(void *image, void *unit)',
  get_stripe_count: 'int rbd_get_stripe_count(void *image, void *count)',
  get_parent: 'int rbd_get_parent(void *image, void *parent, void *snap)',
  update_features: 'int rbd_update_features(void *image, uint64_t features, uint8_t enabled)',
  metadata_set: 'int rbd_metadata_set(void *image, const char *key, const char *value)',
  metadata_list:
    'int rbd_metadata_list(void *image, const char *start, uint64_t max, void *keys, void *keys_size, void *values, void *values_size)',
  snap_list: 'int rbd_snap_list(void *image, void *snaps, void *max)',
  snap_create: 'int rbd_snap_create(void *image, const char *name)',
  snap_remove: 'int rbd_snap_remove(void *image, const char *name)',
  snap_protect: 'int rbd_snap_protect(void *image, const char *name)',
  snap_unprotect: 'int rbd_snap_unprotect(void *image, const char *name)',
  snap_is_protected: 'int rbd_snap_is_protected(void *image, const char *name, void *protected)',
  list_children3: 'int rbd_list_children3(void *image, void *images, void *count)',
  watchers_list: 'int rbd_watchers_list(void *image, void *watchers, void *count)',
  remove: 'int rbd_remove(void *io, const char *name)',
  trash_list: 'int rbd_trash_list(void *io, void *entries, void *count)',
  trash_move: 'int rbd_trash_move(void *io, const char *name, uint64_t delay)',
  trash_restore: 'int rbd_trash_restore(void *io, const char *id, const char *name)',
  trash_remove: 'int rbd_trash_remove(void *io, const char *id, bool force)',
} as const

/** `get_data_pool_id` answers with the number itself. */
const quick = {
  get_data_pool_id: 'int64_t rbd_get_data_pool_id(void *image)',
  image_options_create: 'void rbd_image_options_create(void *options)',
  image_options_destroy: 'void rbd_image_options_destroy(void *options)',
  image_options_set_uint64: 'int rbd_image_options_set_uint64(void *options, int name, uint64_t value)',
  image_options_set_string: 'int rbd_image_options_set_string(void *options, int name, const char *value)',
  image_spec_list_cleanup: 'void rbd_image_spec_list_cleanup(void *images, size_t count)',
  linked_image_spec_cleanup: 'void rbd_linked_image_spec_cleanup(void *image)',
  linked_image_spec_list_cleanup: 'void rbd_linked_image_spec_list_cleanup(void *images, size_t count)',
  snap_spec_cleanup: 'void rbd_snap_spec_cleanup(void *snap)',
  snap_list_end: 'void rbd_snap_list_end(void *snaps)',
  watchers_list_cleanup: 'void rbd_watchers_list_cleanup(void *watchers, size_t count)',
  trash_list_cleanup: 'void rbd_trash_list_cleanup(void *entries, size_t count)',
} as const

type SlowName = keyof typeof slow
type QuickName = keyof typeof quick

export function loadLibrbd(): Librbd {
  const library = loadLibrary('librbd.so.1')
  const each = <N extends string, T>(
    prototypes: Readonly<Record<N, string>>,
    make: (prototype: string) => T,
  ) =>
    Object.fromEntries(
      Object.entries<string>(prototypes).map(([name, text]) => [name, make(text)]),
    ) as Record<N, T>
  return { slow: each(slow, library.slow), quick: each(quick, library.quick) }
}

/** Numbers of image options, from librbd.h. */
export const imageOption = { features: 1, order: 2, stripeUnit: 3, stripeCount: 4, dataPool: 10 } as const

/** Feature bits, from librbd's features.h. */
export const featureBits: Readonly<Record<string, bigint>> = {
  layering: 1n,
  striping: 2n,
  'exclusive-lock': 4n,
  'object-map': 8n,
  'fast-diff': 16n,
  'deep-flatten': 32n,
  journaling: 64n,
  'data-pool': 128n,
  operations: 256n,
  migrating: 512n,
}

export function featureMask(names: readonly string[]): number {
  return Number(names.reduce((mask, name) => mask | (featureBits[name] ?? 0n), 0n))
}

export function featureNames(mask: number): string[] {
  return Object.keys(featureBits)
    .filter(name => (BigInt(mask) & (featureBits[name] ?? 0n)) !== 0n)
    .sort()
}

const pointerIn = (buffer: Buffer, offset: number): Pointer => buffer.readBigUInt64LE(offset)
const stringIn = (buffer: Buffer, offset: number): string => stringAt(pointerIn(buffer, offset))

const linkedImage = koffi.struct({
  poolId: 'int64_t',
  poolName: 'char *',
  namespace: 'char *',
  imageId: 'char *',
  imageName: 'char *',
  trash: 'bool',
})
const trashEntry = koffi.struct({
  id: 'char *',
  name: 'char *',
  source: 'int',
  deleted: 'int64_t',
  deferred: 'int64_t',
})
export const sizes = {
  imageSpec: 16,
  linkedImage: koffi.sizeof(linkedImage),
  /** rbd_snap_spec_t: id, kind of namespace, name. */
  snapSpec: 24,
  /** rbd_snap_info_t: id, size, name. */
  snapInfo: 24,
  /** rbd_image_watcher_t: address, id, cookie. */
  watcher: 24,
  trashEntry: koffi.sizeof(trashEntry),
  /** rbd_image_info_t, with its padding. */
  imageInfo: 160,
} as const

export const readImageSpec = (buffer: Buffer, offset: number) => ({
  id: stringIn(buffer, offset),
  name: stringIn(buffer, offset + 8),
})

export const readLinkedImage = (buffer: Buffer, offset: number) => ({
  pool: stringIn(buffer, offset + 8),
  image: stringIn(buffer, offset + 32),
  trash: buffer.readUInt8(offset + 40) !== 0,
})

export const readSnapInfo = (buffer: Buffer, offset: number) => ({
  size: Number(buffer.readBigUInt64LE(offset + 8)),
  name: stringIn(buffer, offset + 16),
})

/** The name in an rbd_snap_spec_t. */
export const readSnapSpec = (buffer: Buffer): string => stringIn(buffer, 16)
export const readWatcher = (buffer: Buffer, offset: number): string => stringIn(buffer, offset)

export async function metadataOf(rbd: Librbd, image: Pointer): Promise<Record<string, string>> {
  let room = 4096
  for (;;) {
    const keys = Buffer.alloc(room)
    const values = Buffer.alloc(room)
    const slots = new Slots(2)
    slots.set(0, room)
    slots.set(1, room)
    const code = await rbd.slow.metadata_list(image, '', 0, keys, slots.at(0), values, slots.at(1))
    if (code === -34) {
      room = Math.max(room * 2, slots.number(0), slots.number(1))
      continue
    }
    checked(code)
    const split = (buffer: Buffer, length: number) =>
      buffer.toString('utf8', 0, length).split('\0').slice(0, -1)
    const texts = split(values, slots.number(1))
    return Object.fromEntries(split(keys, slots.number(0)).map((key, index) => [key, texts[index] ?? '']))
  }
}

export function snapshotsOf(rbd: Librbd, image: Pointer) {
  return listOf(
    sizes.snapInfo,
    (buffer, count) => rbd.slow.snap_list(image, buffer, count),
    readSnapInfo,
    (buffer, count) => {
      if (count > 0) rbd.quick.snap_list_end(buffer)
    },
    code => code,
  )
}

/** libcephfs: the little that the manager's commands cannot do. Loaded when it is first needed. */
import { checked, type Library, loadLibrary, type Pointer, Slots } from './foreign.js'
import type { Rados } from './librados.js'

interface Path {
  readonly filesystem: string
  readonly path: string
}

interface Owner extends Path {
  readonly uid: number
  readonly gid: number
}

export function makeFiles(rados: Rados) {
  let library: Library | undefined

  async function mounted<T>(
    filesystem: string,
    work: (mount: Pointer, library: Library) => Promise<T>,
  ): Promise<T> {
    library ??= loadLibrary('libcephfs.so.2')
    const slots = new Slots(1)
    const create = library.slow('int ceph_create_from_rados(void *mount, void *cluster)')
    checked(await create(slots.at(0), rados.cluster))
    const mount = slots.pointer(0)
    try {
      const select = library.slow('int ceph_select_filesystem(void *mount, const char *name)')
      checked(await select(mount, filesystem), `file system ${filesystem}`)
      checked(await library.slow('int ceph_mount(void *mount, const char *root)')(mount, '/'), 'mount')
      return await work(mount, library)
    } finally {
      // Of one that is not mounted it answers with an error, which says nothing new
      await library.slow('int ceph_unmount(void *mount)')(mount)
      await library.slow('int ceph_release(void *mount)')(mount)
    }
  }

  return {
    names: (at: Path) =>
      mounted(at.filesystem, async (mount, cephfs) => {
        const slots = new Slots(1)
        const open = cephfs.slow('int ceph_opendir(void *mount, const char *path, void *folder)')
        checked(await open(mount, at.path, slots.at(0)), at.path)
        const folder = slots.pointer(0)
        try {
          return await namesIn(mount, folder, cephfs)
        } finally {
          await cephfs.slow('int ceph_closedir(void *mount, void *folder)')(mount, folder)
        }
      }),
    chown: (at: Owner) =>
      mounted(at.filesystem, async (mount, cephfs) => {
        const chown = cephfs.slow('int ceph_chown(void *mount, const char *path, int uid, int gid)')
        checked(await chown(mount, at.path, at.uid | 0, at.gid | 0), at.path)
      }),
  }
}

/** Names of an open folder's entries. They come in pieces, each name with a zero after it; without any there are no more. */
async function namesIn(mount: Pointer, folder: Pointer, cephfs: Library): Promise<string[]> {
  const piece = Buffer.alloc(65_536)
  const read = cephfs.slow('int ceph_getdnames(void *mount, void *folder, void *names, int length)')
  const names: string[] = []
  for (;;) {
    const length = checked(await read(mount, folder, piece, piece.length))
    if (length === 0) return names
    const found = piece.toString('utf8', 0, length).split('\0')
    names.push(...found.filter(name => name !== '' && name !== '.' && name !== '..'))
  }
}

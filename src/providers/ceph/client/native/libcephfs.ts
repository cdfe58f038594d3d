/** libcephfs: the little that the manager's commands cannot do. Loaded when it is first needed. */
import { checked, type Library, loadLibrary, type Pointer, Slots } from './foreign.js'
import type { Rados } from './librados.js'

interface Owner {
  readonly filesystem: string
  readonly path: string
  readonly uid: number
  readonly gid: number
}

export function makeFiles(rados: Rados) {
  let library: Library | undefined

  async function mounted(filesystem: string, work: (mount: Pointer, library: Library) => Promise<void>) {
    library ??= loadLibrary('libcephfs.so.2')
    const slots = new Slots(1)
    const create = library.slow('int ceph_create_from_rados(void *mount, void *cluster)')
    checked(await create(slots.at(0), rados.cluster))
    const mount = slots.pointer(0)
    try {
      const select = library.slow('int ceph_select_filesystem(void *mount, const char *name)')
      checked(await select(mount, filesystem), `file system ${filesystem}`)
      checked(await library.slow('int ceph_mount(void *mount, const char *root)')(mount, '/'), 'mount')
      await work(mount, library)
    } finally {
      // Of one that is not mounted it answers with an error, which says nothing new
      await library.slow('int ceph_unmount(void *mount)')(mount)
      await library.slow('int ceph_release(void *mount)')(mount)
    }
  }

  return {
    chown: (at: Owner) =>
      mounted(at.filesystem, async (mount, cephfs) => {
        const chown = cephfs.slow('int ceph_chown(void *mount, const char *path, int uid, int gid)')
        checked(await chown(mount, at.path, at.uid | 0, at.gid | 0), at.path)
      }),
  }
}

/** What infra knows of Ceph's objects without asking a cluster. */
import type { Kind } from '../../kind.js'
import { cephClient } from './client.js'
import { cephFilesystem } from './filesystem.js'
import { rbdImage } from './image.js'
import { cephPool } from './pool.js'
import { cephSnapshot } from './snapshot.js'
import { cephSubvolumeGroup } from './subvolume-group.js'
import { cephClone, cephVolume } from './volume.js'

export const cephKinds: readonly Kind[] = [
  cephPool,
  cephFilesystem,
  cephSubvolumeGroup,
  cephVolume,
  cephSnapshot,
  cephClone,
  rbdImage,
  cephClient,
]

/** A manager with one file system of volumes, as far as Ceph 16 was seen to answer, whose commands can be cut off. */
import type { Json } from '../../../src/model/value.js'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import { cutWire, fail, type Reads, type Writes } from './cut-wire.js'

interface Snapshot {
  readonly content: string
  readonly metadata: Map<string, string>
}

interface Volume {
  /** Undefined of one that is retained. */
  live?: { content: string; metadata: Map<string, string>; path: string; type: 'subvolume' | 'clone' }
  cloning?: { readonly of: Snapshot; state: string }
  readonly snapshots: Map<string, Snapshot>
}

export function fakeManager() {
  const volumes = new Map<string, Volume>()
  let paths = 0
  /** Clones are done at once, stay at work, or fail. */
  let clones: 'complete' | 'in-progress' | 'failed' = 'complete'

  const volumeOf = (prefix: string, name: Json | undefined): Volume =>
    volumes.get(String(name)) ?? fail(prefix, 2)
  const ready = (prefix: string, name: Json | undefined) => {
    const volume = volumeOf(prefix, name)
    if (volume.cloning) fail(prefix, 11, 'is not ready')
    return volume
  }
  const liveOf = (prefix: string, name: Json | undefined) => ready(prefix, name).live ?? fail(prefix, 2)
  const snapshotOf = (prefix: string, name: Json | undefined, snapshot: Json | undefined): Snapshot =>
    ready(prefix, name).snapshots.get(String(snapshot)) ?? fail(prefix, 2)
  const sweep = (name: string, volume: Volume) => {
    if (!volume.live && !volume.cloning && volume.snapshots.size === 0) volumes.delete(name)
  }

  const reads: Reads = {
    'fs subvolume info': ({ prefix, sub_name }) => {
      const { live } = ready(prefix, sub_name)
      const features = ['snapshot-retention']
      if (!live) return { state: 'snapshot-retained', type: 'subvolume', features }
      return {
        ...{ state: 'complete', type: live.type, path: live.path, features, mode: 0o40755, uid: 0, gid: 0 },
        ...{ bytes_quota: 'infinite', bytes_used: live.content.length, data_pool: 'data' },
        ...{ pool_namespace: '', mon_addrs: [] },
      }
    },
    'fs subvolume ls': () => [...volumes.keys()].map(name => ({ name })),
    'fs subvolume metadata ls': ({ prefix, sub_name }) =>
      Object.fromEntries(liveOf(prefix, sub_name).metadata),
    'fs subvolume snapshot ls': ({ prefix, sub_name }) =>
      [...ready(prefix, sub_name).snapshots.keys()].map(name => ({ name })),
    'fs subvolume snapshot info': ({ prefix, sub_name, snap_name }) => {
      snapshotOf(prefix, sub_name, snap_name)
      return { created_at: '2026-11-21 08:46:35', has_pending_clones: 'no' }
    },
    'fs subvolume snapshot metadata ls': ({ prefix, sub_name, snap_name }) =>
      Object.fromEntries(snapshotOf(prefix, sub_name, snap_name).metadata),
    'fs clone status': ({ prefix, clone_name }) => {
      const { cloning } = volumeOf(prefix, clone_name)
      return { status: { state: cloning?.state ?? 'complete' } }
    },
  }

  const writes: Writes = {
    'fs subvolume create': ({ sub_name }) => {
      const volume: Volume = volumes.get(String(sub_name)) ?? { snapshots: new Map() }
      volume.live ??= { content: '', metadata: new Map(), path: `/v/${++paths}`, type: 'subvolume' }
      volumes.set(String(sub_name), volume)
    },
    'fs subvolume resize': () => {},
    'fs subvolume metadata set': ({ prefix, sub_name, key_name, value }) =>
      void liveOf(prefix, sub_name).metadata.set(String(key_name), String(value)),
    'fs subvolume snapshot create': ({ prefix, sub_name, snap_name }) => {
      const { content } = liveOf(prefix, sub_name)
      const { snapshots } = ready(prefix, sub_name)
      // Of a name that is there it is done with success, and nothing is taken
      if (!snapshots.has(String(snap_name)))
        snapshots.set(String(snap_name), { content, metadata: new Map() })
    },
    'fs subvolume snapshot metadata set': ({ prefix, sub_name, snap_name, key_name, value }) =>
      void snapshotOf(prefix, sub_name, snap_name).metadata.set(String(key_name), String(value)),
    'fs subvolume snapshot rm': ({ prefix, sub_name, snap_name, force }) => {
      const volume = ready(prefix, sub_name)
      if (!volume.snapshots.delete(String(snap_name)) && !force) fail(prefix, 2)
      sweep(String(sub_name), volume)
    },
    'fs subvolume snapshot clone': ({ prefix, sub_name, snap_name, target_sub_name }) => {
      const of = snapshotOf(prefix, sub_name, snap_name)
      const target: Volume = volumes.get(String(target_sub_name)) ?? { snapshots: new Map() }
      if (target.live || target.cloning) fail(prefix, 17)
      volumes.set(String(target_sub_name), target)
      target.cloning = { of, state: clones }
      if (clones === 'complete') settle()
    },
    'fs clone cancel': ({ prefix, clone_name }) => {
      const { cloning } = volumeOf(prefix, clone_name)
      if (cloning?.state !== 'in-progress') return fail(prefix, 22)
      cloning.state = 'canceled'
    },
    'fs subvolume rm': ({ prefix, sub_name, force, retain_snapshots }) => {
      const name = String(sub_name)
      const volume = volumeOf(prefix, name)
      if (volume.cloning?.state === 'in-progress' || (volume.cloning && !force)) fail(prefix, 11)
      if (volume.snapshots.size > 0 && !retain_snapshots) fail(prefix, 39, 'has snapshots')
      delete volume.live
      delete volume.cloning
      sweep(name, volume)
    },
  }

  /** Ends the clones that are at work. */
  function settle(): void {
    for (const volume of volumes.values()) {
      if (!volume.cloning) continue
      const { content } = volume.cloning.of
      volume.live = { content, metadata: new Map(), path: `/v/${++paths}`, type: 'clone' }
      delete volume.cloning
    }
  }

  const { ask, clock, ...wire } = cutWire(reads, writes, () => {
    if (clones === 'in-progress') settle()
  })
  return {
    ceph: { connection: { mgr: ask, offers: () => true }, clock } as unknown as Ceph,
    volumes,
    settle,
    write(name: string, content: string) {
      const live = volumes.get(name)?.live
      if (live) live.content = content
    },
    note(name: string, key: string, value: string) {
      volumes.get(name)?.live?.metadata.set(key, value)
    },
    /** How a clone goes that is begun from now on. */
    clone(how: typeof clones) {
      clones = how
    },
    ...wire,
  }
}

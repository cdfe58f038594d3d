/**
 * The embedded world: objects of every kind in one file beside the stack. A log of changes, one a line, so that a change costs
 * one line and concurrent changes share one write and one sync. Opening it only reads; who writes first compacts it.
 */
import type { FileSystem } from '../../model/ports.js'
import type { Attributes } from '../../model/value.js'
import type { Identity, Owner } from '../provider.js'
import { decodeWorld, type WorldChange } from './world-line.js'
import { worldWriter } from './world-writer.js'

export interface WorldObject {
  readonly kind: string
  readonly name: string
  readonly identity: Identity
  readonly owner?: Owner
  readonly spec: Attributes
  readonly labels: Readonly<Record<string, string>>
  /** Paths that wait for a restart. */
  readonly pending?: readonly string[]
  /** What it runs with until then. */
  readonly running?: Attributes
  /** A create or delete was cut off. */
  readonly incomplete?: true
  /** Deleted, and kept under this name until it is restored or pruned. */
  readonly trash?: string
  /** Stands for what is in it, where its kind holds data: made with the object, gone with it, back only with a restore. */
  readonly data?: string
}

export interface World {
  find(kind: string, name: string, identity: Identity | undefined): WorldObject | undefined
  inTrash(kind: string, trash: string): WorldObject | undefined
  all(): IterableIterator<WorldObject>
  /** Stores an object, and takes another out in the same instant; returns once that would survive a loss of power. */
  put(object: WorldObject, instead?: WorldObject): Promise<void>
  remove(object: WorldObject): Promise<void>
  close(): Promise<void>
}

const worldFile = 'world.ndjson'

/** Opens the world of a folder, or an empty one. Writers hold the state's lock. */
export async function openWorld(files: FileSystem, folder: string): Promise<World> {
  const path = `${folder}/${worldFile}`
  const bytes = (await files.read(path)) ?? new Uint8Array()
  const objects = new Map<string, WorldObject>()
  const byUuid = new Map<string, WorldObject>()
  const apply = ({ put, remove }: WorldChange) => {
    const gone = remove === undefined ? undefined : objects.get(remove)
    if (remove !== undefined) objects.delete(remove)
    const uuid = gone?.identity.uuid
    if (uuid && byUuid.get(uuid) === gone) byUuid.delete(uuid)
    if (!put) return
    objects.set(key(put), put)
    if (put.identity.uuid && !put.trash) byUuid.set(put.identity.uuid, put)
  }
  const { changes, length } = decodeWorld(bytes, path)
  for (const change of changes) apply(change)
  const wasteful = changes.length > 100 && changes.length > objects.size * 2
  const write = worldWriter(files, folder, path, {
    length,
    ...((wasteful || length < bytes.length) && { rewrite: () => [...objects.values()] }),
    // What is read is what is durable: a write that failed changes nothing.
    written: change => apply(change),
  })

  return {
    find(kind, name, identity) {
      const known = identity?.uuid === undefined ? undefined : byUuid.get(identity.uuid)
      return known?.kind === kind ? known : objects.get(key({ kind, name }))
    },
    inTrash: (kind, trash) => objects.get(key({ kind, name: '', trash })),
    all: () => objects.values(),
    put: (object, instead) => write.append({ put: object, ...(instead && { remove: key(instead) }) }),
    remove: object => write.append({ remove: key(object) }),
    close: () => write.close(),
  }
}

function key(object: Pick<WorldObject, 'kind' | 'name' | 'trash'>): string {
  return object.trash === undefined ? `${object.kind}/${object.name}` : `${object.kind}/trash:${object.trash}`
}

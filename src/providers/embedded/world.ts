/**
 * The embedded world: objects of every kind in one file beside the stack. A log of puts and removals, one a line, so that
 * a change costs one line and concurrent changes share one write and one sync. It is compacted when it is opened.
 */
import { InfraError } from '../../model/error.js'
import type { AppendFile, FileSystem } from '../../model/ports.js'
import type { Attributes } from '../../model/value.js'
import type { Identity, Owner } from '../provider.js'

export interface WorldObject {
  readonly kind: string
  readonly name: string
  readonly identity: Identity
  readonly owner?: Owner
  readonly spec: Attributes
  readonly labels: Readonly<Record<string, string>>
  /** Paths that wait for a restart. */
  readonly pending?: readonly string[]
  /** A create or delete was cut off. */
  readonly incomplete?: true
  /** Deleted, and kept under this name until it is restored or pruned. */
  readonly trash?: string
}

export interface World {
  find(kind: string, name: string, identity: Identity | undefined): WorldObject | undefined
  inTrash(kind: string, trash: string): WorldObject | undefined
  all(): IterableIterator<WorldObject>
  /** Stores an object; returns once it would survive a loss of power. */
  put(object: WorldObject): Promise<void>
  remove(object: WorldObject): Promise<void>
  close(): Promise<void>
}

type Line = { readonly put: WorldObject } | { readonly remove: string }

export const worldFile = 'world.ndjson'

/** Opens the world of a folder, or an empty one. */
export async function openWorld(files: FileSystem, folder: string): Promise<World> {
  const path = `${folder}/${worldFile}`
  const bytes = await files.read(path)
  const objects = new Map<string, WorldObject>()
  const lines = bytes ? load(bytes, objects, path) : 0
  if (lines > 100 && lines > objects.size * 2) {
    const text = [...objects.values()].map(object => `${JSON.stringify({ put: object })}\n`).join('')
    await files.replace(path, Buffer.from(text), 0o600)
  }
  const byUuid = new Map<string, WorldObject>()
  for (const object of objects.values())
    if (object.identity.uuid && !object.trash) byUuid.set(object.identity.uuid, object)
  const write = groupedWriter(files, folder, path)

  return {
    find(kind, name, identity) {
      const known = identity?.uuid === undefined ? undefined : byUuid.get(identity.uuid)
      return known?.kind === kind ? known : objects.get(key({ kind, name }))
    },
    inTrash: (kind, trash) => objects.get(key({ kind, name: '', trash })),
    all: () => objects.values(),
    async put(object) {
      objects.set(key(object), object)
      if (object.identity.uuid && !object.trash) byUuid.set(object.identity.uuid, object)
      await write.append({ put: object })
    },
    async remove(object) {
      objects.delete(key(object))
      if (object.identity.uuid) byUuid.delete(object.identity.uuid)
      await write.append({ remove: key(object) })
    },
    close: () => write.close(),
  }
}

function key(object: Pick<WorldObject, 'kind' | 'name' | 'trash'>): string {
  return object.trash === undefined ? `${object.kind}/${object.name}` : `${object.kind}/trash:${object.trash}`
}

/** Replays the log. A torn last line is what a crash leaves, and is dropped; returns the count of lines. */
function load(bytes: Uint8Array, objects: Map<string, WorldObject>, path: string): number {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').split('\n')
  const torn = lines.pop()
  for (const [index, text] of lines.entries()) {
    if (text === '') continue
    const line = parse(text, path, index + 1)
    if ('put' in line) objects.set(key(line.put), line.put)
    else objects.delete(line.remove)
  }
  return lines.length + (torn ? 1 : 0)
}

function parse(text: string, path: string, number: number): Line {
  try {
    return JSON.parse(text) as Line
  } catch (cause) {
    throw new InfraError({
      kind: 'storage',
      code: 'broken-world',
      message: `the embedded world's file is broken at line ${number}: ${path}`,
      hint: 'Remove the line, or the file to begin with an empty world.',
      cause,
    })
  }
}

/** Appends lines; those that come while a write is under way share the next write and sync. */
function groupedWriter(files: FileSystem, folder: string, path: string) {
  let file: AppendFile | undefined
  let buffered: Line[] = []
  let next: Promise<void> | undefined
  let last: Promise<void> = Promise.resolve()

  const flush = async () => {
    const lines = buffered
    buffered = []
    next = undefined
    if (!file) {
      await files.makeFolder(folder)
      file = await files.append(path)
    }
    await file.append(Buffer.from(lines.map(line => `${JSON.stringify(line)}\n`).join('')))
    await file.sync()
  }

  return {
    append(line: Line): Promise<void> {
      buffered.push(line)
      if (!next) {
        next = last.then(flush)
        last = next.catch(ignoreHere)
      }
      return next
    },
    async close(): Promise<void> {
      await last
      await file?.close()
    },
  }
}

/** A failed write is reported to those who waited for it; the next write must still be tried. */
function ignoreHere(): void {}

/** The state store: one document, whole, verified on read, with its generations. */
import { join } from 'node:path'
import { type Adapter, Low } from 'lowdb'
import type { FileSystem } from '../model/ports.js'
import { claimedFormat, claimedSerial, decodeHead, decodeState, encodeState } from './codec.js'
import type { StateDocument } from './document.js'
import { integrityFault } from './integrity.js'
import { migrate, refuseNewer } from './migrate.js'
import { type StatePaths, statePaths } from './paths.js'
import { unseal } from './sealed.js'
import { storageError } from './storage-error.js'
import { brokenState, goneState, movedState, noGeneration, unfitState } from './store-errors.js'

export interface Store {
  /** The document, verified; undefined where none was ever written. A broken one is an error, never undefined. */
  read(): Promise<StateDocument | undefined>
  /**
   * Writes the next document: its serial is the stored one's plus one (1 where there is none), its lineage the same. The
   * stored one becomes a generation. `pin` is the serial of a generation that is not to be pruned: the base of an open journal.
   */
  write(next: StateDocument, options?: { readonly pin?: number }): Promise<void>
  /** Serials of the generations kept, newest first; the stored document is not among them. */
  generations(): Promise<readonly number[]>
  /** One generation, or the stored document itself where it has that serial; verified. */
  generation(serial: number): Promise<StateDocument>
  /** Makes a generation the state again, under a new serial. A broken state is kept aside, whole one becomes a generation. */
  restore(serial: number): Promise<StateDocument>
}

export interface StoreOptions {
  /** How many generations to keep; 5 by default. */
  readonly keep?: number
}

/** The store in a folder. Nothing is read or made until it is used. Writers hold the state's lock. */
export function openStore(files: FileSystem, folder: string, options: StoreOptions = {}): Store {
  const paths = statePaths(folder)
  const keep = options.keep ?? 5
  let pinned: number | undefined
  const adapter: Adapter<StateDocument> = {
    read: async () => (await readState(files, paths)) ?? null,
    write: next => writeState(files, paths, next, { keep, pin: pinned }),
  }
  const database = new Low<StateDocument | null>(adapter as Adapter<StateDocument | null>, null)

  const store: Store = {
    async read() {
      // lowdb keeps what it has when the adapter has nothing; here nothing means nothing.
      database.data = null
      await database.read()
      return database.data ?? undefined
    },
    async write(next, { pin } = {}) {
      const before = database.data
      pinned = pin
      database.data = next
      try {
        await database.write()
      } catch (error) {
        database.data = before
        throw error
      }
    },
    generations: () => listGenerations(files, paths),
    async generation(serial) {
      const kept = generationPath(paths, serial)
      const path = (await readBytes(files, kept)) === undefined ? paths.state : kept
      const document = await readVerified(files, paths, path)
      if (document?.serial !== serial) throw noGeneration(serial, await listGenerations(files, paths))
      return document
    },
    async restore(serial) {
      const wanted = await readVerified(files, paths, generationPath(paths, serial))
      if (!wanted) throw noGeneration(serial, await listGenerations(files, paths))
      const bytes = await readBytes(files, paths.state)
      const newest = (await listGenerations(files, paths))[0] ?? serial
      const whole = bytes && decodeHead(bytes)
      // A broken state may have been one more than the newest generation; its serial is not used a second time.
      const claimed = (bytes && claimedSerial(bytes)) ?? 0
      const last = whole ? whole.serial : Math.max(claimed, newest + 1)
      const next = { ...wanted, serial: last + 1 }
      if (whole) {
        await store.write(next)
        return next
      }
      if (bytes) await files.link(paths.state, `${paths.state}.broken-${last}`)
      await put(files, paths, next)
      database.data = next
      return next
    },
  }
  return store
}

async function readState(files: FileSystem, paths: StatePaths): Promise<StateDocument | undefined> {
  const document = await readVerified(files, paths, paths.state)
  if (document) return document
  const generations = await listGenerations(files, paths)
  if (generations.length > 0) throw goneState(paths.state, generations)
  return undefined
}

async function readVerified(
  files: FileSystem,
  paths: StatePaths,
  path: string,
): Promise<StateDocument | undefined> {
  const bytes = await readBytes(files, path)
  if (!bytes) return undefined
  refuseNewer(claimedFormat(bytes), path)
  const document = decodeState(bytes)
  if (!document) throw await broken(files, paths, path, whyTorn(bytes))
  const current = migrate(document)
  const fault = integrityFault(current)
  if (fault) throw await broken(files, paths, path, fault)
  return current
}

async function writeState(
  files: FileSystem,
  paths: StatePaths,
  next: StateDocument,
  { keep, pin }: { readonly keep: number; readonly pin: number | undefined },
): Promise<void> {
  const fault = integrityFault(next)
  if (fault) throw unfitState(fault)
  const bytes = await readBytes(files, paths.state)
  if (bytes) {
    refuseNewer(claimedFormat(bytes), paths.state)
    const stored = decodeHead(bytes)
    if (!stored) throw await broken(files, paths, paths.state, whyTorn(bytes))
    if (stored.lineage !== next.lineage || stored.serial + 1 !== next.serial) throw movedState(stored, next)
    await keepGeneration(files, paths, stored.serial)
  } else {
    const generations = await listGenerations(files, paths)
    if (generations.length > 0) throw goneState(paths.state, generations)
    if (next.serial !== 1) throw movedState(undefined, next)
  }
  await put(files, paths, next)
  await prune(files, paths, keep, pin)
}

async function put(files: FileSystem, paths: StatePaths, next: StateDocument): Promise<void> {
  try {
    await files.makeFolder(paths.folder)
    await files.replace(paths.state, encodeState(next), 0o600)
  } catch (error) {
    throw storageError(error, {
      message: `the state cannot be written to ${paths.state}; the one before, if any, is still there, whole`,
      hint: 'What an apply did is in its journal: `infra recover` writes it down later.',
    })
  }
}

async function keepGeneration(files: FileSystem, paths: StatePaths, serial: number): Promise<void> {
  try {
    await files.makeFolder(paths.generations)
    await files.link(paths.state, generationPath(paths, serial))
  } catch (error) {
    throw storageError(error, {
      message: `generation ${serial} of the state cannot be kept in ${paths.generations}`,
    })
  }
}

/** Removes all but the newest. What cannot be removed is left for the next time: it only takes room. */
async function prune(
  files: FileSystem,
  paths: StatePaths,
  keep: number,
  pin: number | undefined,
): Promise<void> {
  const old = (await listGenerations(files, paths)).slice(keep).filter(serial => serial !== pin)
  await Promise.allSettled(old.map(serial => files.remove(generationPath(paths, serial))))
}

async function listGenerations(files: FileSystem, paths: StatePaths): Promise<readonly number[]> {
  try {
    const names = await files.list(paths.generations)
    return names
      .filter(name => /^\d{1,15}\.json$/.test(name))
      .map(name => Number.parseInt(name, 10))
      .sort((a, b) => b - a)
  } catch (error) {
    throw storageError(error, { message: `${paths.generations} cannot be read` })
  }
}

async function readBytes(files: FileSystem, path: string): Promise<Uint8Array | undefined> {
  try {
    return await files.read(path)
  } catch (error) {
    throw storageError(error, { message: `${path} cannot be read` })
  }
}

/** The error of a broken file, which names the newest generation that is whole. */
async function broken(files: FileSystem, paths: StatePaths, path: string, why: string): Promise<Error> {
  for (const serial of await listGenerations(files, paths)) {
    const bytes =
      path === generationPath(paths, serial)
        ? undefined
        : await readBytes(files, generationPath(paths, serial))
    const document = bytes && decodeState(bytes)
    if (document && !integrityFault(document)) return brokenState(path, why, serial)
  }
  return brokenState(path, why, undefined)
}

function generationPath(paths: StatePaths, serial: number): string {
  return join(paths.generations, `${serial}.json`)
}

function whyTorn(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty'
  if (unseal(bytes)) return 'its checksum fits, and what it holds is not what infra writes'
  return 'its checksum is not that of its bytes: it was cut, overwritten or edited by hand'
}

/** One process of a simulated machine: the lock, the state, the engine and the embedded world, all of them the real code. */
import type { Engine } from '../../src/apply/engine.js'
import { takeOver } from '../../src/apply/take-over.js'
import type { Control } from '../../src/apply/transaction.js'
import { InfraError, InfraErrors } from '../../src/model/error.js'
import type { Clock, FileSystem, Ports, Random } from '../../src/model/ports.js'
import { openWorld, type World } from '../../src/providers/embedded/world.js'
import type { StateDocument } from '../../src/state/document.js'
import { encodeNote } from '../../src/state/holder.js'
import { settleFolders } from '../../src/state/leftovers.js'
import { statePaths } from '../../src/state/paths.js'
import { isDiskFull, storageError } from '../../src/state/storage-error.js'
import { openStore } from '../../src/state/store.js'
import { testKinds } from '../planner/fixtures.js'
import type { Dice } from './dice.js'
import type { Choice, Trouble } from './draw.js'
import type { SimDisk } from './files.js'
import type { SimLocks } from './locker.js'
import { type Strangers, troubledProvider } from './provider.js'

export const stateFolder = '/stack/.infra'

/** What outlives a process. */
export interface Machine {
  disk: SimDisk
  /** The disk of the system below; the machine's own, where the world is not somewhere else. */
  readonly cloud: SimDisk | undefined
  readonly dice: Dice
  readonly clock: Clock
  readonly random: Random
  readonly locks: SimLocks
  readonly parallelism: number
  readonly strangers: Strangers
  /** Processes so far, points that they passed, and where they crashed. */
  readonly told: { processes: number; points: number; readonly crashes: string[] }
}

export interface Process {
  readonly engine: Engine
  readonly control: Control
  /** The state, once the lock is held and what was only to be ended is ended. */
  readonly state: StateDocument | undefined
  readonly folder: string
  readonly ports: Ports
}

export type Ended<T> =
  | { readonly how: 'done'; readonly value: T }
  | { readonly how: 'refused'; readonly error: InfraError | InfraErrors }
  | { readonly how: 'crashed' }

export function worldFolder(machine: Machine): string {
  return machine.cloud ? '/cloud' : stateFolder
}

export function worldFiles(machine: Machine): FileSystem {
  return (machine.cloud ?? machine.disk).files
}

/** Runs a process to its end, whichever that is, and leaves the machine ready for the next one. */
export async function runProcess<T>(
  machine: Machine,
  trouble: Trouble,
  choices: readonly Choice[],
  work: (process: Process) => Promise<T>,
): Promise<Ended<T>> {
  const { disk } = machine
  machine.told.processes += 1
  const name = `process ${machine.told.processes}`
  const { crashAt, disk: failAt, room } = trouble
  Object.assign(disk.faults, {
    ...(crashAt !== undefined && { crashAt }),
    ...(failAt && { failAt }),
    ...(room !== undefined && { capacity: disk.used() + room }),
  })
  const opened: World[] = []
  const running = processWork(machine, name, trouble, choices, opened, work).then(
    (value): Ended<T> => ({ how: 'done', value }),
    (error): Ended<T> => {
      if (disk.crashed()) return { how: 'crashed' }
      if (error instanceof InfraError || error instanceof InfraErrors) return { how: 'refused', error }
      throw error
    },
  )
  const ended = await Promise.race([running, watch(disk)])
  running.catch(() => undefined)
  // What was sent to a system below is done there, whether or not anybody is left to hear of it.
  await Promise.all(opened.map(world => world.close().catch(() => undefined)))
  machine.locks.kill(name)
  machine.told.points += disk.trace.length
  const crashed = disk.crashed()
  if (crashed) machine.told.crashes.push(disk.trace.at(-1) ?? '')
  machine.disk = crashed && trouble.power ? disk.losePower() : disk.killProcess()
  // A system below that outlives the process makes durable what it was told, whenever the power goes after that.
  for (const path of machine.disk.paths())
    if (path.endsWith('/world.ndjson')) machine.disk.tamper(path, bytes => bytes)
  return crashed ? { how: 'crashed' } : ended
}

async function processWork<T>(
  machine: Machine,
  name: string,
  trouble: Trouble,
  choices: readonly Choice[],
  opened: World[],
  work: (process: Process) => Promise<T>,
): Promise<T> {
  const { disk, clock, random } = machine
  const { files } = disk
  const ports: Ports = { files, clock, random }
  const paths = statePaths(stateFolder)
  await orRefused(files.makeFolder(stateFolder))
  const holder = { host: 'sim', pid: 1, since: clock.now(), command: name }
  const lock = await machine.locks.of(name).acquire(holder)
  try {
    await settleFolders(files, paths)
    await orRefused(writeNote(files, paths.holder, encodeNote(holder)))
    const store = openStore(files, stateFolder, { keep: 2 })
    const state = await takeOver(files, stateFolder, store)
    const world = await openWorld(worldFiles(machine), worldFolder(machine))
    opened.push(world)
    const stopping = new AbortController()
    const signal = new AbortController()
    const provider = troubledProvider({
      ...{ machine, world, trouble, kinds: testKinds },
      stop: hard => {
        stopping.abort(new Error('stopped by the user'))
        if (hard) signal.abort(new Error('given up by the user'))
      },
    })
    const engine: Engine = {
      stack: 'sim',
      ports,
      kinds: testKinds,
      providers: new Map([['embedded', provider]]),
      connections: { embedded: { type: 'embedded', description: 'simulated' } },
      store,
      stateFolder,
      resolve: desired => desired,
      outputs: (_mode, records) => ({
        count: { value: Object.keys(records).length, sensitive: false },
      }),
      report: () => undefined,
      parallelism: machine.parallelism,
    }
    let asked = 0
    const control: Control = {
      stopping: stopping.signal,
      signal: signal.signal,
      onFailure: async () => {
        const choice = choices[asked] ?? 'rollback'
        asked += 1
        return choice
      },
    }
    return await work({ engine, control, state, folder: stateFolder, ports })
  } finally {
    await files.remove(paths.holder).catch(() => undefined)
    await lock.release()
  }
}

/** Resolves once the process is dead; fails where it lives and does nothing any more. */
async function watch(disk: SimDisk): Promise<Ended<never>> {
  let idle = 0
  let seen = -1
  for (;;) {
    await new Promise(setImmediate)
    if (disk.crashed()) {
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
      return { how: 'crashed' }
    }
    idle = disk.trace.length === seen ? idle + 1 : 0
    seen = disk.trace.length
    if (idle > 2000) throw new Error(`the process hangs after ${disk.trace.at(-1)}`)
  }
}

async function writeNote(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  try {
    await files.replace(path, bytes, 0o600)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    await files.remove(path)
  }
}

/** As the real lock does: what the disk refuses is told as an error of the family. */
async function orRefused(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    throw storageError(error, { message: 'the lock cannot be taken' })
  }
}

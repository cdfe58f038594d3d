/**
 * A simulated disk: in memory, seeded, with a page cache that a loss of power empties. It stands in for the calls of Node, so
 * that the file operations of the engine themselves run on it. Before and after each call, and in the middle of each write,
 * is a point where the process can crash.
 */
import { constants } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type FileCalls, filesOver, type OpenFile } from '../../src/model/node-files.js'
import type { FileSystem } from '../../src/model/ports.js'
import type { Dice } from './dice.js'
import { Content, Folder } from './disk-parts.js'

/** What the process gets once it has crashed: nothing that it does has any effect any more. */
export class Crash extends Error {
  override readonly name = 'Crash'
}

/** What goes wrong. May be changed at any time. */
export interface Faults {
  /** Crashes at the n-th point, counted from 1. */
  crashAt?: number
  /** The call that begins at the n-th point fails with this code. */
  failAt?: { readonly point: number; readonly code: string }
  /** Room on the disk in bytes. Without it there is room for everything. */
  capacity?: number
  /** Calls whose label matches fail with this code, so many times. */
  fail?: { readonly label: RegExp; readonly code: string; times: number }
}

export interface SimDisk {
  readonly files: FileSystem
  readonly faults: Faults
  /** Labels of the points that were passed, such as `after rename state.json`. */
  readonly trace: readonly string[]
  /** A point of something else that the process does, such as a call to a system below. */
  point(label: string): void
  /** Whether it has crashed. */
  crashed(): boolean
  /** The process is gone at once, whatever it is doing. */
  crash(): void
  /** The process is gone, the machine runs on: all that was written is there. */
  killProcess(): SimDisk
  /** The machine loses power: what was not synced is there, torn, zeroed or gone, as the dice fall. */
  losePower(): SimDisk
  /** The same disk apart, with dice of its own, for another process to go on with. No process may have it. */
  copy(dice: Dice): SimDisk
  /** Paths of all files, sorted. */
  paths(): readonly string[]
  /** What is in all files, by path. */
  contents(): ReadonlyMap<string, Uint8Array>
  /** Bytes in use. */
  used(): number
  /** Changes a file behind everybody's back, as rot or an editor would. */
  tamper(path: string, change: (bytes: Uint8Array) => Uint8Array): void
}

export function simDisk(dice: Dice, faults: Faults = {}): SimDisk {
  return diskOf(new Map([['/', new Folder()]]), dice, faults)
}

function diskOf(folders: Map<string, Folder>, dice: Dice, faults: Faults): SimDisk {
  const trace: string[] = []
  const held = new Map<Content, number>()
  let crashed = false
  // One for all that follow
  const dead = withoutStack(() => new Crash('already crashed'))

  /** A point between two things that happen. */
  const point = (label: string, own = true) => {
    if (crashed) throw dead
    trace.push(label)
    const { failAt } = faults
    if (own && trace.length === failAt?.point && label.startsWith('before'))
      throw systemError(failAt.code, label)
    if (trace.length !== faults.crashAt) return
    crashed = true
    throw withoutStack(() => new Crash(`crashed at point ${trace.length}, ${label}`))
  }
  const failIfAsked = (label: string) => {
    const { fail } = faults
    if (!fail || fail.times <= 0 || !fail.label.test(label)) return
    fail.times -= 1
    throw systemError(fail.code, label)
  }
  /** One call: it crashes before or after having its effect, or fails without one. */
  const call = async <T>(label: string, effect: () => T): Promise<T> => {
    point(`before ${label}`)
    failIfAsked(label)
    const result = effect()
    point(`after ${label}`)
    return result
  }
  const used = () => {
    const all = new Set(held.keys())
    for (const folder of folders.values()) for (const content of folder.contents()) all.add(content)
    return [...all].reduce((sum, content) => sum + content.cached.length, 0)
  }
  const folderOf = (path: string): Folder => {
    const folder = folders.get(dirname(path))
    if (!folder) throw systemError('ENOENT', path)
    return folder
  }
  const existing = (path: string): Content => {
    const content = folderOf(path).get(basename(path))
    if (!content) throw systemError(folders.has(path) ? 'EISDIR' : 'ENOENT', path)
    return content
  }

  const openFile = (content: Content, name: string): OpenFile => {
    held.set(content, (held.get(content) ?? 0) + 1)
    const write = (bytes: Uint8Array) => {
      const room = faults.capacity === undefined ? bytes.length : Math.max(0, faults.capacity - used())
      content.append(bytes.subarray(0, room))
      return Math.min(room, bytes.length)
    }
    const sync = () => call(`sync ${name}`, () => content.sync())
    return {
      async write(bytes, offset, length) {
        const part = bytes.slice(offset, offset + length)
        point(`before write ${name}`)
        failIfAsked(`write ${name}`)
        const half = write(part.subarray(0, part.length >> 1))
        point(`amid write ${name}`)
        // A write is cut short where there is no room, and fails only where there is none at all; now and then it just is.
        const short = half < part.length >> 1 || (half > 0 && dice.chance(0.1))
        const rest = short ? 0 : write(part.subarray(half))
        if (half + rest === 0 && part.length > 0) throw systemError('ENOSPC', name)
        point(`after write ${name}`)
        return { bytesWritten: half + rest }
      },
      chmod: () => Promise.resolve(),
      sync,
      datasync: sync,
      truncate: length => call(`truncate ${name}`, () => content.truncate(length)),
      async close() {
        const left = (held.get(content) ?? 1) - 1
        if (left > 0) held.set(content, left)
        else held.delete(content)
      },
    }
  }
  const openFolder = (folder: Folder, name: string): OpenFile => {
    const sync = () => call(`sync folder ${name}`, () => folder.sync())
    const never = () => Promise.reject(systemError('EISDIR', name))
    return { sync, datasync: sync, write: never, chmod: never, truncate: never, close: async () => undefined }
  }

  const calls: FileCalls = {
    async open(path, flags) {
      const name = basename(path)
      const folder = folders.get(path)
      if (folder) return openFolder(folder, name)
      const found = folderOf(path).get(name)
      const creates = flags === 'wx' || (typeof flags === 'number' && (flags & constants.O_CREAT) !== 0)
      if (found && flags === 'wx') throw systemError('EEXIST', path)
      if (found || !creates) return openFile(found ?? existing(path), name)
      const made = new Content()
      await call(`create ${name}`, () => folderOf(path).set(name, made))
      return openFile(made, name)
    },
    readFile: async path => {
      if (crashed) throw dead
      return existing(path).cached.slice()
    },
    async lstat(path) {
      const isFolder = folders.has(path)
      if (!isFolder) existing(path)
      return { isFile: () => !isFolder, isDirectory: () => isFolder, isSymbolicLink: () => false }
    },
    rename: (from, to) =>
      call(`rename to ${basename(to)}`, () => {
        existing(from)
        folderOf(to).rename(basename(from), basename(to))
      }),
    link: (from, to) =>
      call(`link ${basename(to)}`, () => {
        if (folderOf(to).get(basename(to))) throw systemError('EEXIST', to)
        folderOf(to).set(basename(to), existing(from))
      }),
    copyFile: () => Promise.reject(systemError('ENOSYS', 'copyFile')),
    unlink: path =>
      call(`unlink ${basename(path)}`, () => {
        existing(path)
        folderOf(path).set(basename(path), undefined)
      }),
    async mkdir(path) {
      const missing: string[] = []
      for (let at = path; !folders.has(at); at = dirname(at)) missing.unshift(at)
      // Folders are durable at once: what the engine does about their own entries is two lines, and tested on a real disk.
      for (const at of missing) await call(`mkdir ${basename(at)}`, () => folders.set(at, new Folder()))
      return missing[0]
    },
    async readdir(path) {
      const folder = folders.get(path)
      if (!folder) throw systemError('ENOENT', path)
      return folder.names()
    },
  }

  const filesIn = () =>
    [...folders]
      .flatMap(([path, folder]) =>
        folder.names().map(name => [`${path === '/' ? '' : path}/${name}`, folder.get(name)] as const),
      )
      .flatMap(([path, content]) => (content ? [[path, content] as const] : []))
      .sort(([a], [b]) => (a < b ? -1 : 1))
  const unique = () => Array.from({ length: 12 }, () => dice.roll(16).toString(16)).join('')
  /** The same disk under a new process, its contents as given. */
  const reborn = (entry: (folder: Folder) => Folder) => {
    crashed = true
    return diskOf(new Map([...folders].map(([path, folder]) => [path, entry(folder)])), dice, {})
  }
  return {
    files: filesOver(calls, unique),
    faults,
    trace,
    point: label => point(label, false),
    crashed: () => crashed,
    crash: () => {
      crashed = true
    },
    killProcess: () => reborn(folder => folder),
    losePower: () => {
      const survivors = new Map<Content, Content>()
      return reborn(folder => folder.afterPowerLoss(dice, survivors))
    },
    copy: own => {
      const copies = new Map<Content, Content>()
      const copied = (content: Content) => {
        const copy = copies.get(content) ?? content.copy()
        copies.set(content, copy)
        return copy
      }
      return diskOf(new Map([...folders].map(([path, folder]) => [path, folder.copy(copied)])), own, {})
    },
    paths: () => filesIn().map(([path]) => path),
    contents: () => new Map(filesIn().map(([path, content]) => [path, content.cached])),
    used,
    tamper(path, change) {
      const content = existing(path)
      content.cached = change(content.cached)
      content.durable = content.cached
    },
  }
}

const systemError = (code: string, what: string): Error =>
  withoutStack(() => Object.assign(new Error(`${code}: simulated, ${what}`), { code }))

/** There are thousands of these errors, each is expected, and a stack takes longer than the call that fails. */
function withoutStack<T extends Error>(made: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const error = made()
  Error.stackTraceLimit = stackTraceLimit
  return error
}

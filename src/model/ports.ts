/**
 * What the engine takes from the machine, as arguments: a clock, randomness and a file system. Nothing in the engine reaches
 * for the real ones, so that a simulation can own time, chance and disk.
 */

export interface Clock {
  /** Wall-clock time, for people to read; no decision hangs on it. Milliseconds since 1970. */
  now(): number
  /** Resolves after so many milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

export interface Random {
  /** A random UUID, version 4, in lower case. */
  uuid(): string
}

/** An open file that is only appended to. */
export interface AppendFile {
  /** Appends all of it, or fails; a short write is continued or reported, never ignored. */
  append(bytes: Uint8Array): Promise<void>
  /** Returns once what was appended would survive a loss of power. */
  sync(): Promise<void>
  /** Cuts the file to this many bytes. */
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/**
 * The few file operations that the engine builds on. Missing files are values (`undefined`), every other failure is thrown as
 * Node's own error with its `code` (ENOSPC, EACCES, EIO).
 */
export interface FileSystem {
  /** The whole file, or undefined where there is none. */
  read(path: string): Promise<Uint8Array | undefined>
  /**
   * Replaces the file as a whole: a new file of its own (exclusive, not through a link) with this mode, all bytes written,
   * synced, renamed over the old one, folder synced. After a crash it holds the old bytes or the new ones.
   */
  replace(path: string, bytes: Uint8Array, mode: number): Promise<void>
  /** Opens for appending, made with mode 0600 where missing (and its folder synced). */
  append(path: string): Promise<AppendFile>
  /** Renames within a folder, over what is there, and syncs the folder. */
  rename(from: string, to: string): Promise<void>
  /**
   * Gives a file a second name, which keeps its bytes when the first one is replaced, and syncs the folder of the new name;
   * copies where the file system has no hard links. Nothing happens where the new name is taken.
   */
  link(from: string, to: string): Promise<void>
  /** Removes a file; nothing happens where there is none. Not synced: after a loss of power it may be there again. */
  remove(path: string): Promise<void>
  /** Makes the folder and its parents with mode 0700 where missing. */
  makeFolder(path: string): Promise<void>
  /** Returns once the folder's entries, as they are now, would survive a loss of power. Nothing happens where there is none. */
  syncFolder(path: string): Promise<void>
  /** Names in a folder, sorted; empty where there is none. */
  list(path: string): Promise<string[]>
}

/** The machine as the engine sees it. */
export interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly files: FileSystem
}

/** Reads the files of a stack, within limits. */
import type { Stats } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type ErrorDetails, InfraError, type SourcePlace } from '../model/error.js'
import { plainCause } from '../model/file-error.js'
import { lineAndColumn, type SourceFile } from './documents.js'

/** All files of a stack together, in bytes. 100,000 generated resources take about 30 MB. */
const mostBytes = 64 * 1024 * 1024
const mostFiles = 10_000

export interface StackFiles {
  /** Absolute: the folder that relative paths start from. */
  readonly folder: string
  /** The same as the user wrote it, for names in errors. */
  readonly shown: string
  /** The file's or folder's name without its ending. */
  readonly baseName: string
  readonly files: readonly { readonly file: SourceFile; readonly bytes: Uint8Array }[]
}

/** Files that stand beside a stack and are no part of it. */
const sideFiles = new Set(['infra-policy.yaml', 'infra-drift-ignore.yaml'])

function refuse(details: Omit<ErrorDetails, 'kind'>): InfraError {
  return new InfraError({ kind: 'configuration', ...details })
}

function unreadable(path: string, thrown: unknown, hint: string): InfraError {
  const why = plainCause(thrown)
  return refuse({ code: 'cannot-read', message: `Cannot read ${path}.`, why, hint, cause: thrown })
}

const nameTheStack = 'Name the stack’s file or folder. `infra init` writes a first stack.'
const nameAFile = 'Name a file that is there and that you may read.'

/** The files that make up a stack: one file, or a folder's `*.yaml` and `*.yml` in the order of their names. */
export async function readStackFiles(path: string, signal?: AbortSignal): Promise<StackFiles> {
  const full = resolve(path)
  let stats: Stats
  try {
    stats = await stat(full)
  } catch (thrown) {
    throw unreadable(path, thrown, nameTheStack)
  }
  if (!stats.isDirectory()) {
    const file = await readSource(full, path, mostBytes, signal)
    return {
      folder: dirname(full),
      shown: dirname(path),
      baseName: basename(full).replace(/\.[^.]*$/, ''),
      files: [file],
    }
  }
  const all = await readdir(full).catch(thrown => Promise.reject(unreadable(path, thrown, nameTheStack)))
  const names = all
    .filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.') && !/\.(vars|values)\.ya?ml$/.test(name))
    .filter(name => !sideFiles.has(name))
    .sort()
  if (names.length === 0) {
    throw refuse({
      code: 'empty-stack',
      message:
        path === '.' || path === '' ? 'There is no stack in this folder.' : `There is no stack in ${path}.`,
      why: whyEmpty(all),
      hint: nameTheStack,
    })
  }
  if (names.length > mostFiles) {
    throw refuse({ code: 'too-large', message: `${path} holds more than ${mostFiles} YAML files.` })
  }
  const files: { file: SourceFile; bytes: Uint8Array }[] = []
  let room = mostBytes
  for (const name of names) {
    const read = await readSource(join(full, name), join(path, name), room, signal)
    room -= read.bytes.length
    files.push(read)
  }
  return { folder: full, shown: path, baseName: basename(full), files }
}

/** A folder of files for other stacks is none itself. */
function whyEmpty(names: readonly string[]): string {
  const beside = names.filter(name => sideFiles.has(name))
  if (beside.length === 0) return 'The folder holds no file that ends in .yaml or .yml.'
  return `The folder holds ${beside.join(' and ')}, which stands beside a stack, and no stack.`
}

/** One file of text, refused when it is larger than what is left, not a regular file, or not UTF-8. */
export async function readSource(
  path: string,
  name: string,
  room: number = mostBytes,
  signal?: AbortSignal,
): Promise<{ file: SourceFile; bytes: Uint8Array }> {
  signal?.throwIfAborted()
  const handle = await openRegular(path, name)
  try {
    const { size } = await handle.stat()
    if (size > room) {
      throw refuse({
        code: 'too-large',
        message: `${name} is too large: a stack may have ${mostBytes / 1024 / 1024} MiB of files.`,
        why: `It has ${Math.ceil(size / 1024 / 1024)} MiB.`,
        hint: 'Split it into several stacks, or use forEach for resources that are alike.',
      })
    }
    // One byte more than it should have, so that a file that grows meanwhile is not read without end.
    const buffer = Buffer.allocUnsafe(size + 1)
    let length = 0
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    const bytes = buffer.subarray(0, Math.min(length, size))
    return { file: { name, text: decode(bytes, name) }, bytes }
  } finally {
    await handle.close()
  }
}

async function openRegular(path: string, name: string): ReturnType<typeof open> {
  let handle: Awaited<ReturnType<typeof open>>
  try {
    // Asked first: opening a pipe would wait for a writer.
    if (!(await stat(path)).isFile()) {
      throw refuse({
        code: 'cannot-read',
        message: `Cannot read ${name}.`,
        why: 'It is not a regular file.',
        hint: 'Put a file of text in its place, or name another.',
      })
    }
    handle = await open(path, 'r')
  } catch (thrown) {
    throw thrown instanceof InfraError ? thrown : unreadable(name, thrown, nameAFile)
  }
  return handle
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    throw new InfraError({
      kind: 'validation',
      code: 'not-utf8',
      message: `${name} is not text in UTF-8.`,
      why: utf16 ? 'It seems to be UTF-16.' : 'It holds bytes that are no character in UTF-8.',
      hint: 'Save it as UTF-8.',
      place: invalidPlace(bytes, name),
    })
  }
}

/** Where the first character is that cannot be decoded. */
function invalidPlace(bytes: Uint8Array, file: string): SourcePlace {
  const text = new TextDecoder('utf-8').decode(bytes)
  return { file, ...lineAndColumn(text, Math.max(0, text.indexOf('\ufffd'))) }
}

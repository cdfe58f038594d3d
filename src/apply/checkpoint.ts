/** Checkpoints: the points a stack can be put back to. */
import { join } from 'node:path'
import { InfraError } from '../model/error.js'
import type { FileSystem } from '../model/ports.js'
import { canonicalJson, isObject, type Json } from '../model/value.js'
import type { StateDocument } from '../state/document.js'
import { patch } from '../state/fold.js'
import { integrityFault } from '../state/integrity.js'
import { statePaths } from '../state/paths.js'
import { sealObject, unsealObject } from '../state/sealed.js'
import { storageError } from '../state/storage-error.js'
import type { Checkpoint, Kept } from './record.js'

export interface CheckpointList {
  /** Oldest first. */
  readonly checkpoints: readonly Checkpoint[]
  readonly broken: readonly InfraError[]
}

const validId = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/
/** Files read at once: enough to be fast, few enough not to hold them all in memory. */
const together = 16

/** Writes a checkpoint, over an earlier one of the same id. */
export async function writeCheckpoint(
  files: FileSystem,
  folder: string,
  checkpoint: Checkpoint,
): Promise<void> {
  const path = checkpointPath(folder, checkpoint.id)
  try {
    await files.makeFolder(statePaths(folder).checkpoints)
    await files.replace(path, sealObject(checkpoint), 0o600)
  } catch (error) {
    throw storageError(error, {
      message: `the checkpoint cannot be written to ${path}`,
      hint: 'What was done is in the journal: `infra recover` writes it down later.',
    })
  }
}

/** One checkpoint, verified; undefined where there is none of that id. */
export async function readCheckpoint(
  files: FileSystem,
  folder: string,
  id: string,
): Promise<Checkpoint | undefined> {
  const path = checkpointPath(folder, id)
  let bytes: Uint8Array | undefined
  try {
    bytes = await files.read(path)
  } catch (error) {
    throw storageError(error, { message: `the checkpoint ${path} cannot be read` })
  }
  if (!bytes) return undefined
  const checkpoint = unsealObject(bytes)
  if (!isCheckpoint(checkpoint) || checkpoint.id !== id) throw broken(path)
  return checkpoint
}

/** All checkpoints that can be read, by the serial they lead back to; those that cannot be are told apart. */
export async function listCheckpoints(files: FileSystem, folder: string): Promise<CheckpointList> {
  const names = await listNames(files, folder)
  const checkpoints: Checkpoint[] = []
  const faults: InfraError[] = []
  for (let at = 0; at < names.length; at += together) {
    const part = names.slice(at, at + together).map(id => readCheckpoint(files, folder, id))
    for (const one of await Promise.allSettled(part)) {
      if (one.status === 'fulfilled') checkpoints.push(...(one.value ? [one.value] : []))
      else if (one.reason instanceof InfraError) faults.push(one.reason)
      else throw one.reason
    }
  }
  checkpoints.sort((a, b) => a.before - b.before || a.after - b.after || a.at - b.at)
  return { checkpoints, broken: faults }
}

/** The checkpoint of this name, or of a beginning that no other has. Fails with `no-checkpoint` and `which-checkpoint`. */
export function checkpointNamed(checkpoints: readonly Checkpoint[], name: string): Checkpoint {
  const [found, other] = checkpoints.filter(one => one.id.startsWith(name))
  if (found === undefined) throw unknownCheckpoint(name)
  if (other === undefined) return found
  throw new InfraError({
    kind: 'validation',
    code: 'which-checkpoint',
    message: `several checkpoints begin with ${JSON.stringify(name)}`,
    why: `${found.id} and ${other.id} do`,
    hint: 'Say more of its name: `infra checkpoint ls` lists them.',
  })
}

/** Forgets a checkpoint. What it kept has to be discarded before: nothing else knows of it. */
export async function removeCheckpoint(files: FileSystem, folder: string, id: string): Promise<void> {
  const path = checkpointPath(folder, id)
  try {
    await files.remove(path)
  } catch (error) {
    throw storageError(error, { message: `the checkpoint ${path} cannot be removed` })
  }
}

/**
 * The state as it was before the checkpoint's apply: the patches of it and of all after it put back, newest first. Each must
 * begin where the one before ended; where the state was written in between without a checkpoint, there is no way past it.
 */
export function stateBefore(
  current: StateDocument,
  checkpoints: readonly Checkpoint[],
  id: string,
): StateDocument {
  const wanted = checkpoints.find(checkpoint => checkpoint.id === id)
  if (!wanted) throw unknownCheckpoint(id)
  const bySerial = new Map(checkpoints.map(checkpoint => [checkpoint.after, checkpoint]))
  const patches: Checkpoint['back'][number][] = []
  let serial = current.serial
  while (serial > wanted.before) {
    const next = bySerial.get(serial)
    if (!next || next.lineage !== current.lineage || next.before >= serial) throw noWayBack(wanted, serial)
    for (const one of next.back) patches.push(one)
    serial = next.before
  }
  if (serial !== wanted.before || bySerial.get(wanted.after) !== wanted) throw noWayBack(wanted, serial)
  const former = patched(current, patches)
  if (!former || integrityFault(former)) throw noWayBack(wanted, wanted.before)
  return former
}

/** Undefined where the patches do not fit the document: somebody else wrote them. */
function patched(document: StateDocument, patches: Checkpoint['back']): StateDocument | undefined {
  try {
    return patch(document, patches)
  } catch {
    return undefined
  }
}

/** Takes tokens out of all checkpoints: what they kept is back in use. */
export async function takeOutRestored(
  files: FileSystem,
  folder: string,
  tokens: readonly Json[],
): Promise<void> {
  if (tokens.length === 0) return
  const restored = new Set(tokens.map(canonicalJson))
  for (const id of await listNames(files, folder)) {
    const checkpoint = await readCheckpoint(files, folder, id).catch(ignoreBroken)
    const kept = checkpoint?.kept.filter(one => !restored.has(canonicalJson(one.token)))
    if (checkpoint && kept && kept.length < checkpoint.kept.length) {
      await writeCheckpoint(files, folder, { ...checkpoint, kept })
    }
  }
}

async function listNames(files: FileSystem, folder: string): Promise<readonly string[]> {
  const { checkpoints } = statePaths(folder)
  try {
    const names = await files.list(checkpoints)
    return names
      .filter(name => name.endsWith('.json'))
      .map(name => name.slice(0, -'.json'.length))
      .filter(id => validId.test(id))
  } catch (error) {
    throw storageError(error, { message: `the checkpoints in ${checkpoints} cannot be listed` })
  }
}

/** A broken checkpoint is told of where checkpoints are listed; it does not stop an apply from ending. */
function ignoreBroken(error: unknown): undefined {
  if (error instanceof InfraError && error.code === 'checkpoint-broken') return undefined
  throw error
}

function checkpointPath(folder: string, id: string): string {
  if (!validId.test(id)) throw unknownCheckpoint(id)
  return join(statePaths(folder).checkpoints, `${id}.json`)
}

function isCheckpoint(value: unknown): value is Checkpoint {
  const one = value as Partial<Checkpoint> | null | undefined
  return (
    typeof one === 'object' &&
    one?.format === 1 &&
    typeof one.id === 'string' &&
    typeof one.lineage === 'string' &&
    Number.isSafeInteger(one.before) &&
    Number.isSafeInteger(one.after) &&
    Number.isFinite(one.at) &&
    typeof one.command === 'string' &&
    typeof one.summary === 'string' &&
    Array.isArray(one.back) &&
    one.back.every(isPatch) &&
    Array.isArray(one.kept) &&
    one.kept.every(isKept)
  )
}

function isPatch(value: unknown): boolean {
  const one = value as Partial<Checkpoint['back'][number]> | null
  return (
    typeof one === 'object' &&
    ['replace', 'remove', 'add'].includes(one?.op ?? '') &&
    Array.isArray(one?.path) &&
    one.path.every(part => typeof part === 'string' || typeof part === 'number')
  )
}

function isKept(value: unknown): boolean {
  const one = value as Partial<Kept> | null
  if (typeof one !== 'object' || one === null || one.token === undefined) return false
  const { address, kind, name, connection, identity, spec } = one
  if (spec !== undefined && !isObject(spec)) return false
  const texts = [address, kind, name, connection, ...Object.values(identity ?? { none: 0 })]
  return texts.every(text => typeof text === 'string')
}

function broken(path: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'checkpoint-broken',
    message: `the checkpoint ${path} is broken`,
    why: 'it is not what was written: it was cut, overwritten, edited by hand, or written by a newer version of infra',
    hint: 'Put the file back from a backup. Points before it cannot be gone back to without it.',
  })
}

function unknownCheckpoint(id: string): InfraError {
  return new InfraError({
    kind: 'validation',
    code: 'no-checkpoint',
    message: `there is no checkpoint ${JSON.stringify(id)}`,
    hint: '`infra checkpoint ls` lists them.',
  })
}

function noWayBack(wanted: Checkpoint, serial: number): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'no-way-back',
    message: `the state cannot be put back to checkpoint ${wanted.id}`,
    why: `the state of serial ${serial} was written without a checkpoint, or its checkpoint is gone or does not fit`,
    hint: '`infra checkpoint ls` lists those that can be gone back to.',
  })
}

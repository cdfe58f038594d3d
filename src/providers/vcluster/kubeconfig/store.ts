/**
 * Kubeconfigs on this machine: a folder of mode 0700, files of mode 0600, written whole; encrypted where the stack names a
 * recipient. With each goes a note of when it was fetched and until when it serves, without a secret in it: as the first line,
 * or beside a file that is encrypted.
 */
import { dirname, isAbsolute, resolve } from 'node:path'
import type { Clock, FileSystem } from '../../../model/ports.js'
import { type Attributes, isObject } from '../../../model/value.js'
import { credentialsEnd, serverOf } from './content.js'

/** What is known of a stored kubeconfig without opening it. */
export interface Note {
  readonly server: string
  /** Milliseconds since 1970. */
  readonly fetched: number
  /** Until when it serves: an hour, or less where its certificate or token ends earlier. */
  readonly until: number
  readonly encrypted: boolean
  /** Which cluster it is of: the uid of its workload. */
  readonly of: string
}

export interface StorePlace {
  /** Absolute. */
  readonly path: string
  readonly recipient?: string
}

const hour = 3_600_000
/** Begins the first line of a file that is not encrypted: the note follows. */
const mark = '# infra: '

/** Where a cluster's kubeconfig is kept. */
export function placeOfKubeconfig(
  spec: Attributes,
  namespace: string,
  name: string,
  folders: { readonly stack: string; readonly own: string },
): StorePlace {
  const wanted = isObject(spec.kubeconfig) ? spec.kubeconfig : {}
  const path =
    typeof wanted.path === 'string'
      ? isAbsolute(wanted.path)
        ? wanted.path
        : resolve(folders.stack, wanted.path)
      : resolve(folders.own, `${namespace}.${name}.yaml`)
  return { path, ...(typeof wanted.recipient === 'string' && { recipient: wanted.recipient }) }
}

/** Writes a kubeconfig whole, sealed where the place has a recipient, and a note on how long it may be used beside it. */
export async function writeKubeconfig(
  files: FileSystem,
  clock: Clock,
  place: StorePlace,
  text: string,
  of: string,
): Promise<Note> {
  await files.makeFolder(dirname(place.path))
  const now = clock.now()
  const note: Note = {
    server: serverOf(text) ?? '',
    fetched: now,
    until: Math.min(now + hour, credentialsEnd(text) ?? Number.POSITIVE_INFINITY),
    encrypted: place.recipient !== undefined,
    of,
  }
  const words = JSON.stringify(note)
  if (place.recipient === undefined) {
    await files.replace(place.path, Buffer.from(`${mark}${words}\n${text}`), 0o600)
    await files.remove(notePath(place.path))
  } else {
    await files.replace(place.path, Buffer.from(await sealed(text, place.recipient)), 0o600)
    await files.replace(notePath(place.path), Buffer.from(words), 0o600)
  }
  return note
}

/** A stored kubeconfig of this cluster: its note, and its text where that is not encrypted and still serves. */
export async function readStored(
  files: FileSystem,
  clock: Clock,
  place: StorePlace,
  of: string,
  ahead: Promise<Uint8Array | undefined> = files.read(place.path),
): Promise<{ readonly note?: Note; readonly text?: string }> {
  const file = await ahead
  if (file === undefined) return {}
  const whole = Buffer.from(file).toString('utf8')
  const plain = whole.startsWith(mark)
  const end = whole.indexOf('\n')
  const words = plain
    ? whole.slice(mark.length, end)
    : Buffer.from((await files.read(notePath(place.path))) ?? []).toString('utf8')
  const note = parseNote(words)
  if (note?.of !== of || note.encrypted !== (place.recipient !== undefined)) return {}
  const now = clock.now()
  const serves = plain && note.until > now && note.fetched <= now
  return { note, ...(serves && { text: whole.slice(end + 1) }) }
}

function parseNote(words: string): Note | undefined {
  try {
    return JSON.parse(words) as Note
  } catch {
    // the kubeconfig is written anew then
    return undefined
  }
}

/** Removes it with its note; nothing happens where there is none. */
export async function removeKubeconfig(files: FileSystem, place: StorePlace): Promise<void> {
  await files.remove(place.path)
  await files.remove(notePath(place.path))
}

function notePath(path: string): string {
  return `${path}.note`
}

async function sealed(text: string, recipient: string): Promise<string> {
  // Loaded where a recipient is named: its ciphers are a large part of all that virtual clusters load
  const { armor, Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return armor.encode(await encrypter.encrypt(text))
}

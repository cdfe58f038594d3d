/** What a cluster's daemons offer, as they describe it themselves. */
import type { CephVersion } from './connection.js'
import { CephError } from './error.js'

/** Command words without their blanks → names of its arguments; `*` where they cannot be told. */
export type Offers = ReadonlyMap<string, ReadonlySet<string>>

const plain = (name: string) => name.replaceAll('-', '_')
const keyOf = (prefix: string) => prefix.replaceAll(' ', '')

function gather(commands: Iterable<readonly [prefix: string, names: readonly string[]]>): Offers {
  const offers = new Map<string, Set<string>>()
  for (const [prefix, names] of commands) {
    const known = offers.get(keyOf(prefix)) ?? new Set<string>()
    for (const name of names) known.add(plain(name))
    offers.set(keyOf(prefix), known)
  }
  return offers
}

/** Reads the answer to `get_command_descriptions`: `{ cmd001: { sig: ['osd', 'pool', { name: 'pool' }] } }`. */
export function readDescriptions(answer: string): Offers {
  return gather(
    described(answer).map(({ sig }) => [
      sig.filter(part => typeof part === 'string').join(' '),
      sig.map(argumentName).filter(name => name !== undefined),
    ]),
  )
}

type Described = { readonly sig: readonly unknown[] }

function argumentName(part: unknown): string | undefined {
  if (typeof part !== 'object' || part === null || !('name' in part)) return undefined
  return typeof part.name === 'string' ? part.name : undefined
}

function described(answer: string): Described[] {
  try {
    const all: unknown[] = Object.values(JSON.parse(answer))
    const fit = all.filter((one): one is Described => Array.isArray((one as Partial<Described> | null)?.sig))
    if (fit.length > 0) return fit
  } catch {
    // Told below.
  }
  throw new CephError(
    'get_command_descriptions',
    5,
    `the answer describes no commands: ${answer.slice(0, 200)}`,
  )
}

/**
 * Reads `ceph --help`, all that the ceph client tells of the same: a column of 40 characters, wrapped anywhere, before the
 * explanations. A choice of words has no name there.
 */
export function readHelp(text: string): Offers {
  const entries: string[] = []
  for (const line of text.slice(text.indexOf('Monitor commands')).split('\n')) {
    const left = line.slice(0, 40).trimEnd()
    if (/^[a-z]/.test(left)) entries.push(left)
    else if (/^ \S/.test(left) && entries.length > 0) entries.push(`${entries.pop()}${left.slice(1)}`)
  }
  return gather(
    entries.map(entry => {
      const names = [...entry.matchAll(/<([\w-]+)|\[--([\w-]+)/g)].map(match => match[1] ?? match[2] ?? '')
      return [/^[^<[|]*/.exec(entry)?.[0].trim() ?? '', entry.includes('|') ? [...names, '*'] : names]
    }),
  )
}

/** Whether the command, and the argument, are among the offers. Argument names are compared with `-` as `_`. */
export function isOffered(offers: Offers, prefix: string, argument?: string): boolean {
  const names = offers.get(keyOf(prefix))
  if (names === undefined) return false
  return argument === undefined || names.has('*') || names.has(plain(argument))
}

/** `ceph version 16.2.15 (618f…) pacific (stable)`. */
export function readVersion(text: string): CephVersion {
  const match = /ceph version (\d+)\.(\d+)\.(\d+)\S*(?: \([0-9a-f]+\))?(?: (\w+))?/.exec(text)
  if (!match) return { major: 0, minor: 0, patch: 0, text: text.trim() || 'of unknown version' }
  const [major = 0, minor = 0, patch = 0] = match.slice(1, 4).map(Number)
  return { major, minor, patch, text: `${major}.${minor}.${patch}${match[4] ? ` ${match[4]}` : ''}` }
}

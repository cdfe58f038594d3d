/** The owner's tag on an object: its stack's lineage, its address, and the UUID that was chosen for it. */
import type { Json } from '../../model/value.js'
import type { Identity, Owner } from '../provider.js'

/** Lower case: the manager lower-cases keys of a volume's metadata. */
export const ownerKey = 'infra.owner'

/** Names of what infra keeps begin so; they are not listed as unmanaged. */
export const keptPrefix = 'infra-kept-'

/** The name under which a pool is kept. `trash` has no `-` in it. */
export const keptName = (trash: string, name: string) => `${keptPrefix}${trash}-${name}`

/** The name that a pool had before it was kept; its name where it is not. */
export const nameBefore = (name: string) => name.replace(new RegExp(`^${keptPrefix}[^-]+-`), '')

/** The ceph client lets only letters, digits and `-=.` into a pool's metadata: anything else is written as `=2F`. */
function encode(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map(byte => {
      const character = String.fromCharCode(byte)
      return /[A-Za-z0-9.-]/.test(character)
        ? character
        : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

function decode(text: string): string {
  const bytes = text.replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

export function ownerTag(owner: Owner, identity: Identity): string {
  return encode([owner.lineage, owner.address, identity.uuid ?? '-'].join(' '))
}

/** Owner and UUID of a tag; nothing of a text that is none. */
export function readTag(tag: string | undefined): { readonly owner?: Owner; readonly identity: Identity } {
  const [lineage, address, uuid] = tag === undefined ? [] : decode(tag).split(' ')
  if (!lineage || !address) return { identity: {} }
  return { owner: { lineage, address }, identity: uuid && uuid !== '-' ? { uuid } : {} }
}

/** What infra has noted as JSON in an object's metadata; undefined where that is none: anybody can write there. */
export function noted(text: string | undefined): Json | undefined {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

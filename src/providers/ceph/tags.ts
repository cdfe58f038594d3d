/** The owner's tag on an object: its stack's lineage, its address, and the UUID that was chosen for it. */
import type { Identity, Owner } from '../provider.js'

/** Lower case: the manager lower-cases keys of a volume's metadata. */
export const ownerKey = 'infra.owner'

/** Names of what infra keeps begin so; they are not listed as unmanaged. */
export const keptPrefix = 'infra-kept-'

export function ownerTag(owner: Owner, identity: Identity): string {
  return [owner.lineage, owner.address, identity.uuid ?? '-'].join(' ')
}

/** Owner and UUID of a tag; nothing of a text that is none. */
export function readTag(tag: string | undefined): { readonly owner?: Owner; readonly identity: Identity } {
  const [lineage, address, uuid] = tag?.split(' ') ?? []
  if (!lineage || !address) return { identity: {} }
  return { owner: { lineage, address }, identity: uuid && uuid !== '-' ? { uuid } : {} }
}

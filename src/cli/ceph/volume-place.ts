/** Which volume is meant. */
import { InfraError } from '../../model/error.js'
import { type VolumeView, volumeViews } from '../../providers/ceph/acts/index.js'
import type { Cluster } from './cluster-command.js'

export interface VolumePlace {
  readonly filesystem: string
  readonly group: string | undefined
  readonly volume: string
}

/** The place of `files/home`, `files/team/home`, or of `home` where no other volume is called so. */
export async function findVolume(
  cluster: Cluster,
  text: string,
  options: { readonly signal: AbortSignal },
): Promise<VolumePlace> {
  const parts = text.split('/')
  if (parts.some(part => part === '') || parts.length > 3) throw invalid(text)
  const [first = '', second, third] = parts
  if (third !== undefined) return { filesystem: first, group: second, volume: third }
  if (second !== undefined) return { filesystem: first, group: undefined, volume: second }
  const found = (await volumeViews(cluster, {}, options)).filter(view => view.name === first)
  const [one, other] = found
  if (one !== undefined && other === undefined)
    return { filesystem: one.filesystem, group: one.group, volume: one.name }
  throw new InfraError({
    kind: 'operation',
    code: one === undefined ? 'ceph-no-volume' : 'which-volume',
    message: one === undefined ? `there is no volume ${first}` : `there are ${found.length} volumes ${first}`,
    hint:
      one === undefined
        ? '`infra volume list` shows what there is.'
        : `Say which: ${found.map(placeText).join(', ')}.`,
  })
}

/** `files/team/home`. */
export function placeText(view: Pick<VolumeView, 'filesystem' | 'group' | 'name'>): string {
  return [view.filesystem, view.group, view.name].filter(part => part !== undefined).join('/')
}

/** What is to be said where a stack declares what was changed by hand. */
export function ownerRemark(view: VolumeView): string {
  return view.owner === undefined
    ? ''
    : `It is ${view.owner.address} of a stack: change its document, too, or the next apply puts it back.\n`
}

function invalid(text: string): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'invalid-volume',
    message: `“${text}” names no volume`,
    hint: 'Say FILESYSTEM/VOLUME, FILESYSTEM/GROUP/VOLUME, or a name alone.',
  })
}

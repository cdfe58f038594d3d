/**
 * What infra writes on real objects: labels to find its own by, annotations to know whose they are and until when they
 * live. They are on the namespace, where infra made it, and on the StatefulSet (or Deployment); helm keeps both.
 */
import { createHash } from 'node:crypto'
import { type Attributes, canonicalJson } from '../../model/value.js'
import type { Owner } from '../provider.js'
import type { KubeObject } from './client/objects.js'
import { lower } from './kinds/shortcuts.js'

export const marks = {
  /** Label: the lineage of the state that owns it. */
  lineage: 'infra/lineage',
  /** Label on a release: a digest of chart and values, by which a revision to go back to is found. */
  digest: 'infra/digest',
  /** Label on a release: a digest of the address, which itself is no label's value. */
  addressDigest: 'infra/address-digest',
  /** Label on a kept volume. */
  kept: 'infra/kept',
  address: 'infra/address',
  identity: 'infra/identity',
  ttl: 'infra/ttl',
  expiresAt: 'infra/expires-at',
  /** JSON: what the last change left behind, to see at a glance that nothing moved since. */
  applied: 'infra/applied',
  /** JSON: the names of the labels that the stack put there. */
  labels: 'infra/labels',
  /** On a namespace that infra made. */
  made: 'infra/made',
} as const

/** Annotations and labels of the vcluster tool's own. */
export const paused = {
  flag: 'loft.sh/paused',
  replicas: 'loft.sh/paused-replicas',
  date: 'loft.sh/paused-date',
} as const

/** What the last change left behind. */
export interface Applied {
  /** Digest of chart and values as they were given. */
  readonly digest: string
  /** The chart's own digest of all values, on the pod's template. */
  readonly hash: string
  readonly revision: number
  /** `Kind/name` → generation or resource version. */
  readonly objects: Readonly<Record<string, string>>
  /** Whether it was once seen ready and answering; absent of one that was taken over without that. */
  readonly proven?: boolean
}

/** Whose an object is, or undefined where it carries no mark of infra. */
export function ownerOf(object: KubeObject | undefined): Owner | undefined {
  const lineage = object?.metadata.labels?.[marks.lineage]
  const address = object?.metadata.annotations?.[marks.address]
  return lineage === undefined || address === undefined ? undefined : { lineage, address }
}

/** What the last change recorded on the workload; undefined where there is none, or where a hand broke it. */
export function appliedOf(object: KubeObject | undefined): Applied | undefined {
  return parse(object?.metadata.annotations?.[marks.applied]) as Applied | undefined
}

/** The names of labels that an earlier change put on the object. */
export function labelNames(object: KubeObject | undefined): readonly string[] {
  const names = parse(object?.metadata.annotations?.[marks.labels])
  return Array.isArray(names) ? names.filter(name => typeof name === 'string') : []
}

/** How many replicas a paused workload had; one where that is not told, or a hand broke it. */
export function replicasBefore(object: KubeObject): number {
  const count = Number(object.metadata.annotations?.[paused.replicas])
  return Number.isInteger(count) && count > 0 ? count : 1
}

/** The labels of a release: whose it is is known before any of its objects could be marked. */
export function releaseLabels(owner: Owner, digest: string): Record<string, string> {
  return {
    [marks.lineage]: owner.lineage,
    [marks.addressDigest]: addressDigest(owner.address),
    [marks.digest]: digest,
  }
}

/** Whose a release is, if it is that of this address. */
export function releaseOwner(
  labels: Readonly<Record<string, string>> | undefined,
  address: string,
): Owner | undefined {
  const lineage = labels?.[marks.lineage]
  return lineage !== undefined && labels?.[marks.addressDigest] === addressDigest(address)
    ? { lineage, address }
    : undefined
}

function addressDigest(address: string): string {
  return createHash('sha256').update(address).digest('hex').slice(0, 40)
}

/** The same for the same chart and values; fits into a label. */
export function digestOf(spec: Attributes): string {
  return createHash('sha256')
    .update(canonicalJson({ chart: spec.chart ?? null, values: lower(spec) }))
    .digest('hex')
    .slice(0, 40)
}

/** Undefined for a mark that somebody else wrote or broke. */
function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    // somebody else wrote it
    return undefined
  }
}

/** What resources need of a Ceph that not every version offers. */
import { InfraError } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import type { Target } from '../provider.js'
import type { CephConnection } from './client/connection.js'

interface Need {
  readonly prefix: string
  readonly argument?: string
  /** Completes the sentence: "… is needed for bulk". */
  readonly purpose: string
}

const needsOf: Readonly<Record<string, (spec: Attributes) => readonly (Need | false)[]>> = {
  CephPool: ({ bulk, pgNumMax, autoscale }) => [
    bulk === true && { prefix: 'osd pool create', argument: 'bulk', purpose: 'bulk' },
    pgNumMax !== undefined && { prefix: 'osd pool create', argument: 'pg_num_max', purpose: 'pgNumMax' },
    autoscale !== undefined && {
      prefix: 'osd pool create',
      argument: 'autoscale_mode',
      purpose: 'autoscale',
    },
  ],
  CephSubvolumeGroup: ({ size }) => [
    typeof size === 'number' && {
      prefix: 'fs subvolumegroup create',
      argument: 'size',
      purpose: 'a group’s size',
    },
  ],
  CephVolume: ({ isolatedNamespace }) => [
    isolatedNamespace === true && {
      prefix: 'fs subvolume create',
      argument: 'namespace_isolated',
      purpose: 'isolatedNamespace',
    },
  ],
  CephSnapshot: ({ retention }) => [
    retention !== undefined && {
      prefix: 'fs subvolume snapshot metadata set',
      purpose: 'a snapshot’s retention',
    },
  ],
}

/** What this Ceph lacks of what a resource asks for, an error each. */
export function notOffered(connection: CephConnection, { kind, spec }: Target): InfraError[] {
  const needs = needsOf[kind]?.(spec) ?? []
  return needs.flatMap(need => {
    if (need === false || connection.offers(need.prefix, need.argument)) return []
    const { prefix, argument, purpose } = need
    return [notThere(connection, prefix, argument, purpose)]
  })
}

/** Fails before anything is done where this Ceph lacks what the resource asks for. */
export function requireOffered(connection: CephConnection, target: Target): void {
  const [first] = notOffered(connection, target)
  if (first) throw first
}

/** Fails before anything is done where the cluster lacks a command or one of its arguments. */
export function needs(
  connection: CephConnection,
  prefix: string,
  argument: string | undefined,
  purpose: string,
): void {
  if (!connection.offers(prefix, argument)) throw notThere(connection, prefix, argument, purpose)
}

function notThere(
  { version }: CephConnection,
  prefix: string,
  argument: string | undefined,
  purpose: string,
): InfraError {
  const what = `\`${prefix}\`${argument ? ` with ${argument}` : ''}`
  return new InfraError({
    kind: 'validation',
    code: 'ceph-not-offered',
    message: `this Ceph (${version.text}) does not offer ${what}, which is needed for ${purpose}`,
    hint: 'Leave the field out, or upgrade the cluster.',
  })
}

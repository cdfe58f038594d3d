/** Pools as they are. */
import type { Attributes, Json } from '../../../model/value.js'
import type { Observation, Target } from '../../provider.js'
import { type Ceph, monData } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import type { Seen } from '../handler.js'
import { fields, present, text } from '../kinds/values.js'
import { ownerKey, readTag } from '../tags.js'

/** One pool of `osd pool ls detail`, as far as it is used. */
export interface PoolJson {
  readonly pool_id: number
  readonly pool_name: string
  readonly type: number
  readonly size: number
  readonly min_size: number
  readonly crush_rule: number
  readonly flags_names: string
  readonly pg_num: number
  readonly pg_num_target?: number
  readonly pg_autoscale_mode: 'on' | 'off' | 'warn'
  readonly quota_max_bytes: number
  readonly quota_max_objects: number
  readonly erasure_code_profile: string
  readonly options: Readonly<Record<string, number | string>>
  readonly application_metadata: Readonly<Record<string, Readonly<Record<string, string>>>>
}

interface RuleJson {
  readonly rule_id: number
  readonly rule_name: string
  readonly steps: readonly { readonly op: string; readonly item_name?: string; readonly type?: string }[]
}

/** Every pool of the cluster, in one call. */
export function listPools(ceph: Ceph, options: CallOptions): Promise<PoolJson[]> {
  return monData(ceph, { prefix: 'osd pool ls', detail: 'detail' }, options)
}

/** Pools, rules and profiles, in as many calls as there are profiles and two more. */
export async function readPools(ceph: Ceph, options: CallOptions) {
  const [pools, rules] = await Promise.all([
    listPools(ceph, options),
    monData<RuleJson[]>(ceph, { prefix: 'osd crush rule dump' }, options),
  ])
  const names = [...new Set(pools.map(pool => pool.erasure_code_profile).filter(name => name !== ''))]
  const profiles = new Map(
    await Promise.all(
      names.map(async name => {
        const prefix = 'osd erasure-code-profile get'
        return [name, await monData<Record<string, string>>(ceph, { prefix, name }, options)] as const
      }),
    ),
  )
  return { pools, rules: new Map(rules.map(rule => [rule.rule_id, rule])), profiles }
}

type Read = Awaited<ReturnType<typeof readPools>>

export const flags = (pool: PoolJson) => pool.flags_names.split(',')

/** The application that a pool is for; the wanted one where it has several. */
export function applicationOf(pool: PoolJson, wanted: string | undefined): string | undefined {
  const names = Object.keys(pool.application_metadata)
  return wanted !== undefined && names.includes(wanted) ? wanted : names[0]
}

/** The owner's tag, whichever application holds it. */
export function poolTag(pool: PoolJson): string | undefined {
  return Object.values(pool.application_metadata)
    .map(values => values[ownerKey])
    .find(tag => tag !== undefined)
}

/** Where a rule places copies: `take default~ssd`, `chooseleaf … type host`. */
export function placementOf(rule: RuleJson | undefined): Attributes {
  const taken = rule?.steps.find(step => step.op === 'take')?.item_name
  const choice = rule?.steps.find(step => step.op.startsWith('choose'))?.type
  return present({ failureDomain: choice, deviceClass: taken?.split('~')[1] })
}

function erasureOf(pool: PoolJson, read: Read): Json | undefined {
  const profile = read.profiles.get(pool.erasure_code_profile)
  if (profile === undefined) return undefined
  return present({
    dataChunks: Number(profile.k),
    codingChunks: Number(profile.m),
    plugin: profile.plugin,
    failureDomain: profile['crush-failure-domain'],
    deviceClass: profile['crush-device-class'] || undefined,
    overwrites: flags(pool).includes('ec_overwrites'),
  })
}

/** A pool's attributes, canonical. */
export function poolSpec(pool: PoolJson, read: Read, wanted: Attributes): Attributes {
  const { options } = pool
  const rule = read.rules.get(pool.crush_rule)
  const replicated = pool.type === 1
  return present({
    type: replicated ? 'replicated' : 'erasure',
    ...(replicated && { size: pool.size, ...placementOf(rule) }),
    minSize: pool.min_size,
    erasure: erasureOf(pool, read),
    autoscale: pool.pg_autoscale_mode,
    pgNum: pool.pg_num_target ?? pool.pg_num,
    pgNumMin: options.pg_num_min,
    pgNumMax: options.pg_num_max,
    bulk: flags(pool).includes('bulk'),
    targetSizeRatio: options.target_size_ratio,
    targetSize: options.target_size_bytes,
    application: applicationOf(pool, text(wanted.application)) ?? '',
    quota: { maxBytes: pool.quota_max_bytes, maxObjects: pool.quota_max_objects },
    compression: present({
      mode: options.compression_mode ?? 'none',
      algorithm: options.compression_algorithm,
      requiredRatio: options.compression_required_ratio,
    }),
    crushRule: rule?.rule_name,
    nodelete: flags(pool).includes('nodelete'),
  })
}

/** What people should hear of a pool. */
function remarkOf(pool: PoolJson): string | undefined {
  if (flags(pool).includes('full_quota')) return 'its quota is reached: writes fail'
  if (flags(pool).includes('full')) return 'it is full: writes fail'
  const target = pool.pg_num_target ?? pool.pg_num
  return target === pool.pg_num ? undefined : `on its way from ${pool.pg_num} to ${target} placement groups`
}

export async function observePools(
  ceph: Ceph,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Seen> {
  const read = await readPools(ceph, { signal })
  const byName = new Map(read.pools.map(pool => [pool.pool_name, pool]))
  return new Map(
    targets.map(target => {
      const pool = byName.get(target.name)
      return [target.address, pool ? seenPool(pool, read, target) : { status: 'absent' as const }]
    }),
  )
}

function seenPool(pool: PoolJson, read: Read, target: Target): Observation {
  const { owner, identity } = readTag(poolTag(pool))
  const remark = remarkOf(pool)
  return {
    status: 'present',
    identity: { ...identity, id: String(pool.pool_id) },
    ...(owner && { owner }),
    spec: poolSpec(pool, read, fields(target.spec)),
    facts: { id: pool.pool_id, name: pool.pool_name },
    ...(remark !== undefined && { remark }),
  }
}

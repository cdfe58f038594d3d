/** Making pools and bringing them to what is declared. */
import { InfraError } from '../../../model/error.js'
import { type Attributes, type Json, sameValue } from '../../../model/value.js'
import type { Call, CreateRequest, Target, UpdateRequest } from '../../provider.js'
import { type Ceph, inLanes, monData, tell } from '../ask.js'
import type { CallOptions, CephCommand } from '../client/connection.js'
import { fields, number, present, text } from '../kinds/values.js'
import { requireOffered } from '../offered.js'
import { lost, mayFinish } from '../refuse.js'
import { ownerKey, ownerTag, readTag } from '../tags.js'
import { listPools, type PoolJson, poolSpec, poolTag, readPools } from './read.js'
import { keptPool, unmarkPool } from './remove.js'

export async function createPool(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  requireOffered(ceph.connection, request)
  if (request.restore !== undefined) await restore(ceph, request, request.restore, options)
  // A monitor's client repeats a command whose answer was lost, and is told that the pool exists: that may be the one just made
  const made = (await mayBeFinished(ceph, request, options)) || (await make(ceph, request, options))
  if (!made && !(await mayBeFinished(ceph, request, options))) throw gone(request.name)
  await bring(ceph, request, ownerTag(request.owner, request.identity), undefined, options)
}

/** Whether the pool is there; fails where it is not one that may be finished. */
async function mayBeFinished(ceph: Ceph, request: CreateRequest, options: CallOptions): Promise<boolean> {
  const read = await readPools(ceph, options)
  const found = read.pools.find(pool => pool.pool_name === request.name)
  if (!found) return false
  // Only what cannot be changed later must be as declared: the rest is brought to it
  const seen = poolSpec(found, read, request.spec)
  const { overwrites } = fields(request.spec.erasure)
  const spec = present({
    type: seen.type,
    erasure: seen.erasure && present(fields(seen.erasure), { overwrites }),
  })
  const { owner } = readTag(poolTag(found))
  mayFinish({ status: 'present', identity: {}, spec, facts: {}, ...(owner && { owner }) }, request, [
    'type',
    'erasure',
  ])
  return true
}

export async function updatePool(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void> {
  requireOffered(ceph.connection, request)
  const { owner, identity, from } = request
  await bring(ceph, request, ownerTag(owner, identity), text(from.application), { signal: call.signal })
}

/** Makes the pool; false where Ceph says that it exists. Nothing is done before it is known that all of it can be. */
async function make(ceph: Ceph, request: CreateRequest, options: CallOptions): Promise<boolean> {
  const { spec, name: pool } = request
  const erasure = spec.type === 'erasure'
  const profile = erasure ? await ensureProfile(ceph, request, options) : undefined
  const rule =
    profile === undefined
      ? await ensureRule(ceph, spec, options)
      : (text(spec.crushRule) ?? (await ensureErasureRule(ceph, profile, options)))
  const size = number(spec.size)
  const command: CephCommand = {
    prefix: 'osd pool create',
    pool,
    ...(number(spec.pgNum) !== undefined && { pg_num: spec.pgNum ?? null }),
    pool_type: erasure ? 'erasure' : 'replicated',
    ...(profile !== undefined && { erasure_code_profile: profile }),
    ...(rule !== undefined && { rule }),
    // A single copy needs a word of assent that this command does not take
    ...(!erasure && size !== undefined && size > 1 && { size }),
    autoscale_mode: spec.autoscale ?? 'on',
    ...(spec.bulk === true && { bulk: true }),
  }
  const { status } = await ceph.connection.mon(command, options)
  return !/already exists/.test(status)
}

/**
 * The pool's own erasure-code profile. What it says is in its name: the one of a deleted pool of the same name, which is
 * kept, may say something else, and stays.
 */
async function ensureProfile(ceph: Ceph, request: Target, options: CallOptions): Promise<string> {
  const { plugin, dataChunks, codingChunks, failureDomain, deviceClass } = fields(request.spec.erasure)
  const device = text(deviceClass)
  const profile = [
    `plugin=${plugin}`,
    `k=${dataChunks}`,
    `m=${codingChunks}`,
    `crush-failure-domain=${failureDomain}`,
    ...(device === undefined ? [] : [`crush-device-class=${device}`]),
  ]
  const told = [plugin, dataChunks, codingChunks, failureDomain, ...(device === undefined ? [] : [device])]
  const name = `infra-${request.name}-${told.join('-')}`
  await tell(ceph, { prefix: 'osd erasure-code-profile set', name, profile }, options)
  return name
}

/** The rule that goes with a profile. Ceph itself would take one of the pool's name, whatever that one says. */
async function ensureErasureRule(ceph: Ceph, profile: string, options: CallOptions): Promise<string> {
  await tell(ceph, { prefix: 'osd crush rule create-erasure', name: profile, profile }, options)
  return profile
}

/** The rule that places a replicated pool as declared; made where failureDomain or deviceClass ask for one. */
async function ensureRule(ceph: Ceph, spec: Attributes, options: CallOptions): Promise<string | undefined> {
  if (typeof spec.crushRule === 'string') return spec.crushRule
  const domain = text(spec.failureDomain)
  const device = text(spec.deviceClass)
  if (domain === undefined && device === undefined) return undefined
  const type = domain ?? 'host'
  const name = ['infra', type, ...(device === undefined ? [] : [device])].join('-')
  const prefix = 'osd crush rule create-replicated'
  await tell(ceph, { prefix, name, root: 'default', type, ...(device && { class: device }) }, options)
  // Ceph takes "exists already" for success, whatever is in it
  type Rule = {
    readonly steps: readonly { readonly op: string; readonly type?: string; readonly item_name?: string }[]
  }
  const rule = await monData<Rule>(ceph, { prefix: 'osd crush rule dump', name }, options)
  const taken = rule.steps.find(step => step.op === 'take')?.item_name
  const chosen = rule.steps.find(step => step.op.startsWith('choose'))?.type
  if (chosen === type && taken?.split('~')[1] === device) return name
  throw new InfraError({
    kind: 'operation',
    code: 'ceph-exists',
    message: `the CRUSH rule ${name} exists already and places otherwise`,
    why: `it takes ${taken} and chooses by ${chosen}`,
    hint: 'Name a rule of your own with crushRule.',
  })
}

/**
 * Sets what differs from what is declared, and the tag. What is not declared stays as it is, applications that a file system
 * or somebody else has added, too: `former` is the one that the declared one takes the place of.
 */
async function bring(
  ceph: Ceph,
  target: Target,
  tag: string,
  former: string | undefined,
  options: CallOptions,
): Promise<void> {
  const { name: pool, spec } = target
  const read = await readPools(ceph, options)
  const found = read.pools.find(one => one.pool_name === pool)
  if (!found) throw gone(pool)
  const now = poolSpec(found, read, spec)
  const rule = await neededRule(ceph, spec, now, options)
  const set = (variable: string, value: Json | undefined): CephCommand => ({
    prefix: 'osd pool set',
    pool,
    var: variable,
    val: String(value),
  })
  /** One command, where the declared value is another than the one that is there. */
  const differing = (field: string, variable: string, write: (value: Json) => Json = value => value) => {
    const wanted = spec[field]
    return wanted === undefined || sameValue(wanted, now[field]) ? [] : [set(variable, write(wanted))]
  }
  const application = text(spec.application)
  const lanes: CephCommand[][] = [
    copies(pool, spec, now),
    [...differing('autoscale', 'pg_autoscale_mode'), ...differing('pgNum', 'pg_num')],
    differing('pgNumMin', 'pg_num_min'),
    differing('pgNumMax', 'pg_num_max'),
    differing('bulk', 'bulk'),
    differing('targetSizeRatio', 'target_size_ratio'),
    differing('targetSize', 'target_size_bytes'),
    differing('nodelete', 'nodelete'),
    ...quota(pool, fields(spec.quota), fields(now.quota)),
    ...compression(set, fields(spec.compression), fields(now.compression)),
    rule === undefined ? [] : [set('crush_rule', rule)],
    fields(spec.erasure).overwrites === true && fields(now.erasure).overwrites !== true
      ? [set('allow_ec_overwrites', true)]
      : [],
    application === undefined ? [] : applied(found, pool, application, former, tag),
  ]
  await inLanes(ceph, lanes, options)
}

const gone = (pool: string) =>
  new InfraError({ kind: 'operation', code: 'ceph-gone', message: `pool ${pool} has gone` })

/** A rule to be set, where the pool is placed otherwise than declared. */
async function neededRule(ceph: Ceph, spec: Attributes, now: Attributes, options: CallOptions) {
  const same = (field: string) => spec[field] === undefined || spec[field] === now[field]
  if (same('crushRule') && same('failureDomain') && same('deviceClass')) return undefined
  if (spec.type === 'erasure') return text(spec.crushRule)
  return ensureRule(ceph, { failureDomain: now.failureDomain ?? 'host', ...spec }, options)
}

/** size and min_size: never a moment in which more copies are asked for than there are. */
function copies(pool: string, spec: Attributes, now: Attributes): CephCommand[] {
  const size = number(spec.size)
  const least = number(spec.minSize)
  const set = (variable: string, value: number, assent: boolean): CephCommand => ({
    prefix: 'osd pool set',
    pool,
    var: variable,
    val: String(value),
    ...(assent && { yes_i_really_mean_it: true }),
  })
  const setSize = size === undefined || size === now.size ? [] : [set('size', size, size === 1)]
  const setLeast = least === undefined ? [] : [set('min_size', least, false)]
  // Ceph moves min_size along with size, so that one is set after it even where it was right before
  if (setSize.length > 0) return [...setSize, ...setLeast]
  return least === now.minSize ? [] : setLeast
}

function quota(pool: string, wanted: Attributes, now: Attributes): CephCommand[][] {
  const pairs = [
    ['maxBytes', 'max_bytes'],
    ['maxObjects', 'max_objects'],
  ] as const
  return pairs.map(([field, name]) => {
    const value = number(wanted[field])
    if (value === undefined || value === now[field]) return []
    return [{ prefix: 'osd pool set-quota', pool, field: name, val: String(value) }]
  })
}

function compression(
  set: (variable: string, value: Json | undefined) => CephCommand,
  wanted: Attributes,
  now: Attributes,
): CephCommand[][] {
  const names = { mode: 'mode', algorithm: 'algorithm', requiredRatio: 'required_ratio' }
  return Object.entries(names).map(([field, name]) => {
    const value = wanted[field]
    return value === undefined || value === now[field] ? [] : [set(`compression_${name}`, value)]
  })
}

/** The application with the tag in it; the former one goes only after the new one is there. */
function applied(
  found: PoolJson,
  pool: string,
  app: string,
  former: string | undefined,
  tag: string,
): CephCommand[] {
  const has = found.application_metadata[app]
  const yes = { yes_i_really_mean_it: true }
  const goes = former !== undefined && former !== app && former in found.application_metadata
  return [
    ...(has ? [] : [{ prefix: 'osd pool application enable', pool, app, ...yes }]),
    ...(has?.[ownerKey] === tag
      ? []
      : [{ prefix: 'osd pool application set', pool, app, key: ownerKey, value: tag }]),
    ...(goes ? [{ prefix: 'osd pool application disable', pool, app: former, ...yes }] : []),
  ]
}

/** Gives a kept pool its name back. Run again after a crash, it goes on. */
async function restore(ceph: Ceph, request: CreateRequest, token: Json, options: CallOptions): Promise<void> {
  const { id, keptAs } = keptPool(token)
  const pool = (await listPools(ceph, options)).find(one => one.pool_id === id)
  if (!pool) throw lost(request, `pool ${id}, kept as ${keptAs}, is gone`)
  if (pool.pool_name === request.name) return
  await unmarkPool(ceph, pool, options)
  if (pool.flags_names.includes('nodelete')) {
    await tell(ceph, { prefix: 'osd pool set', pool: pool.pool_name, var: 'nodelete', val: 'false' }, options)
  }
  await tell(ceph, { prefix: 'osd pool rename', srcpool: pool.pool_name, destpool: request.name }, options)
}

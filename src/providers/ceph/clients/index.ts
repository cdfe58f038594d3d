/** Clients: the verbs of CephClient. Ceph keeps no tag on them, so that who owns one is in the state alone. */
import type { Json } from '../../../model/value.js'
import { sameValue } from '../../../model/value.js'
import type { Call, CreateRequest, DeleteRequest, Target, Unmanaged, UpdateRequest } from '../../provider.js'
import { type Ceph, monData, tell } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { isErrno, orAbsent } from '../client/error.js'
import type { Handler, Seen, Token } from '../handler.js'
import { fields, present } from '../kinds/values.js'
import { lost, mayFinish } from '../refuse.js'

interface EntityJson {
  readonly entity: string
  readonly key: string
  readonly caps: Readonly<Record<string, string>>
}

const entityOf = (name: string) => `client.${name}`

export const clients: Handler = { observe, create, update, delete: remove, discard, unmanaged }

async function get(ceph: Ceph, entity: string, options: CallOptions): Promise<EntityJson | undefined> {
  const found = await orAbsent(monData<EntityJson[]>(ceph, { prefix: 'auth get', entity }, options))
  return found?.[0]
}

async function list(ceph: Ceph, options: CallOptions): Promise<readonly EntityJson[]> {
  return (await monData<{ auth_dump: EntityJson[] }>(ceph, { prefix: 'auth ls' }, options)).auth_dump
}

async function observe(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Seen> {
  const found = new Map((await list(ceph, { signal })).map(one => [one.entity, one]))
  const seen: Seen = new Map()
  for (const target of targets) {
    const one = found.get(entityOf(target.name))
    if (!one) seen.set(target.address, { status: 'absent' })
    else {
      const declared = Object.keys(fields(target.spec.caps))
      // Null: declared, and not there
      const taken = declared.filter(daemon => one.caps[daemon] === undefined).map(daemon => [daemon, null])
      const more = Object.keys(one.caps).filter(daemon => !declared.includes(daemon))
      seen.set(target.address, {
        status: 'present',
        identity: {},
        spec: { caps: { ...one.caps, ...Object.fromEntries(taken) } },
        facts: { entity: one.entity, key: one.key },
        ...(more.length > 0 && {
          remark: `it may do more than is declared: ${more.map(daemon => `${daemon} '${one.caps[daemon]}'`).join(', ')}`,
        }),
      })
    }
  }
  return seen
}

const words = (caps: Json | undefined) =>
  Object.entries(fields(caps))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([daemon, cap]) => [daemon, String(cap)])

async function create(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const entity = entityOf(request.name)
  const found = await get(ceph, entity, options)
  if (found) {
    const spec = { caps: { ...found.caps } }
    // What came back may do what it last could, until that is changed below
    const fixed = request.restore === undefined ? ['caps'] : []
    mayFinish({ status: 'present', identity: {}, spec, facts: {} }, request, fixed)
    if (request.restore === undefined) return
    await bringCaps(ceph, entity, request, options)
    await dropCopies(ceph, found, undefined, options)
    return
  }
  if (request.restore === undefined) {
    await tell(ceph, { prefix: 'auth get-or-create', entity, caps: words(request.spec.caps) }, options)
    return
  }
  const { keptAs } = keptClient(request.restore)
  const kept = await orAbsent(ceph.connection.mon({ prefix: 'config-key get', key: keptAs }, options))
  if (!kept) throw lost(request, `its key, kept as ${keptAs}, is gone`)
  await tell(ceph, { prefix: 'auth import' }, { ...options, input: kept.output })
  await bringCaps(ceph, entity, request, options)
  const back = await get(ceph, entity, options)
  if (back) await dropCopies(ceph, back, undefined, options)
}

/**
 * Takes copies of a client's key out of the monitors' store: one that came back needs none, and one that goes leaves only its
 * last. A delete or a return that was cut off may have left others, of which no checkpoint knows.
 */
async function dropCopies(
  ceph: Ceph,
  { entity, key }: EntityJson,
  last: string | undefined,
  options: CallOptions,
): Promise<void> {
  const names = await monData<string[]>(ceph, { prefix: 'config-key ls' }, options)
  const copies = names.filter(
    name => name.startsWith('infra/kept/') && name.endsWith(`/${entity}`) && name !== last,
  )
  await Promise.all(
    copies.map(async name => {
      const copy = await orAbsent(ceph.connection.mon({ prefix: 'config-key get', key: name }, options))
      if (!copy || !Buffer.from(copy.output).toString('utf8').includes(`\tkey = ${key}\n`)) return
      await tell(ceph, { prefix: 'config-key rm', key: name }, options)
    }),
  )
}

async function update(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void> {
  await bringCaps(ceph, entityOf(request.name), request, { signal: call.signal })
}

async function bringCaps(ceph: Ceph, entity: string, target: Target, options: CallOptions): Promise<void> {
  const found = await get(ceph, entity, options)
  if (found && sameValue(present(found.caps), target.spec.caps)) return
  await tell(ceph, { prefix: 'auth caps', entity, caps: words(target.spec.caps) }, options)
}

interface KeptClient {
  readonly kind: 'CephClient'
  readonly entity: string
  readonly keptAs: string
}

const keptClient = (token: Json) => token as unknown as KeptClient

/** The key goes to the monitors' own store, which is as well guarded as where it was; the token does not hold it. */
async function remove(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const entity = entityOf(request.name)
  const found = await get(ceph, entity, options)
  if (!found) return
  const keptAs = `infra/kept/${request.trash}/${entity}`
  await call.keep({ kind: 'CephClient', entity, keptAs })
  const caps = Object.entries(found.caps).map(
    ([daemon, cap]) => `\tcaps ${daemon} = "${cap.replaceAll('"', '\\"')}"\n`,
  )
  const keyring = `[${entity}]\n\tkey = ${found.key}\n${caps.join('')}`
  // As data, not as an argument: arguments are in the monitors' audit log
  await tell(ceph, { prefix: 'config-key set', key: keptAs }, { ...options, input: keyring })
  await dropCopies(ceph, found, keptAs, options)
  await tell(ceph, { prefix: 'auth rm', entity }, options)
}

async function discard(ceph: Ceph, token: Token, signal: AbortSignal): Promise<void> {
  try {
    await tell(ceph, { prefix: 'config-key rm', key: keptClient(token).keptAs }, { signal })
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown
  }
}

async function unmanaged(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Unmanaged[]> {
  const known = new Set(['client.admin', ...targets.map(target => entityOf(target.name))])
  return (
    (await list(ceph, { signal }))
      .filter(one => one.entity.startsWith('client.') && !known.has(one.entity))
      // Ceph's own: client.bootstrap-osd and the like, client.crash
      .filter(one => !/^client\.(bootstrap-|crash)/.test(one.entity))
      .map(one => ({
        kind: 'CephClient',
        name: one.entity.slice('client.'.length),
        identity: {},
        place: `in the cluster ${ceph.connection.fsid}`,
      }))
  )
}

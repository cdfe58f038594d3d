/** What the engine does around a provider's verbs, small: canonical specs, identities chosen first, everything read back. */
import { randomUUID } from 'node:crypto'
import { InfraError } from '../../../src/model/error.js'
import { nodePorts } from '../../../src/model/node-ports.js'
import type { Attributes, Json } from '../../../src/model/value.js'
import { currentSpec, differences } from '../../../src/planner/diff.js'
import { libvirtType } from '../../../src/providers/libvirt/index.js'
import { libvirtKinds } from '../../../src/providers/libvirt/kinds/index.js'
import type { Call, Identity, Observation, Provider, Target } from '../../../src/providers/provider.js'

export interface Subject {
  readonly kind: string
  readonly name: string
  readonly spec: Attributes
}

export interface Thing extends Target {
  readonly identity: Identity
}

export type Present = Extract<Observation, { status: 'present' }>

export const owner = (address: string) => ({ lineage: 'test-lineage', address })

export async function openProvider(uri: string, folder: string): Promise<Provider> {
  return libvirtType.open(
    { name: 'libvirt', type: 'libvirt', settings: { uri }, folder, stateFolder: `${folder}/.state` },
    nodePorts,
    new AbortController().signal,
  )
}

export function kindOf(name: string) {
  const kind = libvirtKinds.find(one => one.kind === name)
  if (!kind) throw new Error(`no kind ${name}`)
  return kind
}

/** A subject as the engine aims at it, with an identity of its own. */
export function thing(subject: Subject, identity: Identity = { uuid: randomUUID() }): Thing {
  const { kind, name, spec } = subject
  const canonical = kindOf(kind).canonical(spec, { name, labels: {}, annotations: {} })
  return { address: `${kind}/${name}`, kind, name, spec: canonical, identity }
}

export function call(
  signal = new AbortController().signal,
): Call & { readonly kept: Json[]; readonly said: string[] } {
  const kept: Json[] = []
  const said: string[] = []
  return {
    signal,
    kept,
    said,
    keep: async token => void kept.push(JSON.parse(JSON.stringify(token)) as Json),
    progress: message => void said.push(message),
  }
}

export async function observe(provider: Provider, target: Target): Promise<Observation> {
  const found = await provider.observe([target], new AbortController().signal)
  const one = found.get(target.address)
  if (!one) throw new Error(`no observation of ${target.address}`)
  return one
}

export async function present(provider: Provider, target: Target): Promise<Present> {
  const seen = await observe(provider, target)
  if (seen.status !== 'present') throw new Error(`${target.address} is ${JSON.stringify(seen)}`)
  return seen
}

/** Paths in which what is there is not what is wanted, as a plan would show them. */
export function drift(target: Target, seen: Present): string[] {
  const lists = kindOf(target.kind).keyedLists
  const current = currentSpec(target.spec, seen.spec, target.spec, lists)
  return differences(current, target.spec, lists).map(
    change => `${change.path}: ${JSON.stringify(change.from)} -> ${JSON.stringify(change.to)}`,
  )
}

/** An error says in the report of a test what the system below said. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof InfraError && error.why !== undefined) error.message += `: ${error.why}`
    throw error
  }
}

export async function create(provider: Provider, target: Thing, restore?: Json) {
  const log = call()
  const request = {
    ...target,
    owner: owner(target.address),
    labels: {},
    ...(restore !== undefined && { restore }),
  }
  await told(provider.create(request, log))
  return log
}

/** An update with the changes that a plan would list, from what is recorded, classified by the kind's own rules. */
export async function update(
  provider: Provider,
  from: Present,
  to: Thing,
  more: { readonly restart?: boolean; readonly recorded?: Attributes } = {},
) {
  const { restart = false, recorded = to.spec } = more
  const kind = kindOf(to.kind)
  const current = currentSpec(recorded, from.spec, to.spec, kind.keyedLists)
  const changes = differences(current, to.spec, kind.keyedLists).map(change => {
    const pattern = change.path.replace(/\[[^\]]*\]/g, '[]')
    const op = change.from === undefined ? 'add' : change.to === undefined ? 'remove' : 'change'
    const rule = kind.changes.find(
      one =>
        (pattern === one.path || pattern.startsWith(`${one.path}.`) || pattern.startsWith(`${one.path}[`)) &&
        (one.op === undefined || one.op === op) &&
        (one.when === undefined || one.when.holds(change.from, change.to)),
    )
    return { path: change.path, how: rule?.how === 'restart' ? ('restart' as const) : ('live' as const) }
  })
  const log = call()
  const request = { ...to, owner: owner(to.address), labels: {}, from: from.spec, changes, restart }
  await told(provider.update(request, log))
  return { ...log, changes }
}

export async function remove(provider: Provider, target: Thing, trash = randomUUID().slice(0, 12)) {
  const log = call()
  await told(provider.delete({ ...target, owner: owner(target.address), trash }, log))
  return log
}

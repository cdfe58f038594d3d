/** The provider's verbs as a test says them: one resource at a time, its spec as a user writes it. */
import { randomUUID } from 'node:crypto'
import { nodePorts } from '../../../src/model/node-ports.js'
import type { Attributes, Json } from '../../../src/model/value.js'
import { currentSpec, type Difference, differences } from '../../../src/planner/diff.js'
import { cephProviderType } from '../../../src/providers/ceph/index.js'
import { cephKinds } from '../../../src/providers/ceph/kinds/index.js'
import type { Kind } from '../../../src/providers/kind.js'
import type { Call, Identity, Observation, Provider, Target } from '../../../src/providers/provider.js'
import type { CephLab } from '../../lab/ceph.js'

export type Present = Extract<Observation, { status: 'present' }>

export const lineage = 'f4a1c7de-0000-4000-8000-000000000001'

export function kindOf(name: string): Kind {
  const kind = cephKinds.find(one => one.kind === name)
  if (!kind) throw new Error(`no kind ${name}`)
  return kind
}

export function openProvider(lab: CephLab, settings: Attributes = {}): Promise<Provider> {
  const connection = { name: 'ceph', type: 'ceph', settings, folder: '/', stateFolder: '/' }
  return cephProviderType(lab.env).open(connection, nodePorts, new AbortController().signal)
}

/** A call that remembers what was kept. */
export function aCall(signal = new AbortController().signal) {
  const kept: Json[] = []
  const told: string[] = []
  const call: Call = {
    signal,
    keep: async token => {
      kept.push(JSON.parse(JSON.stringify(token)))
    },
    progress: message => {
      told.push(message)
    },
  }
  return { call, kept, told }
}

/** One resource of a test. */
export class Subject {
  readonly kind: Kind
  readonly name: string
  readonly provider: Provider
  identity: Identity = { uuid: randomUUID() }
  spec: Attributes

  constructor(provider: Provider, kind: string, name: string, spec: Attributes) {
    this.provider = provider
    this.kind = kindOf(kind)
    this.name = name
    this.spec = this.canonical(spec)
  }

  private canonical(spec: Attributes): Attributes {
    const meta = { name: this.name, labels: {}, annotations: {} }
    this.kind.schema.parse(spec)
    const canonical = this.kind.canonical(spec, meta)
    const problems = this.kind.check?.(canonical, meta) ?? []
    if (problems.length > 0) throw new Error(problems.map(problem => problem.message).join('\n'))
    return canonical
  }

  get target(): Target & { readonly identity: Identity } {
    const { kind, name, spec, identity } = this
    return { address: `${kind.kind}/${name}`, kind: kind.kind, name, spec, identity }
  }

  private get owner() {
    return { lineage, address: this.target.address }
  }

  async observe(): Promise<Observation> {
    const seen = await this.provider.observe([this.target], new AbortController().signal)
    return seen.get(this.target.address) ?? { status: 'unreadable', why: 'no answer' }
  }

  async present(): Promise<Present> {
    const seen = await this.observe()
    if (seen.status !== 'present') throw new Error(`${this.name} is ${JSON.stringify(seen)}`)
    return seen
  }

  /** What differs between what is declared and what is there, as the engine compares. */
  async differences(): Promise<Difference[]> {
    const seen = await this.present()
    const now = currentSpec(this.spec, seen.spec, this.spec, this.kind.keyedLists)
    return differences(now, this.spec, this.kind.keyedLists)
  }

  async create(restore?: Json): Promise<Present> {
    const { call } = aCall()
    const request = { ...this.target, owner: this.owner, labels: {} }
    await this.provider.create({ ...request, ...(restore !== undefined && { restore }) }, call)
    const seen = await this.present()
    this.identity = { ...this.identity, ...seen.identity }
    return seen
  }

  async update(spec: Attributes): Promise<void> {
    const from = (await this.present()).spec
    this.spec = this.canonical(spec)
    const request = { ...this.target, owner: this.owner, labels: {}, from, changes: [], restart: false }
    await this.provider.update(request, aCall().call)
  }

  /** Deletes it; the token that brings it back, where there is one. */
  async remove(trash = randomUUID().replaceAll('-', '').slice(0, 12)): Promise<Json | undefined> {
    const { call, kept } = aCall()
    await this.provider.delete({ ...this.target, owner: this.owner, trash }, call)
    return kept.at(-1)
  }

  async discard(token: Json | undefined): Promise<void> {
    if (token !== undefined) await this.provider.discard?.(token, new AbortController().signal)
  }
}

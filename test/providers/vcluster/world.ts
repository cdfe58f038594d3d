/** A provider on a lab's host, and requests as the engine makes them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodePorts } from '../../../src/model/node-ports.js'
import type { Attributes, Json } from '../../../src/model/value.js'
import { currentSpec, differences } from '../../../src/planner/diff.js'
import type {
  Call,
  Connection,
  CreateRequest,
  DeleteRequest,
  Identity,
  Observation,
  Provider,
  Target,
} from '../../../src/providers/provider.js'
import { openVclusterSession, vclusterProvider } from '../../../src/providers/vcluster/index.js'
import { vclusterKinds } from '../../../src/providers/vcluster/kinds/index.js'
import type { Session } from '../../../src/providers/vcluster/session.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'

export const lineage = '0a1b2c3d-0000-4000-8000-000000000001'
const [kind] = vclusterKinds

export interface World {
  readonly folder: string
  readonly connection: Connection
  readonly provider: Provider
  readonly session: Session
  readonly said: string[]
  /** What `keep` was told, last first. */
  readonly kept: Json[]
  call(signal?: AbortSignal): Call
  spec(name: string, spec?: Attributes): Attributes
  create(name: string, spec?: Attributes, more?: Partial<CreateRequest>): CreateRequest
  target(name: string, spec?: Attributes): Target
  observe(name: string, spec?: Attributes): Promise<Observation>
  /** Observed, and present; the test fails else. */
  present(name: string, spec?: Attributes): Promise<Extract<Observation, { status: 'present' }>>
  make(name: string, spec?: Attributes, more?: Partial<CreateRequest>): Promise<void>
  change(name: string, from: Attributes, to: Attributes): Promise<void>
  remove(name: string, spec?: Attributes, more?: Partial<DeleteRequest>): Promise<void>
  /** Paths in which what is there differs from the spec. */
  drift(name: string, spec?: Attributes): Promise<string[]>
  close(): Promise<void>
}

export async function openWorld(
  lab: Pick<KubernetesLab, 'kubeconfig' | 'chart' | 'values' | 'bin'>,
  settings: Attributes = {},
): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-virtual-'))
  const connection: Connection = {
    name: 'lab',
    type: 'vcluster',
    settings: {
      kubeconfig: lab.kubeconfig,
      helm: `${lab.bin}/helm`,
      vcluster: `${lab.bin}/vclusterctl`,
      ...settings,
    },
    folder,
    stateFolder: join(folder, '.infra'),
  }
  const provider = await vclusterProvider
    .open(connection, nodePorts, AbortSignal.timeout(60_000))
    .catch(async error => {
      await rm(folder, { recursive: true, force: true })
      throw error
    })
  const session = openVclusterSession(connection, nodePorts)
  const said: string[] = []
  const kept: Json[] = []
  const owner = (name: string) => ({ lineage, address: `VirtualCluster/${name}` })
  const call = (signal = AbortSignal.timeout(240_000)): Call => ({
    signal,
    keep: async token => {
      kept.unshift(token)
    },
    progress: message => said.push(message),
  })
  const spec = (name: string, given: Attributes = {}): Attributes =>
    (kind?.canonical(
      {
        chart: { path: lab.chart },
        readinessTimeout: '2m',
        ...given,
        values: { ...(lab.values as Attributes), ...(given.values as Attributes | undefined) },
      },
      { name, labels: {}, annotations: {} },
    ) ?? {}) as Attributes
  const target = (name: string, given?: Attributes): Target => ({
    address: `VirtualCluster/${name}`,
    kind: 'VirtualCluster',
    name,
    spec: spec(name, given),
  })
  const identity: Identity = { uuid: '11111111-2222-4333-8444-555555555555' }
  const create = (name: string, given?: Attributes, more: Partial<CreateRequest> = {}): CreateRequest => ({
    ...target(name, given),
    identity,
    owner: owner(name),
    labels: {},
    ...more,
  })
  const world: World = {
    folder,
    connection,
    provider,
    session,
    said,
    kept,
    call,
    spec,
    create,
    target,
    observe: async (name, given) => {
      const one = target(name, given)
      const seen = (await provider.observe([one], AbortSignal.timeout(60_000))).get(one.address)
      if (seen === undefined) throw new Error('no observation')
      return seen
    },
    present: async (name, given) => {
      const seen = await world.observe(name, given)
      if (seen.status !== 'present') throw new Error(`${name} is ${JSON.stringify(seen)}`)
      return seen
    },
    make: (name, given, more) => provider.create(create(name, given, more), call()),
    change: (name, from, to) => {
      const [before, after] = [spec(name, from), spec(name, to)]
      return provider.update(
        {
          ...target(name, to),
          identity,
          owner: owner(name),
          labels: {},
          from: before,
          changes: differences(before, after, {}).map(({ path }) => ({ path, how: 'live' as const })),
          restart: true,
        },
        call(),
      )
    },
    remove: (name, given, more = {}) =>
      provider.delete(
        { ...target(name, given), identity, owner: owner(name), trash: `trash-${name}`, ...more },
        call(),
      ),
    drift: async (name, given) => {
      const seen = await world.present(name, given)
      const declared = spec(name, given)
      return differences(declared, currentSpec(declared, seen.spec, declared, {}), {}).map(
        ({ path, to }) => `${path}: ${JSON.stringify(to)}`,
      )
    },
    close: async () => {
      session.host.close()
      await provider.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return world
}

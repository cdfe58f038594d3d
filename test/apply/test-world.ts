/** An engine over the embedded world in a temporary folder, for tests: the real executor, journal, state and provider. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listCheckpoints } from '../../src/apply/checkpoint.js'
import type { Engine } from '../../src/apply/engine.js'
import { observeAll, targetsOf } from '../../src/apply/engine.js'
import type { ApplyEventBody } from '../../src/apply/event.js'
import { rollbackInput } from '../../src/apply/rollback.js'
import { applyPlan, type Control, type Outcome, recover } from '../../src/apply/transaction.js'
import { nodePorts } from '../../src/model/node-ports.js'
import type { Ports } from '../../src/model/ports.js'
import type { Json } from '../../src/model/value.js'
import type { PlanOptions, PlanResult } from '../../src/planner/input.js'
import { planStack } from '../../src/planner/plan-stack.js'
import type { Fault } from '../../src/providers/embedded/faults.js'
import { embeddedType } from '../../src/providers/embedded/index.js'
import type { Provider } from '../../src/providers/provider.js'
import type { DesiredResource } from '../../src/stack/desired.js'
import type { StateDocument } from '../../src/state/document.js'
import { openStore } from '../../src/state/store.js'
import { testKinds } from '../planner/fixtures.js'

export interface TestWorld {
  readonly folder: string
  readonly events: ApplyEventBody[]
  /** Plans these resources, applies the plan, and returns how it ended. */
  apply(
    desired: readonly DesiredResource[],
    control?: Partial<Control>,
    /** What happens between the plan and its apply. */
    meanwhile?: (provider: Provider) => Promise<void>,
  ): Promise<Outcome>
  plan(desired: readonly DesiredResource[], options?: Partial<PlanOptions>): Promise<PlanResult>
  rollback(id?: string): Promise<Outcome>
  recover(direction: 'forward' | 'back'): Promise<Outcome | undefined>
  state(): Promise<StateDocument | undefined>
  /** Every object of the world, trash apart: `Kind/name` → spec. */
  objects(): Promise<Record<string, unknown>>
  /** Changes the world behind infra's back. */
  provider(): Promise<Provider>
  dispose(): Promise<void>
}

const never = new AbortController().signal

export async function testWorld(faults: readonly Fault[] = [], ports: Ports = nodePorts): Promise<TestWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-engine-'))
  return worldAt(folder, faults, ports, () => rm(folder, { recursive: true }))
}

export function worldAt(
  folder: string,
  faults: readonly Fault[],
  ports: Ports,
  dispose: () => Promise<void>,
): TestWorld {
  const type = embeddedType([...testKinds.values()])
  const store = openStore(ports.files, folder)
  const events: ApplyEventBody[] = []

  /** A fresh connection each time, as each command has its own. */
  const open = () =>
    type.open(
      {
        name: 'embedded',
        type: 'embedded',
        settings: { faults: faults.map(fault => ({ ...fault }) as Json) },
        folder,
        stateFolder: folder,
      },
      ports,
      never,
    )

  async function withEngine<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    const provider = await open()
    try {
      return await work({
        stack: 'test',
        ports,
        kinds: testKinds,
        providers: new Map([['embedded', provider]]),
        connections: { embedded: { type: 'embedded', description: 'embedded' } },
        store,
        stateFolder: folder,
        resolve: desired => desired,
        outputs: () => ({}),
        report: event => events.push(event),
      })
    } finally {
      await provider.close()
    }
  }

  async function base(): Promise<StateDocument> {
    const state = await store.read()
    if (state) return state
    await ports.files.makeFolder(folder)
    const made = {
      format: 1,
      lineage: ports.random.uuid(),
      serial: 1,
      stack: 'test',
      resources: {},
      outputs: {},
    }
    await store.write(made)
    return made
  }

  async function planWith(
    engine: Engine,
    state: StateDocument,
    desired: readonly DesiredResource[],
    options?: Partial<PlanOptions>,
  ) {
    const wanted = new Map(desired.map(resource => [resource.address, resource]))
    return planStack({
      stack: 'test',
      desired: wanted,
      state,
      observed: await observeAll(engine, targetsOf(wanted, state.resources), never),
      kinds: testKinds,
      connections: engine.connections,
      outputs: {},
      options: { mode: 'apply', ...options },
    })
  }

  const rollsBack: Control = { stopping: never, signal: never, onFailure: async () => 'rollback' }

  return {
    folder,
    events,
    apply: (desired, control, meanwhile) =>
      withEngine(async engine => {
        const state = await base()
        const made = await planWith(engine, state, desired)
        if (made.problems[0]) throw made.problems[0]
        const [provider] = engine.providers.values()
        if (provider) await meanwhile?.(provider)
        return applyPlan(engine, made, state, 'test', { ...rollsBack, ...control })
      }),
    plan: (desired, options) => withEngine(async engine => planWith(engine, await base(), desired, options)),
    rollback: id =>
      withEngine(async engine => {
        const state = await base()
        const { checkpoints } = await listCheckpoints(ports.files, folder)
        const way = rollbackInput(state, checkpoints, id)
        const observed = await observeAll(engine, targetsOf(way.desired, way.records), never)
        const made = planStack({
          stack: 'test',
          desired: way.desired,
          state,
          observed,
          kinds: testKinds,
          connections: engine.connections,
          outputs: {},
          restore: way.restore,
          options: { mode: 'rollback' },
        })
        if (made.problems[0]) throw made.problems[0]
        return applyPlan(engine, made, state, 'rollback', rollsBack)
      }),
    recover: direction =>
      withEngine(async engine => recover(engine, await base(), direction, rollsBack, async () => true)),
    state: () => store.read(),
    async objects() {
      const bytes = await ports.files.read(join(folder, 'world.ndjson'))
      const found: Record<string, unknown> = {}
      for (const line of Buffer.from(bytes ?? [])
        .toString()
        .split('\n')
        .filter(Boolean)) {
        const entry = JSON.parse(line)
        if (entry.put && !entry.put.trash) found[`${entry.put.kind}/${entry.put.name}`] = entry.put.spec
        else if (entry.remove) delete found[entry.remove]
      }
      return found
    },
    provider: open,
    dispose,
  }
}

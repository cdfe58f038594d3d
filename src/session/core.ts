/** What the parts of a session share: the stack as read, the state as last read, connections that are opened once, the lock. */
import { observeAll, targetsOf } from '../apply/engine.js'
import type { Report } from '../apply/event.js'
import { takeOver } from '../apply/take-over.js'
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import type { Json } from '../model/value.js'
import type { Observation, Provider } from '../providers/provider.js'
import type { DesiredConnection, Stack } from '../stack/desired.js'
import type { LoadInput, ReadStack } from '../stack/load.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import { acquireLock, type Lock } from '../state/lock.js'
import type { Store } from '../state/store.js'
import { type Connected, type ConnectInput, connect, neededConnections, openOne } from './connect.js'
import { keepersOf } from './keeper.js'
import { providerTypes } from './provider-types.js'

export interface SessionInput extends Omit<LoadInput, 'kinds' | 'providerTypes' | 'signal'> {
  readonly ports: Ports
  readonly signal: AbortSignal
  readonly report?: Report
  /** Hears what the session does and how long it took, for a log. */
  readonly log?: (event: string, details?: Readonly<Record<string, Json>>) => void
  readonly parallelism?: number
  /** Where the state is, when not where the stack says. */
  readonly stateFolder?: string
}

export interface LockInput {
  readonly host: string
  readonly pid: number
  readonly command: string
  readonly waitMilliseconds?: number
}

export class SessionCore {
  readonly input: SessionInput
  readonly read: ReadStack
  readonly stateFolder: string
  readonly store: Store
  /** Undefined where there is none yet. */
  state: StateDocument | undefined
  #connected: Promise<Connected> | undefined
  #lock: Lock | undefined

  constructor(
    input: SessionInput,
    read: ReadStack,
    stateFolder: string,
    store: Store,
    state: StateDocument | undefined,
  ) {
    this.input = input
    this.read = read
    this.stateFolder = stateFolder
    this.store = store
    this.state = state
  }

  get stack(): Stack {
    return this.read.stack
  }

  get isLocked(): boolean {
    return this.#lock !== undefined
  }

  /** Fails with `no-state` where there is none yet. */
  needState(): StateDocument {
    if (this.state) return this.state
    throw new InfraError({
      kind: 'validation',
      code: 'no-state',
      message: 'the stack has no state yet',
      hint: '`infra apply` makes the first one.',
    })
  }

  /** Takes the state's lock until `close`, and reads the state again: what was read before may be old. */
  async lock(input: LockInput): Promise<void> {
    const { ports, signal } = this.input
    const { waitMilliseconds, ...who } = input
    const holder = { ...who, since: ports.clock.now() }
    const options = { signal, ...(waitMilliseconds !== undefined && { waitMilliseconds }) }
    this.#lock = await acquireLock(ports.files, this.stateFolder, holder, options)
    this.state = await takeOver(ports.files, this.stateFolder, this.store)
  }

  /** Opens the connections that the stack, the state and the caller use, once. */
  connect(more: readonly string[] = []): Promise<Connected> {
    this.#connected ??= connect(this.connectInput(neededConnections(this.stack, this.state, more)))
    return this.#connected
  }

  connectInput(connections: readonly DesiredConnection[]): ConnectInput {
    const { ports, signal, cacheFolder, version } = this.input
    const { stateFolder, state } = this
    const types = providerTypes(this.input.environment ?? {})
    const isStackKept = this.read.kept !== undefined
    const keeperOf = keepersOf({ folder: cacheFolder, version, stateFolder, isStackKept, state })
    return { connections, types, folder: this.stack.folder, stateFolder, ports, signal, keeperOf }
  }

  openConnection(wanted: DesiredConnection): Promise<Provider> {
    return openOne(wanted, this.connectInput([wanted]))
  }

  /** Observes all that the stack declares and the state records. */
  observe(): Promise<Map<Address, Observation>> {
    return this.observeTargets(this.stack.resources, this.state?.resources ?? {})
  }

  async observeTargets(
    desired: Stack['resources'],
    records: Readonly<Record<Address, ResourceRecord>>,
  ): Promise<Map<Address, Observation>> {
    const { ports, signal, log } = this.input
    const { providers, connections } = await this.connect()
    log?.('connected', { connections: Object.values(connections).map(one => one.description) })
    const began = ports.clock.now()
    const observed = await observeAll({ providers }, targetsOf(desired, records), signal)
    log?.('observed', { resources: observed.size, milliseconds: ports.clock.now() - began })
    return observed
  }

  async close(): Promise<void> {
    // what could not be connected has been told, and is not there to be closed
    const connected = await this.#connected?.catch(() => undefined)
    try {
      await Promise.all([...(connected?.providers.values() ?? [])].map(provider => provider.close()))
    } finally {
      // whatever a connection says to its end
      await this.#lock?.release()
    }
  }
}

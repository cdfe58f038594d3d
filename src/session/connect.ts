/** Opens the connections that a stack uses. One that cannot be opened does not hide the others. */
import { InfraError, messageOf } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import type { Plan } from '../planner/plan.js'
import type { Keeper, Provider, ProviderType } from '../providers/provider.js'
import type { DesiredConnection, Stack } from '../stack/desired.js'
import type { StateDocument } from '../state/document.js'
import type { ProviderTypes } from './provider-types.js'

export interface Connected {
  readonly providers: ReadonlyMap<string, Provider>
  readonly connections: Plan['connections']
}

export interface ConnectInput {
  readonly connections: readonly DesiredConnection[]
  readonly types: ProviderTypes
  readonly folder: string
  readonly stateFolder: string
  readonly ports: Ports
  readonly signal: AbortSignal
  /** Where a connection may keep what it reads; absent where it may not. */
  readonly keeperOf?: ((connection: DesiredConnection) => Keeper) | undefined
}

/** Opens all connections at once. Fails for settings that are wrong; what is out of reach answers `unreadable`. */
export async function connect(input: ConnectInput): Promise<Connected> {
  const opened = await Promise.all(
    input.connections.map(async one => [one.name, await openTolerant(one, input)] as const),
  )
  const described = opened.map(([name, provider]) => [
    name,
    { type: provider.type, description: provider.description },
  ])
  return { providers: new Map(opened), connections: Object.fromEntries(described) }
}

async function openTolerant(wanted: DesiredConnection, input: ConnectInput): Promise<Provider> {
  try {
    return await openOne(wanted, input)
  } catch (error) {
    if (!(error instanceof InfraError) || error.kind !== 'connection') throw error
    return unreachable(wanted, error)
  }
}

/** Opens one. Fails with a connection error where it is out of reach, and for settings that are wrong. */
export async function openOne(wanted: DesiredConnection, input: ConnectInput): Promise<Provider> {
  const { name, settings } = wanted
  const load = input.types.get(wanted.type)
  if (!load) {
    throw new InfraError({
      kind: 'configuration',
      code: 'unknown-provider',
      message: `the connection ${name} is of a type that infra does not have: ${wanted.type}`,
      hint: `Types are ${[...input.types.keys()].join(', ')}.`,
    })
  }
  const { folder, stateFolder, ports, signal } = input
  const type = await load()
  requireSettings(wanted, type)
  const keeper = input.keeperOf?.(wanted)
  const connection = { name, type: type.type, settings, folder, stateFolder, ...(keeper && { keeper }) }
  return type.open(connection, ports, signal)
}

/** Fails with `bad-settings` for settings that the type does not know, or that are of another form. */
function requireSettings({ name, settings }: DesiredConnection, type: ProviderType): void {
  const checked = type.settings.safeParse(settings)
  if (checked.success) return
  const problems = checked.error.issues.map(issue => `${[name, ...issue.path].join('.')}: ${issue.message}`)
  throw new InfraError({
    kind: 'validation',
    code: 'bad-settings',
    message: `the settings of the connection ${name} are not those of ${type.type}`,
    why: problems.join('; '),
    hint: `docs/connections/${type.type}.md lists the settings of ${type.type}.`,
  })
}

/** Stands in for a connection that could not be opened: nothing can be read through it, and nothing changed. */
function unreachable(wanted: DesiredConnection, error: InfraError): Provider {
  const why = error.why ? `${error.message}: ${error.why}` : messageOf(error)
  const refuse = () => Promise.reject(error)
  return {
    type: wanted.type,
    description: `${wanted.type}: out of reach`,
    parallelism: 1,
    observe: targets =>
      Promise.resolve(
        new Map(targets.map(target => [target.address, { status: 'unreadable' as const, why }])),
      ),
    create: refuse,
    update: refuse,
    delete: refuse,
    // Not left out: to prune would then forget what was kept, and leave it where it is
    discard: refuse,
    unmanaged: refuse,
    close: () => Promise.resolve(),
  }
}

/** The connections that the stack's and the state's resources use, and those of `more`. */
export function neededConnections(
  stack: Stack,
  state: StateDocument | undefined,
  more: readonly string[],
): DesiredConnection[] {
  const used = new Set<string>(more)
  for (const resource of stack.resources.values()) used.add(resource.connection)
  for (const record of Object.values(state?.resources ?? {})) used.add(record.connection)
  const declared = stack.connections.filter(connection => used.has(connection.name))
  const embedded = used.has('embedded') && !declared.some(connection => connection.name === 'embedded')
  return embedded ? [...declared, { name: 'embedded', type: 'embedded', settings: {} }] : declared
}

/**
 * Recorded objects that are gone from where they are recorded, and are on another connection of the stack: a move that was
 * cut off, or one by hand. To make such an object anew would make a second one, and to forget it would leave it to nobody.
 */
import { InfraError } from '../model/error.js'
import type { Plan } from '../planner/plan.js'
import type { Provider } from '../providers/provider.js'
import type { DesiredConnection } from '../stack/desired.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import { type ConnectInput, openOne } from './connect.js'

/**
 * One error an object that is found under its UUID on another connection. Asks nothing where nothing has gone. A connection
 * that is out of reach tells of nothing: it is no reason to stop.
 */
export async function findElsewhere(
  plan: Plan,
  state: StateDocument | undefined,
  providers: ReadonlyMap<string, Provider>,
  input: ConnectInput,
): Promise<readonly InfraError[]> {
  const gone = plan.drift.flatMap(({ address, status }) => {
    const record = state?.resources[address]
    return status === 'deleted' && record?.identity.uuid !== undefined ? [record] : []
  })
  if (gone.length === 0) return []
  const typeOf = new Map(input.connections.map(one => [one.name, one.type]))
  const found = await Promise.all(
    input.connections.map(async connection => {
      const asked = gone.filter(
        record => record.connection !== connection.name && typeOf.get(record.connection) === connection.type,
      )
      if (asked.length === 0) return []
      const there = await presentAt(connection, asked, providers, input)
      return there.map(record => isElsewhere(record, connection.name))
    }),
  )
  return found.flat()
}

/** Those of the records whose objects are on the connection. */
async function presentAt(
  connection: DesiredConnection,
  records: readonly ResourceRecord[],
  providers: ReadonlyMap<string, Provider>,
  input: ConnectInput,
): Promise<ResourceRecord[]> {
  const open = providers.get(connection.name)
  let opened: Provider | undefined
  try {
    opened = open ?? (await openOne(connection, input))
    const seen = await opened.observe(records, input.signal)
    return records.filter(({ address, identity }) => {
      const one = seen.get(address)
      return one?.status === 'present' && one.identity.uuid === identity.uuid
    })
  } catch (thrown) {
    if (thrown instanceof InfraError && thrown.kind === 'connection') return []
    throw thrown
  } finally {
    if (!open) await opened?.close()
  }
}

function isElsewhere({ address, kind, name, connection }: ResourceRecord, at: string): InfraError {
  return new InfraError({
    kind: 'validation',
    code: 'is-elsewhere',
    address,
    message: `${kind} ${name} is on ${at}, and is recorded on ${connection}`,
    why: 'it was moved: by hand, or by a move that was cut off before it was recorded',
    hint:
      kind === 'VirtualMachine'
        ? `End the move: infra vm migrate ${name} --to ${at}`
        : `Put it back, or forget it here (infra state rm ${address}) and take it over there (infra import).`,
  })
}

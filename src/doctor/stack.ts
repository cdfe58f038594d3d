/** The health of one stack: what it connects to, and whether its state is whole. */
import { openSession, type SessionInput } from '../session/session.js'
import { missingDependencies } from '../state/integrity.js'

export interface StackHealth {
  readonly name: string
  readonly connections: readonly {
    readonly name: string
    readonly description: string
    readonly reachable: boolean
  }[]
  /** Records that depend on what is not recorded, in words. */
  readonly missing: readonly string[]
  /** An apply was cut off and is not settled. */
  readonly journal: boolean
}

/** Opens every connection of the stack and looks into its state. Changes nothing. */
export async function examineStack(input: SessionInput): Promise<StackHealth> {
  const session = await openSession(input)
  try {
    const { connections } = await session.connections()
    const missing = session.state ? missingDependencies(session.state) : []
    return {
      name: session.stack.name,
      connections: Object.entries(connections).map(([name, { description }]) => ({
        name,
        description,
        reachable: !description.endsWith('out of reach'),
      })),
      missing: missing.map(
        ({ address, missing: gone }) => `${address} depends on ${gone}, which is not recorded`,
      ),
      journal: (await session.openJournal()) !== undefined,
    }
  } finally {
    await session.close()
  }
}

/** Acts on hosts, each in the stack's journal from before it begins until its end is known. */
import type { BeginAct } from '../../apply/act-journal.js'
import type { Attributes } from '../../model/value.js'
import { type ActJournal, type MachineAct, unjournaled } from '../../providers/libvirt/acts/journaled.js'
import { knownAct, placesOn } from '../../providers/libvirt/acts/known-acts.js'
import type { NamedHost } from '../../providers/libvirt/acts/open.js'

/** How long it is looked at where an act stands that has failed. Milliseconds. */
const lookFor = 30_000

/**
 * Lets `work` do one act. One that fails has ended where all is as before or as it was asked for; else it stays open. Without
 * `begin` there is no stack, and no journal; without a host it is an act on what is on this machine alone. `more` is written
 * down with it.
 */
export async function journaled<T>(
  begin: BeginAct | undefined,
  host: NamedHost | undefined,
  owner: string | undefined,
  work: (journal: ActJournal) => Promise<T>,
  more: Attributes = {},
): Promise<T> {
  if (begin === undefined) return work(unjournaled)
  let open: { readonly act: MachineAct; readonly end: () => void } | undefined
  const ended = () => {
    open?.end()
    open = undefined
  }
  const journal: ActJournal = {
    async begin(act, of = {}) {
      const address = of.address ?? owner ?? `VirtualMachine/${act.name}`
      const what = { ...act, ...more } as unknown as Attributes
      const before = open
      open = { act, end: await begin({ address, connection: of.connection ?? host?.name ?? '', what }) }
      before?.end()
    },
    ended,
  }
  try {
    const done = await work(journal)
    ended()
    return done
  } catch (error) {
    if (open !== undefined && host !== undefined && (await isOver(open.act, host))) ended()
    throw error
  }
}

/** What cannot be looked at is not over. */
async function isOver(act: MachineAct, host: NamedHost): Promise<boolean> {
  const signal = AbortSignal.timeout(lookFor)
  try {
    const known = await knownAct({ ...act } as unknown as Attributes)
    if (known === undefined) return false
    return await known.isOver((await placesOn(host, [act], signal))(act), signal)
  } catch {
    return false
  }
}

/** Settling several acts: each comes to its own end. */
import type { ActRecord } from '../apply/act-journal.js'
import { inTurns } from '../providers/libvirt/acts/each.js'
import { errorsOf, type Settled, type Settling } from './open-acts.js'

/** Settles them, some at once. One that fails hides no other; what infra did not raise on purpose goes on. */
export async function settledBy(
  acts: readonly ActRecord[],
  { ended }: Pick<Settling, 'ended'>,
  settle: (act: ActRecord) => Promise<string>,
): Promise<Settled> {
  const all = await inTurns(acts, async (act): Promise<Settled> => {
    try {
      const text = await settle(act)
      ended(act.act)
      return { settled: [{ address: act.address, verb: String(act.what.verb), text }], errors: [] }
    } catch (error) {
      const errors = errorsOf(error)
      if (errors.length === 0) throw error
      return { settled: [], errors }
    }
  })
  return { settled: all.flatMap(one => one.settled), errors: all.flatMap(one => one.errors) }
}

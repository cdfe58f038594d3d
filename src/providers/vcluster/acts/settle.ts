/** Settling an act on a virtual cluster that was cut off. */
import { InfraError } from '../../../model/error.js'
import type { Session } from '../session.js'
import { finishBackup } from './backup.js'
import type { ClusterChoice } from './connect.js'
import { settleExtend } from './extend.js'
import type { ClusterAct } from './journaled.js'
import { finishRestore } from './restore.js'

/** What settling it would do, in words; fails where there is no such way. */
export function wayOf(act: ClusterAct, direction: 'forward' | 'back'): string {
  const { name } = act
  const forward = direction === 'forward'
  switch (act.verb) {
    case 'extend':
      return `${name} lives until ${forward ? act.to : `${act.from} again`}.`
    case 'backup':
      return forward
        ? `The backup of ${name} to ${act.address} is made and read back.`
        : `Nothing in ${name} is changed by a backup; what there is of it stays at ${act.address}.`
    case 'restore':
      if (forward) return `${act.address} is put back into ${name} once more, from its beginning.`
      if (act.kept !== undefined) return `What was in ${name} before is put back from ${act.kept}.`
      throw new InfraError({
        kind: 'validation',
        code: 'restore-begun',
        message: `A restore of ${name} that has begun cannot be taken back.`,
        why: 'what was in it may have been overwritten, and it was not kept',
        hint: 'Complete it with `infra recover --forward`; then another backup can be restored.',
      })
  }
}

/** Completes it, or takes it back. Resolves to what is so now, in words. Doing it twice does no harm. */
export async function settleAct(
  session: Session,
  act: ClusterAct,
  choice: ClusterChoice,
  direction: 'forward' | 'back',
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const way = wayOf(act, direction)
  switch (act.verb) {
    case 'extend':
      return `${act.name} lives until ${await settleExtend(session, act, direction, signal)}.`
    case 'backup': {
      if (direction === 'back') return way
      const { address, verified } = await finishBackup(session, act, progress, signal)
      return `${act.name} → ${address} (${verified})`
    }
    case 'restore': {
      const address = direction === 'forward' ? act.address : (act.kept ?? act.address)
      await finishRestore(session, { ...act, address }, choice, progress, signal)
      return `${act.name} is as in ${address}, and ready.`
    }
  }
}

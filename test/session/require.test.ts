import { describe, expect, it } from 'vitest'
import { requireSettled } from '../../src/session/require.js'
import type { Session } from '../../src/session/session.js'

/** A session that finds these journals, one after the other, and whose stack nobody has locked. */
function session(...journals: readonly (string | undefined)[]): Session {
  const left = [...journals]
  const found = async () => {
    const id = left.shift()
    const open = { type: 'open', format: 1, id, at: 0, command: 'infra apply', lineage: 'l', serial: 1 }
    return id === undefined ? undefined : { records: [open], length: 1 }
  }
  return { openJournal: found, runningApply: async () => undefined } as unknown as Session
}

describe('a stack with a journal that nobody works on', () => {
  const rows = [
    { reason: 'has none: all is settled', journals: [undefined], code: undefined },
    { reason: 'was cut off where it stays', journals: ['a', 'a'], code: 'journal-open' },
    { reason: 'has just ended where it goes', journals: ['a', undefined], code: 'apply-ended' },
    { reason: 'has just ended where another one begins', journals: ['a', 'b'], code: 'apply-ended' },
  ]
  it.each(rows)('$reason', async ({ journals, code }) => {
    const error = await requireSettled(session(...journals)).catch((thrown: unknown) => thrown)
    if (code === undefined) expect(error).toBeUndefined()
    else expect(error).toMatchObject({ code })
  })
})

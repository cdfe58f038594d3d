import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../src/apply/record.js'
import type { FileSystem } from '../../src/model/ports.js'
import type { Json } from '../../src/model/value.js'
import type { Provider } from '../../src/providers/provider.js'
import { checkpointsToPrune, pruneCheckpoints } from '../../src/session/prune.js'

/** Checkpoints that kept these, and a system in which some hold others. */
function scene(kept: readonly (readonly string[])[], holders: Readonly<Record<string, string>>) {
  const there = new Set(kept.flat())
  const removed: string[] = []
  const provider = {
    discard: async (token: Json) => {
      const name = String(token)
      const holder = holders[name]
      if (holder !== undefined && (there.has(holder) || holder === 'nobody'))
        throw new Error(`${name} is held`)
      // Later than the others ask
      await Promise.resolve()
      there.delete(name)
    },
  } as unknown as Provider
  const files = {
    remove: async (path: string) => void removed.push(path.replace(/.*\/|\.json$/g, '')),
  } as unknown as FileSystem
  const checkpoints = kept.map((names, index) => ({
    id: `c${index}`,
    kept: names.map(token => ({
      address: token,
      kind: 'K',
      name: token,
      connection: 'x',
      identity: {},
      token,
    })),
  })) as unknown as readonly Checkpoint[]
  const { signal } = new AbortController()
  const prune = () => pruneCheckpoints(checkpoints, new Map([['x', provider]]), files, '/state', signal)
  return { prune, there, removed }
}

describe('pruning', () => {
  const cases: readonly {
    readonly reason: string
    readonly kept: readonly (readonly string[])[]
    readonly holders: Readonly<Record<string, string>>
    readonly fails?: string
    readonly left: readonly string[]
    readonly removed: readonly string[]
  }[] = [
    {
      reason: 'destroys what nothing holds',
      ...{ kept: [['a', 'b'], ['c']], holders: {}, left: [], removed: ['c0', 'c1'] },
    },
    {
      reason: 'destroys what another kept thing holds after that one',
      ...{ kept: [['parent', 'child', 'grandchild']], holders: { parent: 'child', child: 'grandchild' } },
      ...{ left: [], removed: ['c0'] },
    },
    {
      reason: 'fails where something stays held, and leaves its checkpoint and the newer ones',
      ...{
        kept: [['a'], ['held', 'b'], ['c']],
        holders: { held: 'nobody' },
        fails: 'could not be destroyed',
      },
      ...{ left: ['held', 'c'], removed: ['c0'] },
    },
  ]
  for (const { reason, kept, holders, fails, left, removed } of cases) {
    it(reason, async () => {
      const world = scene(kept, holders)
      if (fails === undefined) await world.prune()
      else await expect(world.prune()).rejects.toThrow(fails)
      expect([...world.there]).toEqual(left)
      expect(world.removed).toEqual(removed)
    })
  }
})

describe('the checkpoints to prune', () => {
  const all = ['3f2a', '3f9b', '77aa'].map(id => ({ id })) as unknown as readonly Checkpoint[]

  it.each([
    { reason: 'by its name', upTo: '3f9b', ids: ['3f2a', '3f9b'] },
    { reason: 'by a beginning that no other has', upTo: '7', ids: ['3f2a', '3f9b', '77aa'] },
  ])('are those up to one $reason', ({ upTo, ids }) => {
    expect(checkpointsToPrune(all, { upTo }).map(one => one.id)).toEqual(ids)
  })

  it.each([
    { reason: 'two begin so', upTo: '3f', code: 'which-checkpoint' },
    { reason: 'nothing is said', upTo: '', code: 'which-checkpoint' },
    { reason: 'none begins so', upTo: '8', code: 'no-checkpoint' },
  ])('are not guessed: $reason', ({ upTo, code }) => {
    expect(() => checkpointsToPrune(all, { upTo })).toThrow(expect.objectContaining({ code }))
  })
})

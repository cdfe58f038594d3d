import { beforeEach, describe, expect, it } from 'vitest'
import {
  listCheckpoints,
  readCheckpoint,
  removeCheckpoint,
  stateBefore,
  takeOutRestored,
  writeCheckpoint,
} from '../../src/apply/checkpoint.js'
import type { Checkpoint, Kept } from '../../src/apply/record.js'
import type { Json } from '../../src/model/value.js'
import { fold } from '../../src/state/fold.js'
import { seededDice } from '../sim/dice.js'
import { type SimDisk, simDisk } from '../sim/files.js'
import { sampleRecord, sampleState } from '../state/sample.js'

const folder = '/s'
let disk: SimDisk
beforeEach(() => {
  disk = simDisk(seededDice(1))
})

const kept = (token: Json): Kept => ({
  ...{
    address: 'Volume/v',
    kind: 'Volume',
    name: 'v',
    connection: 'embedded',
    identity: { uuid: 'u' },
    token,
  },
})

/** States 1 to 5, each with one resource more, and the checkpoints between them. */
function chain() {
  const checkpoints: Checkpoint[] = []
  const states = [sampleState(1, [])]
  for (let serial = 2; serial <= 5; serial += 1) {
    const outcomes = new Map([[`VirtualMachine/vm-${serial}`, sampleRecord(`vm-${serial}`)]])
    const base = states.at(-1) ?? sampleState(1, [])
    const { document, back } = fold(base, outcomes, { serial })
    states.push(document)
    checkpoints.push({
      ...{
        format: 1,
        id: `id-${9 - serial}`,
        lineage: base.lineage,
        before: serial - 1,
        after: serial,
        at: 0,
      },
      ...{ command: 'infra apply', summary: '1 create', back, kept: [] },
    })
  }
  return { states, checkpoints, current: states[4] ?? sampleState(1, []) }
}

describe('checkpoints', () => {
  it('are listed by the serial they lead to, and removed', async () => {
    const { checkpoints } = chain()
    for (const checkpoint of checkpoints) await writeCheckpoint(disk.files, folder, checkpoint)
    expect(await listCheckpoints(disk.files, folder)).toEqual({ checkpoints, broken: [] })
    await removeCheckpoint(disk.files, folder, 'id-6')
    expect((await listCheckpoints(disk.files, folder)).checkpoints.map(one => one.before)).toEqual([1, 3, 4])
    expect(await readCheckpoint(disk.files, folder, 'id-6')).toBeUndefined()
    expect(await readCheckpoint(disk.files, folder, 'id-7')).toEqual(checkpoints[0])
  })

  it('are none where there is no folder', async () => {
    expect(await listCheckpoints(disk.files, folder)).toEqual({ checkpoints: [], broken: [] })
  })

  it.each(['../state', 'a/b', '', '.', '-x', 'x'.repeat(65)])(
    'are never looked for outside their folder: %j',
    async id => {
      await expect(readCheckpoint(disk.files, folder, id)).rejects.toMatchObject({ code: 'no-checkpoint' })
    },
  )

  it('that are broken are told of and hide no others', async () => {
    const { checkpoints } = chain()
    for (const checkpoint of checkpoints) await writeCheckpoint(disk.files, folder, checkpoint)
    disk.tamper(`${folder}/checkpoints/id-6.json`, bytes => bytes.subarray(0, 200))
    const list = await listCheckpoints(disk.files, folder)
    expect(list.checkpoints.map(one => one.before)).toEqual([1, 3, 4])
    expect(list.broken).toMatchObject([{ kind: 'storage', code: 'checkpoint-broken' }])
    await takeOutRestored(disk.files, folder, ['x'])
  })

  it('lead back to each state that was', () => {
    const { states, checkpoints, current } = chain()
    checkpoints.forEach((checkpoint, index) => {
      expect(stateBefore(current, checkpoints, checkpoint.id)).toEqual(states[index])
    })
    expect(() => stateBefore(current, checkpoints, 'none')).toThrow('there is no checkpoint "none"')
  })

  it.each([
    { reason: 'one on the way is gone', change: (all: Checkpoint[]) => all.filter(one => one.before !== 3) },
    {
      reason: 'one on the way is of another state',
      change: (all: Checkpoint[]) => all.map(one => (one.before === 3 ? { ...one, lineage: 'other' } : one)),
    },
    {
      reason: 'one on the way does not lead back',
      change: (all: Checkpoint[]) => all.map(one => (one.before === 3 ? { ...one, before: 4 } : one)),
    },
    { reason: 'the newest is gone', change: (all: Checkpoint[]) => all.slice(0, -1) },
  ])('do not lead back where $reason', ({ change }) => {
    const { checkpoints, current } = chain()
    expect(() => stateBefore(current, change(checkpoints), 'id-7')).toThrow('cannot be put back')
  })

  it('forget what is back in use', async () => {
    const [first, second] = chain().checkpoints
    if (!first || !second) throw new Error('no checkpoints')
    const tokens = [{ path: '/trash/a', image: 'x' }, 'b', 'c']
    await writeCheckpoint(disk.files, folder, { ...first, kept: tokens.map(kept) })
    await writeCheckpoint(disk.files, folder, { ...second, kept: [kept('d')] })
    await takeOutRestored(disk.files, folder, [{ image: 'x', path: '/trash/a' }, 'c'])
    const { checkpoints } = await listCheckpoints(disk.files, folder)
    expect(checkpoints.map(one => one.kept)).toEqual([[kept('b')], [kept('d')]])
  })

  it('say when the disk is full', async () => {
    const [first] = chain().checkpoints
    disk.faults.capacity = 100
    if (first) {
      await expect(writeCheckpoint(disk.files, folder, first)).rejects.toMatchObject({ code: 'disk-full' })
    }
  })
})

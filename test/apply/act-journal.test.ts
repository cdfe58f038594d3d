import { describe, expect, it } from 'vitest'
import { actsInWords, journalActs, openActs, settleActs } from '../../src/apply/act-journal.js'
import { finishWritten } from '../../src/apply/finish-written.js'
import { openJournal, readJournal } from '../../src/apply/journal.js'
import { seededDice } from '../sim/dice.js'
import { type Faults, simDisk } from '../sim/files.js'

const folder = '/s'
const act = (name: string) => ({
  address: `VirtualCluster/${name}`,
  connection: 'lab',
  what: { verb: 'extend', name },
})

function world(faults: Faults = {}) {
  const disk = simDisk(seededDice(1), faults)
  const ports = {
    files: disk.files,
    clock: { now: () => 5, sleep: async () => undefined },
    random: { uuid: () => 'id', bytes: (count: number) => new Uint8Array(count) },
  }
  const context = {
    ports,
    stateFolder: folder,
    base: { lineage: 'l', serial: 3 },
    command: 'infra cluster extend',
  }
  const read = async () => (await readJournal(disk.files, folder))?.records
  return { disk, context, read }
}

describe('acts beside any plan', () => {
  it('are in the journal before they begin, and leave none when all of them have ended', async () => {
    const { context, read } = world()
    const seen = await journalActs(context, async begin => {
      const ended = [await begin(act('a')), await begin(act('b'))]
      const records = await read()
      for (const one of ended) one()
      return records
    })
    expect(seen).toMatchObject([
      { type: 'open', command: 'infra cluster extend', lineage: 'l', serial: 3 },
      { type: 'act', act: 0, ...act('a') },
      { type: 'act', act: 1, ...act('b') },
    ])
    expect(await read()).toBeUndefined()
  })

  it('leave nothing where none was begun, or the first could not be', async () => {
    const { context, read } = world()
    await journalActs(context, async () => undefined)
    expect(await read()).toBeUndefined()
  })

  it('stay in the journal where the end of one is not known, and only that one is open', async () => {
    const { context, read } = world()
    const cutOff = journalActs(context, async begin => {
      const ended = await begin(act('a'))
      await begin(act('b'))
      ended()
      throw new Error('the host is gone')
    })
    await expect(cutOff).rejects.toThrow('the host is gone')
    expect(openActs((await read()) ?? []).map(one => one.address)).toEqual(['VirtualCluster/b'])
  })

  it('are open as they were told last, where one was told again how far it has come', async () => {
    const { context, read } = world()
    const further = (stage: string) => ({ ...act('a'), what: { ...act('a').what, stage } })
    const cutOff = journalActs(context, async begin => {
      await begin(further('begun'))
      await begin(act('b'))
      // killed before the first one could be ended
      await begin(further('losing'))
      throw new Error('killed')
    })
    await expect(cutOff).rejects.toThrow('killed')
    expect(openActs((await read()) ?? []).map(one => [one.act, one.what.name, one.what.stage])).toEqual([
      [1, 'b', undefined],
      [2, 'a', 'losing'],
    ])
    await settleActs(context, async ended => {
      ended(1)
      ended(2)
    })
    expect(await read()).toBeUndefined()
  })

  it('keep everything else from beginning while one is open', async () => {
    const { context, disk } = world()
    await journalActs(context, async begin => void (await begin(act('a'))))
    const code = 'journal-open'
    await expect(openJournal(disk.files, folder)).rejects.toMatchObject({ code })
    await expect(journalActs(context, begin => begin(act('b')))).rejects.toMatchObject({ code })
  })

  it('stay open until the last of them is settled, and then the journal goes', async () => {
    const { context, read } = world()
    await journalActs(context, async begin => {
      for (const name of ['a', 'b', 'c']) await begin(act(name))
    })
    await settleActs(context, async ended => {
      ended(1)
      ended(1)
    })
    expect(openActs((await read()) ?? []).map(one => one.act)).toEqual([0, 2])
    const thrown = settleActs(context, async ended => {
      ended(2)
      throw new Error('the host is gone')
    })
    await expect(thrown).rejects.toThrow('the host is gone')
    expect(openActs((await read()) ?? []).map(one => one.act)).toEqual([0])
    await settleActs(context, async ended => ended(0))
    expect(await read()).toBeUndefined()
  })

  it('are told for people, some of many', () => {
    const records = Array.from({ length: 7 }, (_, index) => ({
      type: 'act' as const,
      act: index,
      ...act(`c${index}`),
    }))
    expect(actsInWords(records.slice(0, 2))).toBe('extend c0 on lab, extend c1 on lab')
    expect(actsInWords(records)).toMatch(/extend c4 on lab and 2 more$/)
  })

  it('are not taken for an apply of which nothing was started', async () => {
    const { context, disk, read } = world()
    await journalActs(context, async begin => void (await begin(act('a'))))
    expect(await finishWritten(disk.files, folder, undefined)).toBe(false)
    expect(await read()).toHaveLength(2)
  })

  it('leave a journal that goes by itself where only its removal was cut off', async () => {
    const { disk, read } = world()
    const journal = await openJournal(disk.files, folder)
    await journal.appendDurably([
      { type: 'open', format: 1, id: 'x', at: 0, command: '', lineage: 'l', serial: 1 },
      { type: 'act', act: 0, ...act('a') },
      { type: 'acted', act: 0 },
    ])
    await journal.close()
    expect(await finishWritten(disk.files, folder, undefined)).toBe(true)
    expect(await read()).toBeUndefined()
  })
})

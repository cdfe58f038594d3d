/** Of acts that were cut off each comes to its own end. */
import { expect, test } from 'vitest'
import type { ActRecord } from '../../src/apply/act-journal.js'
import { settledBy } from '../../src/cli/settling.js'
import { InfraError } from '../../src/model/error.js'

const acts: readonly ActRecord[] = ['web', 'db', 'mail'].map((name, act) => ({
  type: 'act',
  act,
  address: `VirtualMachine/${name}`,
  connection: 'near',
  what: { verb: 'stop', name },
}))

async function settle(fails: unknown) {
  const ended: number[] = []
  const done = settledBy(acts, { ended: act => void ended.push(act) }, async ({ what }) => {
    if (what.name === 'db') throw fails
    return `${what.name} is off.`
  })
  return { done, ended }
}

test('one whose host is down stays open and is told, and the others are settled', async () => {
  const down = new InfraError({ kind: 'connection', code: 'libvirt-unreachable', message: 'no' })
  const { done, ended } = await settle(down)
  expect(await done).toEqual({
    settled: [
      { address: 'VirtualMachine/web', verb: 'stop', text: 'web is off.' },
      { address: 'VirtualMachine/mail', verb: 'stop', text: 'mail is off.' },
    ],
    errors: [down],
  })
  expect(ended).toEqual([0, 2])
})

test('what nobody expected goes on, once the others have come to their end', async () => {
  const { done, ended } = await settle(new TypeError('a bug'))
  await expect(done).rejects.toThrow('a bug')
  expect(ended).toEqual([0, 2])
})

/** An upgrade that was cut off and whose snapshot is not there. */
import { describe, expect, test } from 'vitest'
import { knownAct, placesOn } from '../../../../src/providers/libvirt/acts/known-acts.js'
import { simHost } from './sim-host.js'

const signal = new AbortController().signal
const who = { name: 'web', uuid: '00112233-4455-4677-8899-aabbccddeeff' }

describe('an upgrade that is taken back and has no snapshot', () => {
  test.each([
    {
      reason: 'it had not begun, so that nothing is lost',
      stage: 'snapshot',
      told: 'web is as it was before its upgrade, and has no snapshot infra-upgrade-1.',
    },
    {
      reason: 'it had begun: whether it was put back before nobody can tell',
      stage: 'upgrading',
      told: 'web had no snapshot infra-upgrade-1 any more, and stays as it is: it was put back before, or what its upgrade did is still there.',
    },
  ])('says what is true where $reason', async ({ stage, told }) => {
    const sim = simHost()
    const machine = sim.add(who.name, who.uuid)
    Object.assign(machine, { id: 7, live: machine.stored })
    const act = {
      ...who,
      verb: 'upgrade',
      stage,
      snapshot: 'infra-upgrade-1',
      overlays: {},
      unit: 'infra-0a1b2c3d',
      choice: {},
    }
    const known = await knownAct(act)
    const place = (await placesOn(sim.named, [act], signal))(act)
    expect(await known?.settle(place, 'back', { signal, progress: () => undefined })).toBe(told)
    expect(sim.changes).toEqual([])
    expect(machine.id).toBe(7)
  })
})

/** What it costs that an object which was put aside comes back as another than it was then. */
import { describe, expect, it } from 'vitest'
import { foldJournal } from '../../src/apply/fold.js'
import type { JournalRecord } from '../../src/apply/record.js'
import { restores } from '../../src/apply/ways.js'
import { planStack } from '../../src/planner/plan-stack.js'
import { kinds } from '../../src/session/provider-types.js'
import { desiredOf, identityOf, inputOf, lineage, recordOf } from './fixtures.js'

const GiB = 2 ** 30
const address = 'RbdImage/disk'
const image = (size: number) =>
  desiredOf(
    address,
    kinds.get('RbdImage')?.canonical({ pool: 'vms', size }, { name: 'disk', labels: {}, annotations: {} }),
  )
const token = { kind: 'RbdImage', id: 'abc' }

/** What a delete kept of an image that had this size by then. */
function keptOf(size: number) {
  const record = recordOf(image(GiB))
  const { spec, identity } = record
  const step = {
    ...{ id: `delete ${address}`, address, kind: 'RbdImage', name: 'disk', connection: 'embedded' },
    ...{ action: 'delete', changes: [], before: { spec, identity, sensitive: [] } },
  }
  const journal = [
    { type: 'open', format: 1, id: 'a', at: 0, command: 'infra', lineage, serial: 1 },
    { type: 'plan', direction: 'forward', plan: { mode: 'destroy', steps: [step], observed: {} } },
    { type: 'intent', step: step.id, identity, trash: 't', from: { ...spec, size } },
    { type: 'keep', step: step.id, token },
    { type: 'done', step: step.id, record: null, milliseconds: 1 },
  ] as unknown as readonly JournalRecord[]
  return { kept: foldJournal({ [address]: record }, journal).kept, former: { [address]: record } }
}

const planned = (size: number) => {
  const { kept, former } = keptOf(size)
  const restore = restores(former, kept)
  const { plan } = planStack({
    ...inputOf({ desired: [image(GiB)], options: { mode: 'rollback' }, restore }),
    kinds,
  })
  return plan.steps
}

describe('an image that comes back', () => {
  const cases = [
    { reason: 'as it was costs nothing', size: GiB, hazards: [] },
    {
      reason: 'smaller than it was loses what lies beyond',
      size: 2 * GiB,
      hazards: ['irreversible', 'shrinks-data'],
    },
    { reason: 'larger than it was costs nothing', size: GiB / 2, hazards: [] },
  ]
  for (const { reason, size, hazards } of cases) {
    it(reason, () => {
      const [step, ...more] = planned(size)
      expect(more).toEqual([])
      expect(step).toMatchObject({ action: 'create', hazards })
      // How it was is in the token, too, and may hold what is not to be shown
      expect(step?.restore).toEqual({ identity: identityOf(address), token })
    })
  }
})

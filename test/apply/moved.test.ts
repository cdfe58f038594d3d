/** Just before a step its resource is read once more: what is not as the plan saw it is not touched, and told. */
import { afterEach, describe, expect, test } from 'vitest'
import { readJournal } from '../../src/apply/journal.js'
import { nodePorts } from '../../src/model/node-ports.js'
import type { Attributes } from '../../src/model/value.js'
import type { Provider } from '../../src/providers/provider.js'
import { desiredOf } from '../planner/fixtures.js'
import { type TestWorld, testWorld } from './test-world.js'

const open: TestWorld[] = []
afterEach(async () => {
  for (const world of open.splice(0)) await world.dispose()
})

const disk = desiredOf('Store/disk', { size: 1, colour: 'red', secret: 'hush' }, { sensitive: ['secret'] })

/** Somebody else gives the disk these attributes. */
async function change(world: TestWorld, provider: Provider, spec: Attributes): Promise<void> {
  const record = (await world.state())?.resources[disk.address]
  if (!record) throw new Error('nothing is recorded')
  const { lineage = '' } = (await world.state()) ?? {}
  const { address, kind, name, identity } = record
  const signal = new AbortController().signal
  await provider.update(
    {
      ...{ address, kind, name, identity, labels: {}, owner: { lineage, address } },
      ...{ spec: { ...record.spec, ...spec }, from: record.spec, changes: [], restart: false },
    },
    { signal, keep: async () => undefined, progress: () => undefined },
  )
}

async function changedMeanwhile(spec: Attributes, desired = [{ ...disk, spec: { ...disk.spec, size: 2 } }]) {
  const world = await testWorld()
  open.push(world)
  await world.apply([disk])
  const stop = { onFailure: async () => 'stop' as const }
  const { failures } = await world.apply(desired, stop, provider => change(world, provider, spec))
  return { world, error: failures[0]?.error }
}

const rows: { reason: string; spec: Attributes; why: string }[] = [
  { reason: 'an attribute', spec: { colour: 'blue' }, why: 'colour was "red" and is "blue"' },
  {
    reason: 'several',
    spec: { colour: 'blue', size: 9 },
    why: 'colour was "red" and is "blue"; size was 1 and is 9',
  },
  { reason: 'a secret', spec: { secret: 'louder than hush' }, why: 'secret differs (sensitive)' },
  {
    reason: 'a part that nobody declared',
    spec: { parts: [{ id: 'a' }] },
    why: 'parts[a] was not set and is {"id":"a"}',
  },
]

describe.each(['update', 'delete'])('an %s of what has changed since the plan', action => {
  const desired = action === 'update' ? undefined : []
  test.each(rows)('is not tried, and tells of $reason', async ({ spec, why }) => {
    const { error, world } = await changedMeanwhile(spec, desired)
    expect(error?.details()).toMatchObject({
      code: 'moved',
      address: 'Store/disk',
      message: `the ${action} was not tried: it has changed since the plan was made`,
      why,
    })
    expect(Object.keys(await world.objects())).toEqual(['Store/disk'])
    expect(JSON.stringify(world.events)).not.toContain('hush')
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: 'step-failed', error: expect.objectContaining({ why }) }),
    )
  })
  test('is done where only what nobody declared has changed', async () => {
    const { error } = await changedMeanwhile({ mode: 'moves by itself' }, desired)
    expect(error).toBeUndefined()
  })
})

test('the journal tells what differs', async () => {
  const world = await testWorld()
  open.push(world)
  await world.apply([disk])
  const journals: string[] = []
  const onFailure = async () => {
    journals.push(JSON.stringify(await readJournal(nodePorts.files, world.folder)))
    return 'stop' as const
  }
  const values = { colour: 'blue', secret: 'louder' }
  await world.apply([], { onFailure }, provider => change(world, provider, values))
  expect(journals[0]).toContain('colour was \\"red\\" and is \\"blue\\"; secret differs (sensitive)')
  expect(journals[0]?.match(/"failed".*/)?.[0]).not.toContain('louder')
})

/**
 * What src/providers/provider.ts promises, as tests. Every provider runs it over its own kinds, the embedded one included.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes, Json } from '../../src/model/value.js'
import { classify } from '../../src/planner/classify.js'
import { currentSpec, differences } from '../../src/planner/diff.js'
import { sameIdentity } from '../../src/planner/identity.js'
import type { Kind } from '../../src/providers/kind.js'
import type { Call, Identity, Observation, Owner, Provider, Target } from '../../src/providers/provider.js'

/** A resource to make, and how it is then changed in place. */
export interface Sample {
  readonly kind: Kind
  readonly name: string
  /** As a document has it; the suite makes it canonical. */
  readonly spec: Attributes
  /** The whole spec after a change that needs no replacement. */
  readonly changed?: Attributes
  /** Samples that must be there first, by their place in the list. */
  readonly needs?: readonly number[]
}

export interface World {
  readonly provider: Provider
  readonly samples: readonly Sample[]
  /** A second look at whether the object is there, by the system's own client. */
  readonly exists?: (sample: Sample) => Promise<boolean>
  dispose(): Promise<void>
}

const lineage = randomUUID()
const never = new AbortController().signal

/** Registers the suite. `open` brings the system up; it may take long. */
export function conformance(name: string, open: () => Promise<World>): void {
  describe(`${name} keeps the provider contract`, () => {
    let world: World
    const made: { identity: Identity; target: Target; owner: Owner }[] = []
    const kept: Json[] = []

    beforeAll(async () => {
      world = await open()
    })

    afterAll(async () => {
      for (const { target, identity, owner } of made.splice(0).reverse()) {
        await world.provider
          .delete({ ...target, identity, owner, trash: randomUUID().slice(0, 8) }, call())
          .catch(ignore)
      }
      for (const token of kept.splice(0)) await world.provider.discard?.(token, never).catch(ignore)
      await world.provider.close()
      await world.dispose()
    })

    function call(): Call {
      return {
        signal: never,
        keep: async token => {
          kept.push(token)
        },
        progress: () => undefined,
      }
    }

    async function look(target: Target): Promise<Observation> {
      const found = (await world.provider.observe([target], never)).get(target.address)
      if (!found) throw new Error(`no observation of ${target.address}`)
      return found
    }

    async function present(target: Target): Promise<Extract<Observation, { status: 'present' }>> {
      const found = await look(target)
      if (found.status !== 'present') throw new Error(`${target.address}: ${JSON.stringify(found)}`)
      return found
    }

    /** The sample with everything it needs, made. */
    async function make(
      index: number,
    ): Promise<{ target: Target; identity: Identity; owner: Owner; sample: Sample }> {
      const sample = world.samples[index]
      if (!sample) throw new Error(`there is no sample ${index}`)
      const target = targetOf(sample)
      const there = made.find(one => one.target.address === target.address)
      if (there) return { ...there, sample }
      for (const need of sample.needs ?? []) await make(need)
      const identity = { uuid: randomUUID() }
      const owner = { lineage, address: target.address }
      await world.provider.create({ ...target, identity, owner, labels: {} }, call())
      const seen = await present({ ...target, identity })
      const whole = { ...identity, ...seen.identity }
      const record = { target: { ...target, identity: whole }, identity: whole, owner }
      made.push(record)
      return { ...record, sample }
    }

    test('every sample is absent before it is made', async () => {
      const targets = world.samples.map(targetOf)
      const found = await world.provider.observe(targets, never)
      expect([...found.keys()].sort()).toEqual(targets.map(target => target.address).sort())
      for (const target of targets)
        expect(found.get(target.address), target.address).toEqual({ status: 'absent' })
    })

    test('deleting what is absent succeeds', async () => {
      for (const sample of world.samples) {
        const target = targetOf(sample)
        const owner = { lineage, address: target.address }
        await world.provider.delete(
          { ...target, identity: { uuid: randomUUID() }, owner, trash: 'none' },
          call(),
        )
      }
    }, 60_000)

    test('what was made is read back as it was asked for', async () => {
      for (const [index, sample] of world.samples.entries()) {
        const { target, owner } = await make(index)
        const seen = await present(target)
        const current = currentSpec(target.spec, seen.spec, target.spec, sample.kind.keyedLists)
        expect(differences(current, target.spec, sample.kind.keyedLists), target.address).toEqual([])
        expect(seen.incomplete, target.address).toBeUndefined()
        if (seen.owner) expect(seen.owner, target.address).toEqual(owner)
        for (const fact of Object.keys(seen.facts)) expect(Object.keys(sample.kind.facts)).toContain(fact)
        if (world.exists) expect(await world.exists(sample), target.address).toBe(true)
      }
    }, 600_000)

    test('looking changes nothing, and sees the same by name as by identity', async () => {
      for (const index of world.samples.keys()) await make(index)
      await Promise.all(
        made.map(async ({ target }) => {
          const first = await present(target)
          const again = await present(target)
          expect(again.spec).toEqual(first.spec)
          const { identity: _, ...byName } = target
          expect((await present(byName)).identity).toEqual(again.identity)
        }),
      )
    }, 120_000)

    test('a create that is tried again finishes what is there, and makes no second', async () => {
      for (const index of world.samples.keys()) {
        const { target, identity, owner } = await make(index)
        const before = await present(target)
        await world.provider.create({ ...target, identity, owner, labels: {} }, call())
        expect((await present(target)).identity).toEqual(before.identity)
      }
    }, 600_000)

    test('an update reaches what was asked for, and keeps the object', async () => {
      for (const [index, sample] of world.samples.entries()) {
        if (!sample.changed) continue
        const { target, identity, owner } = await make(index)
        const before = await present(target)
        const spec = canonical(sample, sample.changed)
        const changes = differences(before.spec, spec, sample.kind.keyedLists).flatMap(change => {
          const { how } = classify(sample.kind, change)
          return how === 'live' || how === 'restart' ? [{ path: change.path, how }] : []
        })
        const request = {
          ...target,
          spec,
          identity,
          owner,
          labels: {},
          from: before.spec,
          changes,
          restart: false,
        }
        await world.provider.update(request, call())
        const seen = await present({ ...target, spec })
        expect(seen.identity).toEqual(before.identity)
        const current = currentSpec(spec, seen.spec, spec, sample.kind.keyedLists)
        expect(differences(current, spec, sample.kind.keyedLists), target.address).toEqual([])
        const there = made.find(one => one.target.address === target.address)
        if (there) there.target = { ...target, spec }
      }
    }, 600_000)

    test('what is managed or owned is not listed as unmanaged', async () => {
      const targets = made.map(one => one.target)
      const found = (await world.provider.unmanaged?.(targets, never)) ?? []
      const names = new Set(targets.map(target => `${target.kind}/${target.name}`))
      expect(found.filter(object => names.has(`${object.kind}/${object.name}`))).toEqual([])
    }, 60_000)

    test('what was deleted is gone, and comes back as the same object from what was kept', async () => {
      for (const { target, identity, owner } of [...made].reverse()) {
        const sample = world.samples.find(one => targetOf(one).address === target.address)
        if (!sample) continue
        const undo = sample.kind.deletion(target.spec).undo
        const tokens: Json[] = []
        const keeping = { ...call(), keep: async (token: Json) => void tokens.push(token) }
        const request = { ...target, identity, owner, trash: randomUUID().slice(0, 12) }
        await world.provider.delete(request, keeping)
        expect(await look(target), target.address).toEqual({ status: 'absent' })
        if (world.exists) expect(await world.exists(sample), target.address).toBe(false)
        if (undo === 'restore') {
          const token = tokens.at(-1)
          if (token === undefined) throw new Error(`${target.address} kept nothing of what it deleted`)
          await world.provider.create({ ...target, identity, owner, labels: {}, restore: token }, call())
          const back = await present(target)
          expect(sameIdentity(identity, { ...identity, ...back.identity }), target.address).toBe(true)
          const current = currentSpec(target.spec, back.spec, target.spec, sample.kind.keyedLists)
          expect(differences(current, target.spec, sample.kind.keyedLists), target.address).toEqual([])
          await world.provider.delete(
            { ...request, identity: { ...identity, ...back.identity }, trash: randomUUID().slice(0, 12) },
            keeping,
          )
          expect(await look(target), target.address).toEqual({ status: 'absent' })
        }
        kept.push(...tokens)
        const index = made.findIndex(one => one.target.address === target.address)
        made.splice(index, 1)
      }
    }, 600_000)

    test('discarding what was kept succeeds, and succeeds again', async () => {
      for (const token of kept) {
        await world.provider.discard?.(token, never)
        await world.provider.discard?.(token, never)
      }
      kept.length = 0
    }, 120_000)
  })
}

function canonical(sample: Sample, spec: Attributes): Attributes {
  return sample.kind.canonical(spec, { name: sample.name, labels: {}, annotations: {} })
}

function targetOf(sample: Sample): Target {
  const { kind, name } = sample
  return { address: `${kind.kind}/${name}`, kind: kind.kind, name, spec: canonical(sample, sample.spec) }
}

/** Clean-up goes on past what is gone already. */
function ignore(): void {}

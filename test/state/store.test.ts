import { describe, expect, it } from 'vitest'
import type { InfraError } from '../../src/model/error.js'
import type { StateDocument } from '../../src/state/document.js'
import { fold, patch } from '../../src/state/fold.js'
import { missingDependencies } from '../../src/state/integrity.js'
import { migrate } from '../../src/state/migrate.js'
import { openStore } from '../../src/state/store.js'
import { seededDice } from '../sim/dice.js'
import { type Faults, simDisk } from '../sim/files.js'
import { sampleRecord, sampleState } from './sample.js'

const folder = '/s'
const path = `${folder}/state.json`

async function storeWith(serial: number, faults: Faults = {}) {
  const disk = simDisk(seededDice(serial), faults)
  await disk.files.makeFolder(folder)
  const store = openStore(disk.files, folder)
  for (let at = 1; at <= serial; at += 1) await store.write(sampleState(at, ['a', 'b', `c${at}`]))
  return { disk, store }
}

async function errorOf(promise: Promise<unknown>): Promise<InfraError> {
  try {
    await promise
  } catch (error) {
    return error as InfraError
  }
  throw new Error('it did not fail')
}

const flip = (at: number) => (bytes: Uint8Array) =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
const edit = (from: string, to: string) => (bytes: Uint8Array) =>
  new TextEncoder().encode(new TextDecoder().decode(bytes).replace(from, to))

describe('the state store', () => {
  it('has nothing where nothing was written', async () => {
    const { store } = await storeWith(0)
    expect(await store.read()).toBeUndefined()
    expect(await store.generations()).toEqual([])
  })

  it('gives back what was written, and it is JSON with the records where one looks for them', async () => {
    const { disk, store } = await storeWith(2)
    const state = sampleState(2, ['a', 'b', 'c2'])
    expect(await store.read()).toEqual(state)
    const file = JSON.parse(new TextDecoder().decode(await disk.files.read(path)))
    expect(file).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), ...state })
  })

  it('writes the same bytes whatever the order of records, and any text', async () => {
    const names = ['ä', 'quo"te', 'back\\slash', '日本', 'x":{']
    const documents = [names, [...names].reverse()].map(order => sampleState(1, order))
    const bytes = []
    for (const document of documents) {
      const disk = simDisk(seededDice(1))
      await disk.files.makeFolder(folder)
      await openStore(disk.files, folder).write(document)
      expect(await openStore(disk.files, folder).read()).toEqual(document)
      bytes.push(await disk.files.read(path))
    }
    expect(bytes[0]).toEqual(bytes[1])
  })

  it('keeps five generations, and the one that is pinned', async () => {
    const { store } = await storeWith(4)
    for (let at = 5; at <= 9; at += 1) await store.write(sampleState(at, ['a']), { pin: 2 })
    expect(await store.generations()).toEqual([8, 7, 6, 5, 4, 2])
    expect(await store.generation(2)).toEqual(sampleState(2, ['a', 'b', 'c2']))
    expect((await store.generation(9)).serial).toBe(9)
    expect(await errorOf(store.generation(3))).toMatchObject({ kind: 'storage', code: 'no-generation' })
  })

  it.each([
    { reason: 'the serial is not the next one', next: sampleState(5, []), code: 'state-moved' },
    { reason: 'the serial is there already', next: sampleState(3, []), code: 'state-moved' },
    { reason: 'the lineage is another', next: sampleState(4, [], { lineage: 'other' }), code: 'state-moved' },
    {
      reason: 'a record lies under another address',
      next: sampleState(4, [], { resources: { 'VirtualMachine/x': sampleRecord('y') } }),
      code: 'state-unfit',
    },
    {
      reason: 'an address is none',
      next: sampleState(4, [], { resources: { 'a b': { ...sampleRecord('y'), address: 'a b' } } }),
      code: 'state-unfit',
    },
    { reason: 'the serial is no number', next: sampleState(Number.NaN, []), code: 'state-unfit' },
  ])('writes nothing where $reason', async ({ next, code }) => {
    const { store } = await storeWith(3)
    expect(await errorOf(store.write(next))).toMatchObject({ kind: 'storage', code })
    expect(await store.read()).toEqual(sampleState(3, ['a', 'b', 'c3']))
  })

  it('begins with serial 1', async () => {
    const { store } = await storeWith(0)
    expect(await errorOf(store.write(sampleState(2, [])))).toMatchObject({ code: 'state-moved' })
  })

  it.each([
    { reason: 'it was cut', change: (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1) },
    { reason: 'it is empty', change: () => new Uint8Array() },
    { reason: 'a bit of a record flipped', change: flip(700) },
    { reason: 'a bit of the checksum flipped', change: flip(20) },
    { reason: 'it is zeros', change: (bytes: Uint8Array) => bytes.map(() => 0) },
    { reason: 'somebody edited it', change: edit('4096', '8192') },
    {
      reason: 'it is something else',
      change: () => new TextEncoder().encode('{"sha256":"",\n"format":1}\n'),
    },
  ])('names the last good generation where $reason, and goes back to it', async ({ change }) => {
    const { disk, store } = await storeWith(3)
    disk.tamper(path, change)
    const error = await errorOf(store.read())
    expect(error).toMatchObject({ kind: 'storage', code: 'state-broken' })
    expect(error.hint).toContain('`infra state restore 2`')
    expect(await errorOf(store.write(sampleState(4, [])))).toMatchObject({ code: 'state-broken' })
    const restored = await store.restore(2)
    expect(restored).toEqual(sampleState(4, ['a', 'b', 'c2']))
    expect(await openStore(disk.files, folder).read()).toEqual(restored)
    expect(disk.paths()).toContain(`${path}.broken-3`)
  })

  it('passes over a generation that is broken too', async () => {
    const { disk, store } = await storeWith(3)
    disk.tamper(path, flip(500))
    disk.tamper(`${folder}/generations/2.json`, flip(500))
    expect((await errorOf(store.read())).hint).toContain('`infra state restore 1`')
    expect(await errorOf(store.restore(2))).toMatchObject({ code: 'state-broken' })
    disk.tamper(`${folder}/generations/1.json`, flip(500))
    expect((await errorOf(store.read())).hint).toContain('backup')
  })

  it('goes back from a state that is whole by going forward', async () => {
    const { store } = await storeWith(3)
    expect(await store.restore(1)).toEqual(sampleState(4, ['a', 'b', 'c1']))
    expect(await store.generations()).toEqual([3, 2, 1])
  })

  it('never takes a state that is gone for one that never was', async () => {
    const { disk, store } = await storeWith(3)
    await disk.files.remove(path)
    expect(await errorOf(store.read())).toMatchObject({ kind: 'storage', code: 'state-gone' })
    expect(await errorOf(store.write(sampleState(1, [])))).toMatchObject({ code: 'state-gone' })
    expect((await store.restore(2)).serial).toBe(4)
  })

  it('refuses what a newer version wrote, whole or not by its own reckoning', async () => {
    const { disk, store } = await storeWith(2)
    disk.tamper(path, edit('"format":1', '"format":2'))
    for (const attempt of [store.read(), store.write(sampleState(3, []))]) {
      expect(await errorOf(attempt)).toMatchObject({ kind: 'storage', code: 'state-newer' })
    }
  })

  it.each([
    { code: 'EIO', label: /write state/, expected: 'storage-failed' },
    { code: 'ENOSPC', label: /write state/, expected: 'disk-full' },
    { code: 'ENOSPC', label: /sync state/, expected: 'disk-full' },
    { code: 'EROFS', label: /create state/, expected: 'read-only' },
    { code: 'EACCES', label: /rename to state/, expected: 'not-permitted' },
    { code: 'ENOSPC', label: /link/, expected: 'disk-full' },
  ])('keeps the old state on $code at $label', async ({ code, label, expected }) => {
    const { disk, store } = await storeWith(2)
    disk.faults.fail = { label, code, times: 1 }
    expect(await errorOf(store.write(sampleState(3, [])))).toMatchObject({ kind: 'storage', code: expected })
    expect(await store.read()).toEqual(sampleState(2, ['a', 'b', 'c2']))
    expect(disk.paths().filter(name => name.endsWith('.tmp'))).toEqual([])
    await store.write(sampleState(3, []))
    expect((await store.read())?.serial).toBe(3)
  })

  it('leaves the old state and no remains on a disk that fills up half-way', async () => {
    const { disk, store } = await storeWith(2)
    disk.faults.capacity = disk.used() + 700
    expect(await errorOf(store.write(sampleState(3, ['a', 'b', 'c'])))).toMatchObject({ code: 'disk-full' })
    expect((await store.read())?.serial).toBe(2)
    expect(disk.paths().filter(name => name.endsWith('.tmp'))).toEqual([])
  })
})

describe('a fold', () => {
  it('puts outcomes in, and its patches take them out again', () => {
    const base = sampleState(7, ['a', 'b', 'c'])
    const changed = sampleRecord('b', { tainted: 'it failed' })
    const outputs = { ip: { value: '10.0.0.17', sensitive: false }, key: { value: 'x', sensitive: true } }
    const outcomes = new Map([
      ['VirtualMachine/b', changed],
      ['VirtualMachine/c', null],
      ['VirtualMachine/d', sampleRecord('d')],
    ])
    const { document, back } = fold(base, outcomes, { serial: 8, outputs })
    const { a, d } = { a: sampleRecord('a'), d: sampleRecord('d') }
    expect(document).toEqual({
      ...sampleState(8, []),
      resources: { 'VirtualMachine/a': a, 'VirtualMachine/b': changed, 'VirtualMachine/d': d },
      outputs,
    })
    expect(patch(document, JSON.parse(JSON.stringify(back)))).toEqual(base)
    expect(back.every(one => one.path.length <= 2)).toBe(true)
    expect(base).toEqual(sampleState(7, ['a', 'b', 'c']))
  })

  it('has no patch for what stays', () => {
    const base = sampleState(7, ['a'])
    const { document, back } = fold(base, new Map(), { serial: 8, outputs: { ...base.outputs } })
    expect(back).toEqual([{ op: 'replace', path: ['serial'], value: 7 }])
    expect(document.resources).toBe(base.resources)
  })
})

describe('a state document', () => {
  it('may depend on what it does not hold, and says so', () => {
    const record = sampleRecord('a', { dependencies: ['Image/x', 'VirtualMachine/b'] })
    const state = sampleState(1, ['b'], {
      resources: { 'VirtualMachine/a': record, 'VirtualMachine/b': sampleRecord('b') },
    })
    expect(missingDependencies(state)).toEqual([{ address: 'VirtualMachine/a', missing: 'Image/x' }])
  })

  it('is brought up from older formats a step at a time', () => {
    const old: StateDocument = { ...sampleState(4, ['a']), format: 1 }
    const rename = (suffix: string) => (document: StateDocument) => ({
      ...document,
      stack: document.stack + suffix,
    })
    const steps = new Map([
      [1, rename('-two')],
      [2, rename('-three')],
    ])
    expect(migrate(old, 3, steps)).toEqual({ ...old, format: 3, stack: 'sample-two-three' })
    expect(migrate(old)).toBe(old)
    expect(() => migrate({ ...old, format: 0 })).toThrow('no version of infra wrote')
  })
})

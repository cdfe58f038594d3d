import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderTerminal } from '../../src/report/terminal.js'
import { columns } from '../../src/report/text.js'
import { cpuMilliseconds } from '../cpu.js'
import { change, largePlan, mixedPlan, planOf, resource, step } from './fixtures.js'
import { controls, hostileInput, hostileText, planWith } from './hostile.js'

const plain = { colour: false, width: 100 }

describe('a plan on a terminal', () => {
  it('tells what is destroyed before what is replaced, changed and created', () => {
    const text = renderTerminal(mixedPlan(), plain)
    const places = [
      'Destroy (1)',
      'Replace (1)',
      'Change (2)',
      'Create (2)',
      'Drift',
      'Could not be read',
    ].map(title => text.indexOf(title))
    expect(places).not.toContain(-1)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })

  it('says it all: hazards, data, causes, undo, restarts, capacity, drift, time', () => {
    const text = renderTerminal(mixedPlan(), { ...plain, milliseconds: 340 })
    for (const part of [
      '1 to destroy, 1 to replace, 2 to change, 2 to create, 1 to forget, 12 unchanged',
      '- VirtualMachine/legacy  deletes-data irreversible',
      'destroys 120 GiB in bootDisk, dataDisks[vdb]',
      'undo: it cannot be undone',
      '-/+ Volume/data  deletes-data',
      'because format cannot change in place: a volume keeps its format',
      '~ format: "qcow2" → "raw"  (forces replacement)',
      '~ vcpus: 2 → 4  (needs a restart)',
      '~ autostart: false → true  (drift)',
      'VirtualMachine/web is stopped and started again (vcpus)',
      'VirtualMachine/cache pending:',
      '80 → 120 GiB of 100 GiB: does not fit',
      'VirtualMachine/web modified; put back',
      'Volume/far: connection refused',
      'Planned in 340 ms.',
    ])
      expect(text).toContain(part)
    expect(text).not.toContain('Volume/scratch')
  })

  it('says when it is the embedded world, and which connections are', () => {
    const embedded = { type: 'embedded', description: 'embedded world' }
    expect(renderTerminal(planOf([], { connections: { embedded } }), plain)).toMatch(
      /^ +embedded: a small world/m,
    )
    const both = { embedded, libvirt: { type: 'libvirt', description: 'l' } }
    expect(renderTerminal(planOf([], { connections: both }), plain)).toMatch(
      /^ +embedded \(embedded\): a small/m,
    )
    expect(renderTerminal(mixedPlan(), plain)).not.toContain('embedded')
  })

  it('has nothing to say of a plan without steps but that', () => {
    expect(renderTerminal(planOf([]), plain)).toContain('Nothing to do.')
  })

  it('says something of what is created, however long its first attribute is', () => {
    const desired = resource('Image/debian', { source: { url: `https://example.org/${'a'.repeat(200)}` } })
    const text = renderTerminal(planOf([step('create', 'Image/debian', { desired })]), plain)
    const line = text.split('\n').find(one => one.startsWith('+ Image/debian')) ?? ''
    expect(line).toMatch(/^\+ Image\/debian {2}source\.url="https:\/\/example\.org\/a+…$/)
    expect(columns(line)).toBeLessThanOrEqual(plain.width)
  })

  it('tells of no restart to come of what is destroyed', () => {
    const pending = [{ address: 'VirtualMachine/web', paths: ['vcpus'] }]
    expect(renderTerminal(planOf([], { pending }), plain)).toContain('VirtualMachine/web pending:')
    const gone = planOf([step('delete', 'VirtualMachine/web')], { pending })
    expect(renderTerminal(gone, plain)).not.toContain('pending:')
  })

  it('counts copies of a pool as no data', () => {
    const before = { spec: { size: 3 }, sensitive: [], identity: {} }
    const text = renderTerminal(
      planOf([step('delete', 'CephPool/rbd', { before, hazards: ['deletes-data'] })]),
      plain,
    )
    expect(text).toContain('destroys its data')
    expect(text).not.toContain('bytes')
  })

  it('tells bytes in words where they are many', () => {
    const desired = resource('Volume/a', { size: 536870912000, source: { size: 12 }, vcpus: 4194304 })
    const changes = [change('size', 2 ** 40, 536870912000)]
    const text = renderTerminal(
      planOf([step('create', 'Volume/a', { desired }), step('update', 'Volume/b', { changes })]),
      { ...plain, full: true },
    )
    expect(text).toContain('+ size: 536870912000 (500 GiB)')
    expect(text).toContain('+ source.size: 12\n')
    expect(text).toContain('+ vcpus: 4194304\n')
    expect(text).toContain('~ size: 1099511627776 (1 TiB) → 536870912000 (500 GiB)')
  })

  it.each([20, 36, 80, 132])('keeps to %d columns', width => {
    // A digest is never broken: it is to be copied.
    const addresses = /^([-+~=.]|-\/\+|\s+\+|Digest) /
    for (const full of [false, true]) {
      const lines = renderTerminal(mixedPlan(), { colour: false, width, full }).split('\n')
      for (const line of lines)
        if (!addresses.test(line)) expect(columns(line), line).toBeLessThanOrEqual(width + 2)
    }
  })

  it('colours on request only, and says the same with and without', () => {
    const coloured = renderTerminal(mixedPlan(), { ...plain, colour: true })
    expect(coloured).toContain('\u001b[')
    expect(stripVTControlCharacters(coloured)).toBe(renderTerminal(mixedPlan(), plain))
  })

  it('lists every destroy of many, and cuts a long list of creates short', () => {
    const destroys = renderTerminal(largePlan(1000, 'delete'), plain)
    expect(destroys.match(/^- VirtualMachine/gm)).toHaveLength(1000)
    const creates = renderTerminal(largePlan(1000), plain)
    expect(creates.match(/^\+ VirtualMachine/gm)).toHaveLength(200)
    expect(creates).toContain('and 800 more')
  })

  it('renders 10,000 steps in full within seconds', () => {
    const plan = largePlan(10_000)
    const milliseconds = cpuMilliseconds(() => renderTerminal(plan, { colour: true, full: true }))
    expect(milliseconds).toBeLessThan(2000)
  })

  it('cannot be written over by names and values', () => {
    const lines = (text: string) =>
      renderTerminal(planWith(text), { ...plain, width: 4000, full: true, ...hostileInput(text) }).split('\n')
        .length
    fc.assert(
      fc.property(hostileText, text => {
        const shown = renderTerminal(planWith(text), { ...plain, ...hostileInput(text) })
        expect(shown).not.toMatch(controls)
        expect(lines(text)).toBe(lines('web'))
      }),
    )
  })
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/model/value.js'
import { kinds as realKinds } from '../../src/session/provider-types.js'
import { cutDocuments } from '../../src/stack/documents.js'
import { readExact } from '../../src/stack/exact-yaml.js'
import { firstStack } from '../../src/stack/init.js'
import { stackJsonSchema } from '../../src/stack/json-schema.js'
import { readStack } from '../../src/stack/load.js'
import { kinds } from './kinds.js'
import { fits } from './small-schema.js'
import { withFiles } from './stacks.js'

const schema = stackJsonSchema(kinds.values())

const document = (kind: string, spec?: Json, more: { readonly [key: string]: Json } = {}): Json => ({
  apiVersion: 'infra/v1',
  kind,
  metadata: { name: 'a' },
  ...(spec !== undefined && { spec }),
  ...more,
})

const disk = { sizeGB: 10, empty: true }

describe('infra schema', () => {
  const table: { reason: string; value: Json; fits: boolean }[] = [
    { reason: 'a volume', value: document('Volume', { size: '1GiB' }), fits: true },
    { reason: 'an unknown kind', value: document('Volum', { size: '1GiB' }), fits: false },
    { reason: 'a field of another kind', value: document('Volume', { size: '1GiB', vcpus: 2 }), fits: false },
    { reason: 'a missing field', value: document('Volume', {}), fits: false },
    { reason: 'a missing spec', value: document('Volume'), fits: false },
    { reason: 'a text of the wrong form', value: document('Volume', { size: 'large' }), fits: false },
    { reason: 'a reference in its place', value: document('Volume', { size: '${var.size}' }), fits: true },
    {
      reason: 'a number',
      value: document('VirtualMachine', { vcpus: 2, memoryGiB: 1, bootDisk: disk }),
      fits: true,
    },
    {
      reason: 'no number',
      value: document('VirtualMachine', { vcpus: 'two', memoryGiB: 1, bootDisk: disk }),
      fits: false,
    },
    {
      reason: 'references in the place of numbers, booleans, lists, maps and choices',
      value: document('VirtualMachine', {
        vcpus: '${var.n}',
        memoryGiB: '${var.n}',
        bootDisk: '${var.disk}',
        autostart: '${var.yes}',
        dataDisks: '${var.disks}',
        cloudInit: { sshPwauth: '${var.yes}' },
        cpuMode: '${var.mode}',
        tags: ['${var.tag}'],
      }),
      fits: true,
    },
    {
      reason: 'an unknown field in depth',
      value: document('VirtualMachine', { vcpus: 2, memoryGiB: 1, bootDisk: { ...disk, siz: 1 } }),
      fits: false,
    },
    {
      reason: 'unknown metadata',
      value: document('Volume', { size: '1GiB' }, { metadata: { name: 'a', lables: {} } }),
      fits: false,
    },
    {
      reason: 'a resource that is only read',
      value: document('Volume', undefined, { metadata: { name: 'a', managed: false } }),
      fits: true,
    },
    { reason: 'a template', value: document('VirtualMachineTemplate', { vcpus: 2 }), fits: true },
    {
      reason: 'a template with an unknown field',
      value: document('VirtualMachineTemplate', { vcpu: 2 }),
      fits: false,
    },
    {
      reason: 'a document with a template',
      value: document('VirtualMachine', { template: 't', vcpus: 2 }),
      fits: true,
    },
    {
      reason: 'with a template and an unknown field',
      value: document('VirtualMachine', { template: 't', vcpu: 2 }),
      fits: false,
    },
    {
      reason: "Foundry's, with a status",
      value: document(
        'VirtualMachine',
        { vcpus: 2, memoryGiB: 1, bootDisk: disk },
        { apiVersion: 'foundry.cofront.xyz/v1alpha1', status: {} },
      ),
      fits: true,
    },
    {
      reason: 'a status elsewhere',
      value: document('Volume', { size: '1GiB' }, { status: {} }),
      fits: false,
    },
    {
      reason: 'a Stack',
      value: document('Stack', {
        variables: { a: { type: 'list', default: [1] } },
        providers: { x: { type: 'libvirt', uri: 'q' } },
        outputs: { o: '${var.a}' },
      }),
      fits: true,
    },
    { reason: 'a Stack without a spec', value: document('Stack'), fits: true },
    { reason: 'a Stack with an unknown field', value: document('Stack', { variable: {} }), fits: false },
    {
      reason: 'a variable of no type',
      value: document('Stack', { variables: { a: { type: 'set' } } }),
      fits: false,
    },
    {
      reason: 'forEach',
      value: document('Volume', { size: '1GiB' }, { metadata: { name: 'a', forEach: ['x'] } }),
      fits: true,
    },
  ]
  test.each(table)('holds $reason to what it should be', ({ value, fits: expected }) => {
    expect(fits(schema, value)).toBe(expected)
  })

  test('is made of all real kinds, says something of every field, and is the same every time', () => {
    const real = stackJsonSchema(realKinds.values())
    const again = stackJsonSchema([...realKinds.values()].reverse())
    expect(JSON.stringify(again)).toBe(JSON.stringify(real))
    const definitions = (
      real as { definitions: Record<string, { properties?: Record<string, { description?: string }> }> }
    ).definitions
    for (const kind of realKinds.keys()) {
      const properties = definitions[`${kind}.spec`]?.properties ?? {}
      expect(Object.keys(properties).length, kind).toBeGreaterThan(0)
      for (const [name, field] of Object.entries(properties))
        expect(field.description, `${kind}.${name}`).toBeTruthy()
    }
  })
})

describe('infra init', () => {
  test('writes a stack that reads without an error, fits the schema, and carries the modeline', async () => {
    const text = firstStack({ name: 'first', schema: './infra.schema.json' })
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./infra.schema.json')
    const real = stackJsonSchema(realKinds.values())
    for (const { from, to } of cutDocuments(text).ranges) {
      const parsed = readExact(text.slice(from, to))
      if (!('value' in parsed)) throw new Error('no YAML')
      expect(fits(real, parsed.value), JSON.stringify(parsed.value)).toBe(true)
    }
    await withFiles({ 'stack.yaml': text }, async folder => {
      const { stack } = await readStack({ path: join(folder, 'stack.yaml'), kinds: realKinds })
      expect(stack.name).toBe('first')
      expect([...stack.resources.keys()]).toEqual(['Image/debian-12', 'VirtualMachine/web'])
      expect(stack.resources.get('VirtualMachine/web')?.dependencies).toContain('Image/debian-12')
      expect(stack.connections).toEqual([{ name: 'embedded', type: 'embedded', settings: {} }])
    })
  })

  test('takes no name that a stack cannot have', () => {
    expect(() => firstStack({ name: '../x', schema: 's' })).toThrow('cannot be named')
  })
})

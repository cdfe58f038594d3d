// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readStack, resolveResource, resolveStack } from '../../src/stack/load.js'
import { kinds } from './kinds.js'
import { errorOf, errorsOf, load, read, stackOf, volume, withFiles } from './stacks.js'

const machine = (name: string, spec = '', metadata = ''): string => `apiVersion: infra/v1
kind: VirtualMachine
metadata:
  name: ${name}
${metadata}spec:
  vcpus: 2
  memoryGiB: 4
  bootDisk: {sizeGB: 10, image: debian.qcow2}
${spec}---
`

describe('documents', () => {
  test('a file without a Stack document is a stack named after it, on the embedded world', async () => {
    await withFiles({ 'My Stack!.yaml': volume('a') }, async folder => {
      const { stack } = await readStack({ path: join(folder, 'My Stack!.yaml'), kinds })
      expect(stack.name).toBe('my-stack')
      expect(stack.folder).toBe(folder)
      expect(stack.stateFolder).toBe(join(folder, '.infra', 'my-stack'))
      expect(stack.connections).toEqual([{ name: 'embedded', type: 'embedded', settings: {} }])
      expect(stack.resources.get('Volume/a')).toEqual({
        address: 'Volume/a',
        kind: 'Volume',
        name: 'a',
        connection: 'embedded',
        managed: true,
        labels: {},
        annotations: {},
        lifecycle: {},
        spec: { pool: 'default', size: '1GiB' },
        sensitive: [],
        dependencies: [],
        source: { file: join(folder, 'My Stack!.yaml'), line: 1 },
      })
    })
  })

  test('a folder is read in the order of its files, with their lines', async () => {
    const files = {
      'b.yml': `# note\n\n${volume('b')}`,
      'a.yaml': stackOf('  state: {path: ../state}\n') + volume('a'),
      'values.vars.yaml': 'size: 3',
      '.hidden.yaml': ']',
      'readme.md': 'no stack',
      'sub/c.yaml': ']',
    }
    await withFiles(files, async folder => {
      const { stack } = await readStack({ path: folder, kinds })
      expect([...stack.resources.keys()]).toEqual(['Volume/a', 'Volume/b'])
      expect(stack.resources.get('Volume/a')?.source).toEqual({ file: join(folder, 'a.yaml'), line: 8 })
      expect(stack.resources.get('Volume/b')?.source).toEqual({ file: join(folder, 'b.yml'), line: 3 })
      expect(stack.stateFolder).toBe(join(folder, '..', 'state'))
    })
  })

  test("Foundry's documents load unchanged: their status is ignored, their name lower-cased below", async () => {
    const stack = await load(`apiVersion: foundry.cofront.xyz/v1alpha1
kind: VirtualMachine
metadata:
  name: Web-1
  labels: {tier: front}
  uid: 5f0c1f1e-0c2b-4a8f-9b1d-0d2d6f0f8a11
  generation: 2
  creationTimestamp: "2025-11-03T10:30:45Z"
  annotations: {note: "from Foundry"}
spec:
  vcpus: 4
  memoryGiB: 8
  bootDisk:
    sizeGB: 50
    image: ubuntu-24.04.qcow2
  networkInterfaces:
    - ip: 10.20.30.40/24
      gateway: 10.20.30.1
      dnsServers: [8.8.8.8, 1.1.1.1]
      bridge: br0
      defaultRoute: true
  cloudInit:
    fqdn: web-1.example.com
    sshAuthorizedKeys:
      - ssh-ed25519 AAAA user@host
    passwordHash: $6$abc$def
status:
  phase: Running
  conditions:
    - type: Ready
      status: "True"
  observedGeneration: 3
`)
    const resource = stack.resources.get('VirtualMachine/Web-1')
    expect(resource?.name).toBe('web-1')
    expect(resource?.spec).toMatchObject({ vcpus: 4, autostart: true, cpuMode: 'host-model' })
    expect(resource?.sensitive).toEqual(['cloudInit.passwordHash'])
    const refused = await errorOf(load(`${volume('a').replace(/---\n$/, '')}status: {}\n`))
    expect(refused.code).toBe('unknown-field')
  })

  test('metadata is carried over', async () => {
    const metadata = `  labels: {a: b}
  annotations: {c: d}
  dependsOn: [Volume/b]
  lifecycle:
    preventDestroy: true
    ignoreChanges: [size]
    retainOnDelete: true
    createBeforeDestroy: true
  objectName: other
`
    const stack = await load(volume('a', '', metadata) + volume('b'))
    expect(stack.resources.get('Volume/a')).toMatchObject({
      name: 'other',
      labels: { a: 'b' },
      annotations: { c: 'd' },
      dependencies: ['Volume/b'],
      lifecycle: {
        preventDestroy: true,
        ignoreChanges: ['size'],
        retainOnDelete: true,
        createBeforeDestroy: true,
      },
    })
  })

  test('a resource that is only read may leave out its spec, or parts of it', async () => {
    const document = `apiVersion: infra/v1
kind: VirtualMachine
metadata: {name: old, managed: false}
`
    const stack = await load(
      `${document}---\n${volume('a', '  description: ${VirtualMachine.old.addresses[0]}\n')}`,
    )
    expect(stack.resources.get('VirtualMachine/old')).toMatchObject({ managed: false, spec: {} })
    expect(stack.resources.get('Volume/a')?.spec.description).toEqual({
      $unresolved: '${VirtualMachine.old.addresses[0]}',
    })
    const wrong = await errorOf(load(`${document}spec: {vcpu: 2}\n`))
    expect(wrong).toMatchObject({ code: 'unknown-field', hint: 'Did you mean `vcpus`?' })
  })
})

describe('references', () => {
  test('to a declared attribute are resolved at once, through any number of resources', async () => {
    const many = Array.from({ length: 3000 }, (_, index) =>
      volume(
        `v${index}`,
        index === 0 ? '  description: base\n' : `  description: \${Volume.v${index - 1}.description}\n`,
      ),
    )
    const stack = await load(many.reverse().join(''))
    expect(stack.resources.get('Volume/v2999')?.spec.description).toBe('base')
    expect(stack.resources.get('Volume/v2999')?.dependencies).toEqual(['Volume/v2998'])
  })

  const table: { reason: string; text: string; value: unknown }[] = [
    { reason: 'a whole reference keeps its type', text: '${VirtualMachine.m.vcpus}', value: 2 },
    {
      reason: 'inside a text it becomes one',
      text: 'has ${VirtualMachine.m.vcpus} CPUs',
      value: 'has 2 CPUs',
    },
    { reason: 'defaults count', text: '${VirtualMachine.m.autostart}', value: true },
    {
      reason: 'maps come whole',
      text: '${VirtualMachine.m.bootDisk}',
      value: { sizeGB: 10, image: 'debian.qcow2' },
    },
    { reason: 'list by index', text: '${VirtualMachine.m.dataDisks[1].sizeGB}', value: 7 },
    { reason: 'keyed list by key', text: '${VirtualMachine.m.dataDisks[vdc].sizeGB}', value: 7 },
    { reason: 'the name', text: '${VirtualMachine.m.name}', value: 'm' },
    { reason: 'the name, spelled out', text: '${VirtualMachine.m.metadata.name}', value: 'm' },
    { reason: 'a label', text: '${VirtualMachine.m.labels.tier}', value: 'x' },
    { reason: 'a label with dots', text: '${VirtualMachine.m.metadata.labels.a.b}', value: 'y' },
    { reason: 'below spec', text: '${VirtualMachine.m.spec.memoryGiB}', value: 4 },
    { reason: 'a name with dots', text: '${Volume.debian-12.qcow2.size}', value: '1GiB' },
    { reason: 'an escape', text: 'a $${b} $${', value: 'a ${b} ${' },
    { reason: 'a dollar and a reference', text: '$$${VirtualMachine.m.vcpus}', value: '$2' },
    { reason: 'white space within', text: '${ VirtualMachine.m.vcpus }', value: 2 },
    {
      reason: 'a fact comes later',
      text: '${VirtualMachine.m.addresses[0]}',
      value: { $unresolved: '${VirtualMachine.m.addresses[0]}' },
    },
    {
      reason: 'what comes later keeps the rest of its text, escaped',
      text: '$${x} ${VirtualMachine.m.vcpus}: ${VirtualMachine.m.addresses}',
      value: { $unresolved: '$${x} 2: ${VirtualMachine.m.addresses}' },
    },
  ]
  test.each(table)('$reason', async ({ text, value }) => {
    const disks = '  dataDisks: [{device: vdb, sizeGB: 5}, {device: vdc, sizeGB: 7}]\n'
    const labels = '  labels: {tier: x, a.b: y}\n'
    const cluster = `apiVersion: infra/v1
kind: VirtualCluster
metadata: {name: c}
spec:
  values:
    it: '${text}'
`
    const stack = await load(machine('m', disks, labels) + volume('debian-12.qcow2') + cluster)
    const values = stack.resources.get('VirtualCluster/c')?.spec.values as Record<string, unknown>
    expect(values.it).toEqual(value)
  })

  test('to observed attributes are resolved from what is known, and again when more is', async () => {
    const text = `${machine('m')}${volume('a', '  description: at ${VirtualMachine.m.addresses[0]}\n')}${volume('b', '  description: ${Volume.a.description}\n')}`
    const reading = await read(text)
    const before = reading.stack
    expect(before.resources.get('Volume/b')?.spec.description).toEqual({
      $unresolved: '${Volume.a.description}',
    })
    expect(resolveStack(reading, () => undefined)).toEqual(before)
    const after = resolveStack(reading, address =>
      address === 'VirtualMachine/m' ? { spec: {}, facts: { addresses: ['10.0.0.7'] } } : undefined,
    )
    expect(after.resources.get('Volume/a')?.spec.description).toBe('at 10.0.0.7')
    expect(after.resources.get('Volume/b')?.spec.description).toBe('at 10.0.0.7')
    expect([...after.resources.keys()]).toEqual([...before.resources.keys()])
    expect(resolveStack(reading)).toEqual(before)
  })

  test('at the time of an apply everything is resolved, checked and canonical, or it fails', async () => {
    const stack = await load(
      machine('m') + volume('a', '  size: ${VirtualMachine.m.addresses[0]}\n').replace('  size: 1GiB\n', ''),
    )
    const resource = stack.resources.get('Volume/a')
    const kind = kinds.get('Volume')
    if (!resource || !kind) throw new Error('missing')
    const withFact = (value: string) =>
      resolveResource(resource, () => ({ spec: {}, facts: { addresses: [value] } }), kind).spec
    expect(withFact('3GiB')).toEqual({ pool: 'default', size: '3GiB' })
    expect(() => withFact('${var.x}')).toThrow('must be a size')
    expect(() => resolveResource(resource, () => ({ spec: {}, facts: {} }), kind)).toThrow(
      expect.objectContaining({ code: 'unresolved-reference', address: 'Volume/a' }),
    )
    expect(() => resolveResource(resource, () => undefined, kind)).toThrow('cannot be resolved')
  })

  test('texts that came from values are not read for references again', async () => {
    const text =
      stackOf('  variables: {v: {}}\n') +
      volume('a', "  description: 'x $${y} ${var.v} ${Volume.b.path}'\n") +
      volume('b')
    const stack = await load(text, { variables: { v: '${env.HOME} $' } })
    const resource = stack.resources.get('Volume/a')
    const kind = kinds.get('Volume')
    if (!resource || !kind) throw new Error('missing')
    const resolved = resolveResource(resource, () => ({ spec: {}, facts: { path: '${p}' } }), kind)
    expect(resolved.spec.description).toBe('x ${y} ${env.HOME} $ ${p}')
    // What is resolved is left alone: it holds no reference any more.
    expect(resolveResource(resolved, () => undefined, kind)).toBe(resolved)
  })

  test('a list or map within a text, and what is missing, are errors at their place', async () => {
    const errors = await errorsOf(
      load(
        machine('m', '  tags: [x]\n') +
          volume('a', '  description: "x ${VirtualMachine.m.tags}"\n') +
          volume('b', '  description: ${VirtualMachine.m.adresses}\n') +
          volume('c', '  description: a ${Volume.aa.path}\n') +
          volume('d', '  description: ${Volum.a.path}\n') +
          volume('e', '  description: ${nope}\n') +
          volume('f', '  description: ${VirtualMachine.m}\n') +
          volume('g', '  description: ${VirtualMachine.m.bootDisk.sizGB}\n') +
          volume('h', '  description: ${Volume.a.path\n'),
      ),
    )
    expect(
      errors.map(({ code, address, hint, place }) => [
        code,
        address,
        hint,
        place?.line,
        place?.column,
        place?.length,
      ]),
    ).toEqual([
      ['invalid-reference', 'Volume/a', expect.stringContaining('the whole value'), 17, 19, 24],
      ['unknown-attribute', 'Volume/b', 'Did you mean `addresses`?', 25, 16, 28],
      ['unknown-resource', 'Volume/c', 'Did you mean Volume/a or Volume/b?', 33, 18, 17],
      ['unknown-resource', 'Volume/d', 'Did you mean Volume/a or Volume/b?', 41, 16, 15],
      ['invalid-reference', 'Volume/e', expect.stringContaining('${var.NAME}'), 49, 16, 7],
      ['invalid-reference', 'Volume/f', 'Add one: `.name`, for example.', 57, 16, 19],
      ['unknown-attribute', 'Volume/g', 'Did you mean `sizeGB`?', 65, 16, 34],
      ['invalid-reference', 'Volume/h', expect.stringContaining('Close it'), 73, 16, 15],
    ])
  })

  test('cycles are printed, each once', async () => {
    const errors = await errorsOf(
      load(
        volume('a', '  description: ${Volume.b.name}\n') +
          volume('b', '', '  dependsOn: [Volume/c]\n') +
          volume('c', '  description: ${Volume.a.name}\n') +
          volume('d', '  description: ${Volume.d.path}\n') +
          volume('behind', '  description: ${Volume.a.name}\n'),
      ),
    )
    expect(errors.map(error => error.message)).toEqual([
      'Resources depend on each other: Volume/a → Volume/b → Volume/c → Volume/a',
      'Volume/d depends on itself',
    ])
  })

  test('of objects with one name on several hosts, that of the own host is needed', async () => {
    const pool = (name: string, host: string) => `apiVersion: infra/v1
kind: Pool
metadata: {name: ${name}, objectName: fast}
spec: {path: /x, host: ${host}}
---
`
    const hosts = stackOf('  providers: {libvirt: {}, near: {type: libvirt}, far: {type: libvirt}}\n')
    const stack = await load(
      hosts +
        pool('p1', 'near') +
        pool('p2', 'far') +
        volume('a', '  pool: fast\n  host: near\n') +
        volume('b', '  pool: fast\n  host: far\n') +
        volume('c', '  pool: fast\n'),
    )
    const needs = (name: string) => stack.resources.get(`Volume/${name}`)?.dependencies
    expect([needs('a'), needs('b'), needs('c')]).toEqual([['Pool/p1'], ['Pool/p2'], ['Pool/p1']])
  })

  test('a kind that knows what it needs makes a dependency, and can close a cycle', async () => {
    const pool = (after = '') => `apiVersion: infra/v1
kind: Pool
metadata: {name: fast}
spec: {path: /x${after}}
---
`
    const stack = await load(pool() + volume('a', '  pool: fast\n') + volume('b', '  pool: other\n'))
    expect(stack.resources.get('Volume/a')?.dependencies).toEqual(['Pool/fast'])
    expect(stack.resources.get('Volume/b')?.dependencies).toEqual([])
    const cycle = await errorOf(load(pool(', after: "${Volume.a.name}"') + volume('a', '  pool: fast\n')))
    expect(cycle).toMatchObject({
      code: 'cycle',
      message: expect.stringContaining('Volume/a → Pool/fast → Volume/a'),
    })
  })

  test('dependsOn names what is there', async () => {
    const error = await errorOf(load(volume('a', '', '  dependsOn: [Volume/bb]\n') + volume('b')))
    expect(error).toMatchObject({
      code: 'unknown-resource',
      hint: 'Did you mean Volume/b or Volume/a?',
      place: { line: 5, column: 15, text: '  dependsOn: [Volume/bb]', length: 9 },
    })
  })
})

describe('forEach', () => {
  test('makes instances of a list, a map and a list of maps', async () => {
    const stack = await load(
      stackOf('  variables: {disks: {type: map, default: {x: {size: 3GiB}, y: {size: 4GiB}}}}\n') +
        volume('a', '  description: ${each.key} ${each.value}\n', '  forEach: [one, two]\n') +
        volume('b', '  description: ${each.value.size}\n', '  forEach: ${var.disks}\n') +
        volume(
          'c',
          '  description: ${each.value.at}\n',
          '  forEach: [{name: n, at: here}]\n  objectName: c.${each.key}\n',
        ) +
        volume('d', '  description: ${Volume.b[each.key].path}\n', '  forEach: ${var.disks}\n') +
        volume('e', '  description: ${Volume.b[x].name}\n', '  dependsOn: [Volume/a]\n'),
    )
    const told = [...stack.resources.values()].map(({ address, name, spec }) => [
      address,
      name,
      spec.description,
    ])
    expect(told).toEqual([
      ['Volume/a[one]', 'a-one', 'one one'],
      ['Volume/a[two]', 'a-two', 'two two'],
      ['Volume/b[x]', 'b-x', '3GiB'],
      ['Volume/b[y]', 'b-y', '4GiB'],
      ['Volume/c[n]', 'c.n', 'here'],
      ['Volume/d[x]', 'd-x', { $unresolved: '${Volume.b[x].path}' }],
      ['Volume/d[y]', 'd-y', { $unresolved: '${Volume.b[y].path}' }],
      ['Volume/e', 'e', 'b-x'],
    ])
    expect(stack.resources.get('Volume/d[y]')?.dependencies).toEqual(['Volume/b[y]'])
    expect(stack.resources.get('Volume/e')?.dependencies).toEqual([
      'Volume/a[one]',
      'Volume/a[two]',
      'Volume/b[x]',
    ])
  })

  test('an empty list makes none', async () => {
    expect((await load(volume('a', '', '  forEach: []\n'))).resources.size).toBe(0)
  })

  const wrong: { reason: string; forEach: string; code: string; spec?: string }[] = [
    { reason: 'not a list', forEach: '3', code: 'invalid-value' },
    { reason: 'a key twice', forEach: '[a, a]', code: 'duplicate-name' },
    { reason: 'a key that is a path', forEach: '["../x"]', code: 'invalid-name' },
    { reason: 'an element without a key', forEach: '[{size: 3}]', code: 'invalid-value' },
    { reason: 'an attribute of a resource', forEach: '${Volume.b.name}', code: 'invalid-reference' },
    {
      reason: 'no such part',
      forEach: '{a: {x: 1}}',
      code: 'unknown-attribute',
      spec: '  description: ${each.value.y}\n',
    },
    { reason: 'a secret', forEach: '${var.secret}', code: 'sensitive-name' },
  ]
  test.each(wrong)('is refused for $reason', async ({ forEach, code, spec }) => {
    const head = stackOf('  variables: {secret: {type: list, default: [a], sensitive: true}}\n')
    const error = await errorOf(load(head + volume('a', spec, `  forEach: ${forEach}\n`)))
    expect(error.code).toBe(code)
    expect(error.place?.line).toBeGreaterThan(7)
  })

  test('a reference to all of them says which', async () => {
    const text = volume('a', '', '  forEach: [x]\n') + volume('b', '  description: ${Volume.a.path}\n')
    expect(await errorOf(load(text))).toMatchObject({
      hint: 'Write its key: `${Volume.a[x].…}`, or `[each.key]`.',
    })
  })
})

describe('templates', () => {
  const template = (name: string, spec: string): string => `apiVersion: infra/v1
kind: VirtualMachineTemplate
metadata: {name: ${name}}
spec:
${spec}---
`
  const base = template(
    'base',
    `  vcpus: 1
  memoryGiB: 2
  autostart: false
  tags: [a, b]
  bootDisk: {sizeGB: 10, image: x.qcow2}
  dataDisks: [{device: vdb, sizeGB: 5, key: "\${var.k}"}, {device: vdc, sizeGB: 6}]
`,
  )
  const head = stackOf('  variables: {k: {default: key}}\n')
  const document = (spec: string): string => `apiVersion: infra/v1
kind: VirtualMachine
metadata: {name: web}
spec:
${spec}`

  test('lie under the documents that name them', async () => {
    const small = template('small', '  template: base\n  vcpus: 2\n  tags: [c]\n')
    const own = `  template: small
  memoryGiB: 8
  autostart: null
  bootDisk: {sizeGB: 20}
  dataDisks: [{device: vdc, sizeGB: 60}, {device: vdd, sizeGB: 7}]
`
    const stack = await load(head + base + small + document(own))
    expect([...stack.resources.keys()]).toEqual(['VirtualMachine/web'])
    expect(stack.resources.get('VirtualMachine/web')?.spec).toEqual({
      autostart: true,
      cpuMode: 'host-model',
      vcpus: 2,
      memoryGiB: 8,
      tags: ['c'],
      bootDisk: { sizeGB: 20, image: 'x.qcow2' },
      dataDisks: [
        { device: 'vdb', sizeGB: 5, key: 'key' },
        { device: 'vdc', sizeGB: 60 },
        { device: 'vdd', sizeGB: 7 },
      ],
    })
  })

  test('are told of at their own place when they are wrong', async () => {
    const wrong = template('wrong', '  vcpus: two\n  memoryGiB: 2\n  bootDisk: {sizeGB: 1, empty: true}\n')
    const error = await errorOf(load(wrong + document('  template: wrong\n')))
    expect(error).toMatchObject({
      code: 'invalid-value',
      place: { line: 5, column: 10, text: '  vcpus: two' },
    })
  })

  test('that are missing or go in a circle are errors', async () => {
    expect(await errorOf(load(head + base + document('  template: bas\n')))).toMatchObject({
      code: 'unknown-template',
      hint: 'Did you mean `base`?',
    })
    const circle = template('a', '  template: b\n') + template('b', '  template: a\n')
    expect(await errorOf(load(circle + document('  template: a\n')))).toMatchObject({ code: 'cycle' })
  })
})

describe('connections', () => {
  test('are chosen by name, by type, or by what the spec asks for', async () => {
    const host = '  host: far\n'
    const near = '  providers: {libvirt: {uri: "qemu:///system"}, far: {type: libvirt, port: 3}}\n'
    const stack = await load(stackOf(near) + volume('a') + volume('b', host))
    expect(stack.connections).toEqual([
      { name: 'libvirt', type: 'libvirt', settings: { uri: 'qemu:///system' } },
      { name: 'far', type: 'libvirt', settings: { port: 3 } },
    ])
    expect(stack.resources.get('Volume/a')?.connection).toBe('libvirt')
    expect(stack.resources.get('Volume/b')?.connection).toBe('far')
    const only = await load(stackOf('  providers: {one: {type: libvirt}}\n') + volume('a'))
    expect(only.resources.get('Volume/a')?.connection).toBe('one')
    const pretended = await load(stackOf('  providers: {libvirt: {type: embedded}}\n') + volume('a'))
    expect(pretended.resources.get('Volume/a')?.connection).toBe('libvirt')
    expect(pretended.connections).toEqual([{ name: 'libvirt', type: 'embedded', settings: {} }])
    const none = await load(volume('b', host))
    expect(none.resources.get('Volume/b')?.connection).toBe('embedded')
  })

  test('that are missing or of another type are errors that say what to add', async () => {
    expect(await errorOf(load(stackOf('  providers: {ceph: {}}\n') + volume('a')))).toMatchObject({
      code: 'missing-connection',
      hint: 'Add `libvirt: {}` under `spec.providers` of the Stack document.',
      address: 'Volume/a',
    })
    expect(
      await errorOf(load(stackOf('  providers: {libvirt: {}}\n') + volume('a', '  host: libvrt\n'))),
    ).toMatchObject({
      hint: 'Did you mean `libvirt`?',
    })
    expect((await errorOf(load(stackOf('  providers: {libvirt: {type: ceph}}\n') + volume('a')))).code).toBe(
      'wrong-connection',
    )
  })

  test('are held to the types that there are, and to their settings', async () => {
    const settings = z.strictObject({ uri: z.string().optional() })
    const providerTypes = new Map([
      ['libvirt', { settings }],
      ['embedded', { settings: z.strictObject({}) }],
    ])
    const wrong =
      '  providers:\n    libvirt: {url: x}\n    far: {type: libvrt}\n    none:\n      type: embedded\n      uri: 3\n'
    const errors = await errorsOf(load(stackOf(wrong), { providerTypes }))
    expect(errors.map(({ code, hint, place }) => [code, hint, place?.line, place?.column])).toEqual([
      ['unknown-field', 'Did you mean `uri`?', 7, 15],
      ['unknown-provider', 'Did you mean `libvirt`?', 8, 17],
      ['unknown-field', 'docs/connections/embedded.md lists the settings of embedded.', 11, 7],
    ])
    await load(stackOf('  providers:\n    libvirt:\n'), { providerTypes })
  })

  test('may refer to variables, and to nothing else', async () => {
    const spec =
      '  variables: {host: {default: h}}\n  providers: {libvirt: {uri: "qemu+ssh://${var.host}/system"}}\n'
    expect((await load(stackOf(spec))).connections[0]?.settings).toEqual({ uri: 'qemu+ssh://h/system' })
    const wrong = stackOf('  providers: {libvirt: {uri: "${Volume.a.path}"}}\n')
    expect((await errorOf(load(wrong + volume('a')))).code).toBe('unknown-resource')
  })
})

describe('secrets', () => {
  test('are followed wherever they go', async () => {
    const head = stackOf(`  variables:
    password: {sensitive: true, default: hunter2-long}
  outputs:
    open: \${Volume.c.size}
    hidden: {value: "\${Volume.b.description}", description: it}
    config: \${VirtualCluster.c.kubeconfig}
    asked: {value: 1, sensitive: true}
`)
    const cluster = 'apiVersion: infra/v1\nkind: VirtualCluster\nmetadata: {name: c}\nspec: {}\n---\n'
    const disks = '  dataDisks: [{device: vdb, sizeGB: 5, key: k}]\n  tags: ["${var.password}"]\n'
    const stack = await load(
      head +
        cluster +
        volume('a', '  description: pw ${var.password}\n  key: k\n') +
        volume('b', '  description: ${Volume.a.description}\n') +
        volume('c', '  description: ${Volume.a.key}\n') +
        volume('d', '  description: ${VirtualCluster.c.kubeconfig}\n') +
        volume('e', '  description: ${Volume.a.size}\n') +
        machine('m', disks),
    )
    const sensitive = Object.fromEntries(
      [...stack.resources].map(([address, one]) => [address, one.sensitive]),
    )
    expect(sensitive).toEqual({
      'VirtualCluster/c': [],
      'Volume/a': ['description', 'key'],
      'Volume/b': ['description'],
      'Volume/c': ['description'],
      'Volume/d': ['description'],
      'Volume/e': [],
      'VirtualMachine/m': ['dataDisks[vdb].key', 'tags[0]'],
    })
    expect(stack.secrets).toEqual(['hunter2-long'])
    expect(stack.outputs).toEqual([
      { name: 'open', value: '1GiB', sensitive: false },
      { name: 'hidden', value: 'pw hunter2-long', description: 'it', sensitive: true },
      {
        name: 'config',
        value: { $unresolved: '${VirtualCluster.c.kubeconfig}', $secret: '?' },
        sensitive: true,
      },
      { name: 'asked', value: 1, sensitive: true },
    ])
  })

  test('cannot go where they would be shown', async () => {
    const head = stackOf('  variables: {p: {sensitive: true, default: hunter2-long}}\n')
    const errors = await errorsOf(
      load(head + volume('a', '', '  labels: {x: "${var.p}"}\n  objectName: ${var.p}\n')),
    )
    expect(errors.map(error => error.code)).toEqual(['sensitive-name', 'sensitive-name'])
    expect(JSON.stringify(errors.map(error => error.details()))).not.toContain('hunter2')
  })
})

describe('values that are known later', () => {
  test('stand wherever a value may, and hide no other error', async () => {
    const later = '${VirtualMachine.old.addresses}'
    const old = 'apiVersion: infra/v1\nkind: VirtualMachine\nmetadata: {name: old, managed: false}\n---\n'
    const stack = await load(`${old}apiVersion: infra/v1
kind: VirtualMachine
metadata: {name: m}
spec:
  vcpus: ${later}
  memoryGiB: 2
  bootDisk: {sizeGB: ${later.replace('$', '"$')}", image: x}
  dataDisks: ${later}
  cloudInit: ${later}
  cpuMode: ${later}
`)
    expect(stack.resources.get('VirtualMachine/m')?.spec).toMatchObject({
      vcpus: { $unresolved: later },
      dataDisks: { $unresolved: later },
      cloudInit: { $unresolved: later },
    })
    const wrong = machine('n', `  cloudInit: ${later}\n  vcpu: 3\n`)
    expect((await errorsOf(load(old + wrong))).map(error => error.code)).toEqual(['unknown-field'])
    const union = machine('n').replace('image: debian.qcow2', `image: "${later}", more: 1`)
    expect((await errorsOf(load(old + union))).map(error => error.code)).toEqual(['unknown-field'])
    const disks = `  dataDisks: [{device: "${later}", sizeGB: 1}, {device: vdb, sizeGB: 1}, {device: vdb, sizeGB: 2}]\n`
    expect(await errorOf(load(old + machine('n', disks)))).toMatchObject({ code: 'duplicate-device' })
  })
})

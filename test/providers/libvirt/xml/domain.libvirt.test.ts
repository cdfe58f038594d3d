/**
 * The XML as libvirt itself takes it: checked against its schemas, defined on a real libvirtd, read back and changed, without
 * a machine being started.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Attributes } from '../../../../src/model/value.js'
import { buildDomain } from '../../../../src/providers/libvirt/xml/domain-build.js'
import { editDomain } from '../../../../src/providers/libvirt/xml/domain-edit.js'
import { observedMachine } from '../../../../src/providers/libvirt/xml/domain-observe.js'
import { readDomain } from '../../../../src/providers/libvirt/xml/domain-read.js'
import { withoutSecrets } from '../../../../src/providers/libvirt/xml/metadata.js'
import { buildNetwork, readNetwork } from '../../../../src/providers/libvirt/xml/network.js'
import { parseXml } from '../../../../src/providers/libvirt/xml/parse.js'
import { buildPool, readPool } from '../../../../src/providers/libvirt/xml/pool.js'
import { buildCephSecret, cephSecret, readSecret } from '../../../../src/providers/libvirt/xml/secret.js'
import { serializeXml } from '../../../../src/providers/libvirt/xml/serialize.js'
import { buildSnapshot } from '../../../../src/providers/libvirt/xml/snapshot.js'
import { find, type XmlElement } from '../../../../src/providers/libvirt/xml/tree.js'
import { buildVolume, readVolume } from '../../../../src/providers/libvirt/xml/volume.js'
import { libvirtLab } from '../../../lab/libvirt.js'
import { inputOf, lineage, machines, observable, simple } from './machines.js'
import { networks, pools } from './objects.js'

const run = promisify(execFile)
const lab = await libvirtLab({ own: 31 })

/** What the lab can run: it has no KVM, and libvirt asks at the definition. */
const emulated: Readonly<Record<string, Attributes>> = Object.fromEntries(
  Object.entries(machines).map(([name, spec]) => [
    name,
    { ...spec, virtualization: 'qemu', ...(spec.cpuMode === 'host-passthrough' && { cpuMode: 'maximum' }) },
  ]),
)
const { cloudInit: _, ...withoutSeed } = simple

describe.skipIf('skip' in lab)(`XML on libvirt${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let folder: string
  let count = 0

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infra-xml-'))
  })

  afterAll(async () => {
    await lab.clean()
    await rm(folder, { recursive: true, force: true })
  })

  async function file(tree: XmlElement): Promise<string> {
    const path = join(folder, `${++count}.xml`)
    await writeFile(path, serializeXml(tree))
    return path
  }

  /** Defined with the schema's leave, and as libvirt gives it back, secrets and all. */
  const defined = async (tree: XmlElement, name: string): Promise<XmlElement> => {
    await lab.virsh('define', '--validate', await file(tree))
    return parseXml(await lab.virsh('dumpxml', '--inactive', '--security-info', name))
  }

  const removed = async (name: string): Promise<void> => {
    await lab.virsh('undefine', '--nvram', name)
  }

  /** Without what only volumes tell. */
  function ofXml(spec: Attributes): Attributes {
    const { sizeGB: _s, image: _i, empty: _e, ...bootDisk } = spec.bootDisk as Attributes
    const dataDisks = (spec.dataDisks as readonly Attributes[]).map(({ sizeGB: _, ...disk }) => disk)
    return { ...spec, bootDisk, dataDisks }
  }

  const noVolumes = { byName: () => undefined, byPath: () => undefined }

  it.each(Object.entries(emulated))('defines a machine and reads the same back: %s', async (_, spec) => {
    const input = inputOf(spec, 'infra-xml')
    const there = await defined(buildDomain(input), 'infra-xml')
    try {
      const reading = readDomain(there, { declared: input.spec })
      expect(ofXml(observedMachine(reading, noVolumes, input.spec).spec)).toEqual(
        ofXml(observable(input.spec)),
      )
      expect(reading.metadata).toEqual(input.metadata)
      expect(reading.uuid).toBe(input.uuid)
    } finally {
      await removed('infra-xml')
    }
  })

  it.each(pairs(emulated))('changes %s into %s, and then nothing more', async (_from, _to, from, to) => {
    const there = await defined(buildDomain(inputOf(from, 'infra-xml')), 'infra-xml')
    try {
      const input = inputOf(to, 'infra-xml')
      const edited = await defined(editDomain(there, input), 'infra-xml')
      const observed = observedMachine(readDomain(edited, { declared: input.spec }), noVolumes, input.spec)
      expect(ofXml(observed.spec)).toEqual(ofXml(observable(input.spec)))
      expect(serializeXml(editDomain(edited, input))).toBe(serializeXml(edited))
    } finally {
      await removed('infra-xml')
    }
  })

  it('keeps what a user added, through libvirt', async () => {
    const spec = { ...withoutSeed, virtualization: 'qemu' }
    const there = await defined(buildDomain(inputOf(spec, 'infra-xml')), 'infra-xml')
    try {
      const watched = parseXml(
        serializeXml(there).replace('</devices>', "<watchdog model='i6300esb' action='reset'/></devices>"),
      )
      const before = await defined(watched, 'infra-xml')
      const after = await defined(
        editDomain(before, inputOf({ ...spec, vcpus: 2 }, 'infra-xml')),
        'infra-xml',
      )
      expect(find(after, 'devices', 'watchdog')).toEqual(find(before, 'devices', 'watchdog'))
      expect(find(after, 'devices', 'disk')).toEqual(find(before, 'devices', 'disk'))
      expect(find(after, 'uuid')).toEqual(find(before, 'uuid'))
    } finally {
      await removed('infra-xml')
    }
  })

  it.each(pools)('defines a pool and reads the same back: %s', async (name, spec) => {
    const { autostart: _a, build: _b, ...told } = withoutSecrets(spec, ['rbd.key'])
    await lab.virsh(
      'pool-define',
      '--validate',
      await file(buildPool({ name: `x-${name}`, spec, rbdSecret: lineage })),
    )
    try {
      expect(
        readPool(parseXml(await lab.virsh('pool-dumpxml', '--inactive', `x-${name}`)), spec).spec,
      ).toEqual(told)
    } finally {
      await lab.virsh('pool-undefine', `x-${name}`)
    }
  })

  it.each(networks)('defines a network and reads the same back: %s', async (name, spec) => {
    const { autostart: _, ...told } = spec
    await lab.virsh(
      'net-define',
      '--validate',
      await file(
        buildNetwork({
          name: `x-${name}`,
          spec,
          metadata: { owner: { lineage, address: `Network/${name}` } },
        }),
      ),
    )
    try {
      const reading = readNetwork(parseXml(await lab.virsh('net-dumpxml', '--inactive', `x-${name}`)), spec)
      expect(reading.spec).toEqual(told)
      expect(reading.metadata.owner?.lineage ?? lineage).toBe(lineage)
    } finally {
      await lab.virsh('net-undefine', `x-${name}`)
    }
  })

  it('makes volumes, one based on the other, and reads the same back', async () => {
    const base = { name: 'x-base', capacityBytes: 1 << 20, format: 'qcow2' as const }
    const top = {
      name: 'x-top',
      capacityBytes: 2 << 20,
      format: 'qcow2' as const,
      backing: { path: `${lab.poolPath}/x-base`, format: 'qcow2' },
    }
    const raw = { name: 'x-raw', capacityBytes: 1 << 20, format: 'raw' as const }
    try {
      for (const volume of [base, top, raw]) {
        await lab.virsh('vol-create', 'lab', await file(buildVolume(volume)))
        const reading = readVolume(parseXml(await lab.virsh('vol-dumpxml', '--pool', 'lab', volume.name)))
        expect(reading).toMatchObject({
          name: volume.name,
          capacityBytes: volume.capacityBytes,
          format: volume.format,
          path: `${lab.poolPath}/${volume.name}`,
        })
        expect(reading.backingPath).toBe(volume === top ? top.backing.path : undefined)
      }
    } finally {
      for (const volume of [top, base, raw])
        await lab.virsh('vol-delete', '--pool', 'lab', volume.name).catch(() => undefined)
    }
  })

  it('defines a secret for a Ceph user', async () => {
    const secret = cephSecret('libvirt', ['10.0.0.1:6789'])
    await lab.virsh('secret-define', await file(buildCephSecret(secret)))
    try {
      expect(readSecret(parseXml(await lab.virsh('secret-dumpxml', secret.uuid)))).toEqual({
        uuid: secret.uuid,
        usage: secret.usage,
      })
    } finally {
      await lab.virsh('secret-undefine', secret.uuid)
    }
  })

  it('writes snapshots as their schema has it', async () => {
    for (const [memory, storage] of [
      [false, 'external'],
      [true, 'external'],
      [true, 'internal'],
    ] as const) {
      const path = await file(
        buildSnapshot({
          name: 's',
          spec: { memory, storage },
          disks: ['vda'],
          without: ['sda'],
          overlays: { vda: '/p/s' },
          memoryPath: '/p/m',
        }),
      )
      // The driver in virsh itself knows the schema; it has no such disks, and says so once the schema is satisfied.
      const result = await run('virsh', [
        '-q',
        '-c',
        'test:///default',
        'snapshot-create',
        '--validate',
        'test',
        path,
      ]).then(
        () => '',
        (error: { stderr: string }) => error.stderr,
      )
      expect(result).toContain('too many disk snapshot requests')
    }
  })
})

function pairs(all: Readonly<Record<string, Attributes>>): [string, string, Attributes, Attributes][] {
  const entries = Object.entries(all)
  return entries.flatMap(([from, a]) =>
    entries
      .filter(([to]) => to !== from)
      .map(([to, b]): [string, string, Attributes, Attributes] => [from, to, a, b]),
  )
}

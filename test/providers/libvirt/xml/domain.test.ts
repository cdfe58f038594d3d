import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../../src/model/value.js'
import { diskBytes } from '../../../../src/providers/libvirt/kinds/units.js'
import { bootVolume, dataVolume } from '../../../../src/providers/libvirt/names.js'
import { buildDomain } from '../../../../src/providers/libvirt/xml/domain-build.js'
import { editDomain } from '../../../../src/providers/libvirt/xml/domain-edit.js'
import {
  observedMachine,
  type VolumeReading,
  type Volumes,
} from '../../../../src/providers/libvirt/xml/domain-observe.js'
import { notRead, readDomain } from '../../../../src/providers/libvirt/xml/domain-read.js'
import { parseXml } from '../../../../src/providers/libvirt/xml/parse.js'
import { serializeXml } from '../../../../src/providers/libvirt/xml/serialize.js'
import { find, findAll, textOf, type XmlElement } from '../../../../src/providers/libvirt/xml/tree.js'
import {
  bios,
  canonical,
  everything,
  inputOf,
  lineage,
  machines,
  multiDisk,
  observable,
  simple,
} from './machines.js'

/** Through text and back, as libvirt would give it. */
function written(tree: XmlElement): XmlElement {
  return parseXml(serializeXml(tree))
}

/** The volumes that a machine of this spec would have. */
function volumesOf(spec: Attributes, name = 'web'): Volumes {
  const pool = String(spec.storagePool)
  const boot = spec.bootDisk as Attributes
  const image = boot.image as string | undefined
  const imagePath = image?.startsWith('/') ? image : image && `/images/${image.replace(':', '/')}`
  const volume = (
    volumePool: string,
    volumeName: string,
    gib: number,
    more: Partial<VolumeReading> = {},
  ): VolumeReading => ({
    pool: volumePool,
    name: volumeName,
    path: `/images/${volumePool}/${volumeName}`,
    capacityBytes: diskBytes(gib),
    allocationBytes: 0,
    format: 'qcow2',
    backingPath: undefined,
    ...more,
  })
  const disks = (spec.dataDisks as readonly Attributes[]).flatMap(disk =>
    typeof disk.sizeGB === 'number'
      ? [volume(pool, dataVolume(name, String(disk.device)), disk.sizeGB, { format: String(disk.format) })]
      : [],
  )
  const all = [
    volume(pool, bootVolume(name), Number(boot.sizeGB), { backingPath: imagePath }),
    ...disks,
    ...(image !== undefined && !image.startsWith('/')
      ? [volume(image.split(':')[0] ?? '', image.split(':')[1] ?? '', 2)]
      : []),
  ]
  return {
    byName: (volumePool, volumeName) => all.find(one => one.pool === volumePool && one.name === volumeName),
    byPath: path => all.find(one => one.path === path),
  }
}

/** And one that not every QEMU can run, so that libvirt is not asked about it. */
const told = {
  ...machines,
  spice: { ...simple, graphics: { type: 'spice', listen: '0.0.0.0', port: 5930, password: 'secret' } },
}

describe('the XML of a domain', () => {
  it.each(Object.entries(told))('says again what the spec said: %s', (_, spec) => {
    const filled = canonical(spec)
    const reading = readDomain(written(buildDomain(inputOf(spec))), { declared: filled })
    const observed = observedMachine(reading, volumesOf(filled), filled)
    expect(observed.spec).toEqual(observable(filled))
    expect(observed.undeclared).toEqual([])
  })

  it.each(Object.entries(told))('says the same without what is passed over: %s', (_, spec) => {
    const xml = serializeXml(buildDomain(inputOf(spec)))
    const [whole, part] = [parseXml(xml), parseXml(xml, notRead)]
    for (const live of [false, true]) {
      expect(readDomain(part, { live })).toEqual(readDomain(whole, { live }))
    }
    expect(serializeXml(part).length).toBeLessThan(serializeXml(whole).length)
  })

  it.each(Object.entries(told))('is not changed by an update to the same spec: %s', (_, spec) => {
    const there = written(buildDomain(inputOf(spec)))
    expect(plain(editDomain(there, inputOf(spec)))).toEqual(plain(there))
  })

  it.each(pairs(told))('is changed into what another spec says: %s to %s', (_, __, from, to) => {
    const there = written(buildDomain(inputOf(from)))
    const edited = written(editDomain(there, inputOf(to)))
    const filled = canonical(to)
    const observed = observedMachine(readDomain(edited, { declared: filled }), volumesOf(filled), filled)
    expect(observed.spec).toEqual(observable(filled))
    expect(observed.undeclared).toEqual([])
    expect(plain(editDomain(edited, inputOf(to)))).toEqual(plain(edited))
  })

  it('carries its owner, labels and document, and none of its secrets', () => {
    const xml = serializeXml(buildDomain(inputOf({ ...everything, graphics: { type: 'none' } })))
    const { metadata } = readDomain(parseXml(xml))
    expect(metadata.owner).toEqual({ lineage, address: 'VirtualMachine/web' })
    expect(metadata.labels).toEqual({ tier: 'front <&>' })
    expect(metadata.document).toMatchObject({ vcpus: 2, networkInterfaces: [{ name: 'lan' }, {}, {}] })
    expect(serializeXml(buildDomain(inputOf(simple)))).not.toContain('$6$salt')
    expect(xml).not.toContain('AQD=')
  })

  it('names interfaces by the document it carries where nothing else is declared', () => {
    const reading = readDomain(written(buildDomain(inputOf(everything))))
    expect(reading.interfaces.map(item => item.spec.name)).toEqual(['lan', 'eth1', 'eth2'])
  })

  it('has Foundry’s names and disks', () => {
    const xml = serializeXml(buildDomain(inputOf(multiDisk, 'my-vm')))
    for (const expected of [
      '<source pool="fast" volume="my-vm_boot"/>',
      '<source pool="fast" volume="my-vm_data-vdb"/>',
      '<source pool="fast" volume="my-vm_cloudinit"/>',
      '<mac address="be:ef:0a:fa:fa:0a"/>',
      '<target dev="vm0afafa0a"/>',
      '<source bridge="br0"/>',
      '<driver name="qemu" type="qcow2" cache="none" discard="unmap"/>',
      'name="org.qemu.guest_agent.0"',
    ]) {
      expect(xml).toContain(expected)
    }
  })

  it('has spare ports on q35, and none on the old machine', () => {
    const ports = (spec: Attributes): number =>
      findAll(find(buildDomain(inputOf(spec)), 'devices'), 'controller').filter(
        one => one.attributes.model === 'pcie-root-port',
      ).length
    expect(ports(simple)).toBe(3 + 3 + 8)
    expect(ports({ ...simple, machine: 'pc' })).toBe(0)
  })
})

describe('an update of a domain', () => {
  const added = `<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></hostdev>`

  /** A domain as libvirt and its users leave it: expanded, with things that infra knows nothing of. */
  function lived(spec: Attributes): XmlElement {
    const xml = serializeXml(buildDomain(inputOf(spec)))
      .replace('machine="q35"', 'machine="pc-q35-7.2"')
      .replace('</devices>', `${added}<watchdog model='itco' action='reset'/></devices>`)
      .replace(
        '<os firmware="efi">',
        `<os firmware="efi"><loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/var/lib/libvirt/qemu/nvram/web_VARS.fd</nvram>`,
      )
      .replace('<metadata>', `<metadata><other:thing xmlns:other='https://example.org'>kept</other:thing>`)
      .replace(
        '<target dev="vm0afafa0a"/>',
        `<target dev="vm0afafa0a"/><address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/><alias name='ua-mine'/>`,
      )
    return parseXml(xml)
  }

  it('keeps what infra does not own', () => {
    const there = lived(simple)
    const edited = editDomain(there, inputOf({ ...simple, vcpus: 6, memoryGiB: 12 }))
    const xml = serializeXml(edited)
    expect(textOf(find(edited, 'vcpu'))).toBe('6')
    expect(textOf(find(edited, 'memory'))).toBe(String(12 * 2 ** 20))
    for (const kept of [
      'hostdev',
      'watchdog',
      'web_VARS.fd',
      'pc-q35-7.2',
      'other:thing',
      'ua-mine',
      '2b7f5a3c-0d4f-4f27-9a39-5c5b2a7d9e01',
    ]) {
      expect(xml).toContain(kept)
    }
  })

  it('keeps the place of an interface whose address changes', () => {
    const moved = {
      ...simple,
      networkInterfaces: [
        {
          ip: '10.250.250.11/24',
          gateway: '10.250.250.1',
          dnsServers: ['8.8.8.8', '1.1.1.1'],
          bridge: 'br1',
        },
      ],
    }
    const nics = findAll(find(editDomain(lived(simple), inputOf(moved)), 'devices'), 'interface')
    expect(nics).toHaveLength(1)
    expect(find(nics[0], 'mac')?.attributes.address).toBe('be:ef:0a:fa:fa:0b')
    expect(find(nics[0], 'source')?.attributes.bridge).toBe('br1')
    expect(find(nics[0], 'address')?.attributes.bus).toBe('0x05')
  })

  it('lets libvirt choose the firmware again when it changes', () => {
    const edited = editDomain(lived(simple), inputOf({ ...simple, secureBoot: true }))
    expect(find(edited, 'os', 'loader')).toBeUndefined()
    expect(find(edited, 'os', 'nvram')).toBeUndefined()
    const bare = editDomain(lived(simple), inputOf({ ...simple, firmware: 'bios' }))
    expect(find(bare, 'os')?.attributes.firmware).toBeUndefined()
  })

  it('leaves away what a user took away', () => {
    const there = parseXml(serializeXml(lived(simple)).replace(/<rng[\s\S]*<\/rng>/, ''))
    expect(find(editDomain(there, inputOf({ ...simple, vcpus: 1 })), 'devices', 'rng')).toBeUndefined()
  })

  it('puts the owner on a domain that had none', () => {
    const { metadata: _, ...bare } = inputOf(simple)
    const there = written(buildDomain(bare))
    expect(readDomain(editDomain(there, inputOf(simple))).metadata.owner).toEqual({
      lineage,
      address: 'VirtualMachine/web',
    })
  })

  it('adds and removes a disk without touching the others', () => {
    const there = lived(multiDisk)
    const disks = (tree: XmlElement): (string | undefined)[] =>
      findAll(find(tree, 'devices'), 'disk').map(disk => find(disk, 'target')?.attributes.dev)
    expect(
      disks(
        editDomain(
          there,
          inputOf({
            ...multiDisk,
            dataDisks: [
              { device: 'vdb', sizeGB: 100 },
              { device: 'vdd', sizeGB: 1 },
            ],
          }),
        ),
      ),
    ).toEqual(['vda', 'vdb', 'sda', 'vdd'])
  })
})

describe('an observation', () => {
  it('looks through the overlays of snapshots', () => {
    const filled = canonical(simple)
    const volumes = volumesOf(filled)
    const overlay: VolumeReading = {
      pool: 'foundry-vms',
      name: 'web.snap1',
      path: '/images/foundry-vms/web.snap1',
      capacityBytes: diskBytes(60),
      allocationBytes: 0,
      format: 'qcow2',
      backingPath: '/images/foundry-vms/web_boot',
    }
    const xml = serializeXml(buildDomain(inputOf(simple)))
      .replace('type="volume" device="disk"', 'type="file" device="disk"')
      .replace(
        '<source pool="foundry-vms" volume="web_boot"/>',
        '<source file="/images/foundry-vms/web.snap1"/>',
      )
    const observed = observedMachine(
      readDomain(parseXml(xml), { declared: filled }),
      { ...volumes, byPath: path => (path === overlay.path ? overlay : volumes.byPath(path)) },
      filled,
    )
    expect(observed.spec.bootDisk).toEqual({
      sizeGB: 60,
      image: 'foundry-images:fedora-43.qcow2',
      cache: 'none',
    })
  })

  it('tells of what nobody declared, and of what is gone', () => {
    const filled = canonical(simple)
    const there = written(buildDomain(inputOf({ ...multiDisk, storagePool: 'foundry-vms', title: 'x' })))
    const observed = observedMachine(
      readDomain(there, { declared: filled }),
      volumesOf(canonical({ ...multiDisk, storagePool: 'foundry-vms' })),
      filled,
    )
    expect(observed.undeclared).toEqual(['disk vdb', 'disk vdc'])
    expect(observed.spec.dataDisks).toEqual([])
    const titled = canonical({
      ...simple,
      title: 'y',
      networkInterfaces: [{ ...(simple.networkInterfaces as readonly Attributes[])[0], mtu: 1400 }],
    })
    const missing = observedMachine(
      readDomain(written(buildDomain(inputOf({ ...simple, cloudInit: undefined as never }))), {
        declared: titled,
      }),
      volumesOf(filled),
      titled,
    )
    expect(missing.spec).toMatchObject({ title: null, cloudInit: null, networkInterfaces: [{ mtu: null }] })
  })

  it('does not compare the CPU of a running domain, which libvirt has expanded', () => {
    const reading = readDomain(written(buildDomain(inputOf(bios))), { live: true })
    expect(reading.spec.cpuMode).toBeUndefined()
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

function plain(node: XmlElement): unknown {
  return {
    name: node.name,
    attributes: { ...node.attributes },
    children: node.children.map(child => (typeof child === 'string' ? child : plain(child))),
  }
}

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documentsText, stackDocumentText } from '../../../../src/cli/hosts/stack-text.js'
import { nodePorts } from '../../../../src/model/node-ports.js'
import { openHosts } from '../../../../src/providers/libvirt/acts/open.js'
import { type Discovery, discover } from '../../../../src/session/discover.js'
import { openSession } from '../../../../src/session/session.js'
import { libvirtLab } from '../../../lab/libvirt.js'
import { create, openProvider, thing } from '../harness.js'
import { connectionTo, dirPools, onlyHost, signal } from './world.js'

/** Machines that Foundry, an Ansible set-up and strangers left: written out, taken over, and then there is nothing to do. */
const lab = await libvirtLab({ own: 47 })

describe.skipIf('skip' in lab)(`what exists${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let here: string
  const xml = async (file: string, content: string) => {
    await writeFile(join(here, file), content)
    return join(here, file)
  }

  /** As Foundry defined them: UEFI, its document in the metadata, a seed, volumes and addresses by its names. */
  const foundry = `<domain type='qemu'><name>found-web</name><memory unit='GiB'>1</memory><vcpu>2</vcpu>
<metadata><foundry:vm xmlns:foundry='https://foundry.cofront.xyz/v1'><foundry:spec>apiVersion: foundry.cofront.xyz/v1alpha1
kind: VirtualMachine
metadata:
  name: found-web
  labels: {env: lab}
spec:
  vcpus: 2
  memoryGiB: 1
  bootDisk: {sizeGB: 1, image: base.qcow2}
  dataDisks: [{device: vdb, sizeGB: 1}]
  networkInterfaces:
    - {ip: 10.98.147.20/24, gateway: 10.98.147.1, dnsServers: [10.98.147.1], bridge: ${lab.bridge}}
  cloudInit: {fqdn: found-web.example.org, sshAuthorizedKeys: [ssh-ed25519 AAAA x]}
</foundry:spec></foundry:vm></metadata>
<os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/><apic/></features><cpu mode='host-model'/>
<devices>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source pool='vms' volume='found-web_boot'/><target dev='vda' bus='virtio'/></disk>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='vms' volume='found-web_data-vdb'/><target dev='vdb' bus='virtio'/></disk>
<disk type='volume' device='cdrom'><driver name='qemu' type='raw'/><source pool='vms' volume='found-web_cloudinit'/><target dev='sda' bus='sata'/><readonly/></disk>
<interface type='bridge'><mac address='be:ef:0a:62:93:14'/><source bridge='${lab.bridge}'/><target dev='vm0a629314'/><model type='virtio'/></interface>
<serial type='pty'/><console type='pty'/></devices></domain>`

  /** Files by their paths, a machine type of old, devices that no document has. */
  const stranger = `<domain type='qemu'><name>stranger</name><memory unit='MiB'>700</memory><currentMemory unit='MiB'>512</currentMemory><vcpu current='1'>4</vcpu>
<description>somebody's</description>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${lab.poolPath}/vms/stranger.img'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${lab.poolPath}/vms/shared.raw'/><target dev='vdb' bus='virtio'/><serial>SHARED</serial></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
<interface type='network'><mac address='52:54:00:11:22:33'/><source network='lab'/><model type='virtio'/></interface>
<interface type='bridge'><mac address='be:ef:0a:62:93:15'/><source bridge='${lab.bridge}'/><model type='e1000'/><bandwidth><inbound average='1000'/></bandwidth></interface>
<graphics type='vnc' port='-1' listen='127.0.0.1'/><video><model type='cirrus'/></video><sound model='ich6'/><watchdog model='i6300esb' action='reset'/>
</devices></domain>`

  const diskless = `<domain type='qemu'><name>Disk Less</name><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os></domain>`

  const network = `<network><name>iso</name><bridge name='br-iso47'/><domain name='lab.test'/><dns><host ip='10.9.47.9'><hostname>x</hostname></host></dns><ip address='10.9.47.1' netmask='255.255.255.0'><dhcp><range start='10.9.47.100' end='10.9.47.150'/><host mac='52:54:00:aa:bb:cc' ip='10.9.47.20' name='y'/></dhcp></ip></network>`

  let before: Record<string, string>

  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'infra-discover-'))
    await dirPools(lab, 'vms', 'images')
    await lab.virsh('vol-create-as', 'images', 'base.qcow2', '1G', '--format', 'qcow2')
    const base = ['--backing-vol', `${lab.poolPath}/images/base.qcow2`, '--backing-vol-format', 'qcow2']
    await lab.virsh('vol-create-as', 'vms', 'found-web_boot', '1G', '--format', 'qcow2', ...base)
    await lab.virsh('vol-create-as', 'vms', 'found-web_data-vdb', '1G', '--format', 'qcow2')
    await lab.virsh('vol-create-as', 'vms', 'found-web_cloudinit', '1M')
    await lab.virsh('vol-create-as', 'vms', 'stranger.img', '200M', '--format', 'qcow2')
    await lab.virsh('vol-create-as', 'vms', 'shared.raw', '10M')
    for (const [file, content] of Object.entries({ foundry, stranger, diskless }))
      await lab.virsh('define', await xml(`${file}.xml`, content))
    await lab.virsh('net-define', await xml('net.xml', network))
    const provider = await openProvider(lab.uri, here)
    const owned = {
      vcpus: 1,
      memoryGiB: 0.25,
      virtualization: 'qemu',
      storagePool: 'vms',
      bootDisk: { sizeGB: 0.1, empty: true },
      networkInterfaces: [{ network: 'lab', dhcp: true }],
      powerState: 'stopped',
    }
    await create(
      provider,
      thing({ kind: 'VirtualMachine', name: 'others', spec: owned }, { uuid: randomUUID() }),
    )
    await provider.close()
    before = Object.fromEntries(
      await Promise.all(
        ['found-web', 'stranger'].map(async name => [name, await lab.virsh('dumpxml', name)] as const),
      ),
    )
  })
  afterAll(async () => {
    await lab.clean()
    await rm(here, { recursive: true, force: true })
  })

  let found: Discovery

  test('is written out as documents, with what Foundry knew of it', async () => {
    const hosts = await openHosts([connectionTo(lab.uri, here)], nodePorts, signal)
    const host = onlyHost(hosts)
    found = await discover(host, signal)
    await hosts.close()
    const document = (name: string) => found.documents.find(one => one.name === name)
    expect(found.documents.map(one => `${one.kind}/${one.name}`).sort()).toEqual([
      'Network/iso',
      'Network/lab',
      'StoragePool/images',
      'StoragePool/lab',
      'StoragePool/vms',
      'VirtualMachine/found-web',
      'VirtualMachine/stranger',
      'Volume/base.qcow2',
      'Volume/shared.raw',
    ])
    expect(document('found-web')).toMatchObject({
      labels: { env: 'lab' },
      spec: {
        vcpus: 2,
        bootDisk: { sizeGB: 1, image: 'images:base.qcow2' },
        dataDisks: [{ device: 'vdb', sizeGB: 1 }],
        networkInterfaces: [{ ip: '10.98.147.20/24', gateway: '10.98.147.1', bridge: lab.bridge }],
        powerState: 'stopped',
        storagePool: 'vms',
      },
      remarks: [expect.stringContaining('first set-up')],
    })
    // what follows from the address is not written down
    expect(document('found-web')?.spec.networkInterfaces).not.toMatchObject([{ mac: expect.anything() }])
    expect(document('stranger')).toMatchObject({
      spec: {
        machine: 'pc',
        firmware: 'bios',
        maxVcpus: 4,
        storagePool: 'vms',
        dataDisks: [{ device: 'vdb', volume: 'vms:shared.raw', serial: 'SHARED' }],
        networkInterfaces: [
          { mac: '52:54:00:11:22:33', dhcp: true },
          { ip: '10.98.147.21/24', model: 'e1000' },
        ],
      },
      remarks: [expect.stringContaining('prefix a guess')],
    })
    expect(found.leftOut).toEqual([
      { host: 'libvirt', kind: 'VirtualMachine', name: 'Disk Less', why: 'it has no disk to boot from' },
      {
        host: 'libvirt',
        kind: 'VirtualMachine',
        name: 'others',
        why: expect.stringContaining('VirtualMachine/others'),
      },
    ])
  })

  test('is taken over in one go, and then there is nothing to do; nothing of it was changed but its tag', async () => {
    const folder = join(here, 'stack')
    await nodePorts.files.makeFolder(folder)
    const text = [
      stackDocumentText('found', [{ name: 'libvirt', type: 'libvirt', settings: { uri: lab.uri } }]),
      documentsText(found.documents, found.leftOut, () => undefined),
    ].join('---\n')
    await writeFile(join(folder, 'stack.yaml'), text)
    const input = {
      path: folder,
      ports: nodePorts,
      signal,
      variables: {},
      variableFiles: [],
      environment: {},
      cacheFolder: join(here, 'cache'),
      version: '0',
    }
    const session = await openSession(input)
    try {
      await session.lock({ host: 'here', pid: process.pid, command: 'test' })
      const adopt = [...session.stack.resources.keys()]
      const made = await session.plan({ only: new Set(adopt), adopt })
      expect(made.problems).toEqual([])
      expect(made.plan.counts).toMatchObject({ adopt: 9, create: 0, update: 0, replace: 0, delete: 0 })
      const control = { stopping: signal, signal, onFailure: async () => 'rollback' as const }
      const outcome = await session.apply(made, 'test', control, false)
      expect(outcome).toMatchObject({ result: 'applied', failures: [] })
      const again = await session.plan()
      expect(again.problems).toEqual([])
      expect(again.plan.steps).toEqual([])
      expect(again.plan.drift).toEqual([])
    } finally {
      await session.close()
    }
    for (const [name, was] of Object.entries(before)) {
      const now = await lab.virsh('dumpxml', name)
      const untagged = now
        .replace(/ *<infra:resource[\s\S]*?<\/infra:resource>\n/, '')
        .replace(/ *<metadata>\s*<\/metadata>\n/, '')
      // a file of a pool may be told as the pool's volume
      const plain = (text: string) =>
        text
          .replace(/<disk type='(file|volume)' device='disk'>/g, '')
          .replace(/<source (file='[^']*\/|pool='vms' volume=')shared\.raw'\/>/, '')
      expect(plain(untagged)).toBe(plain(was))
    }
  })
})

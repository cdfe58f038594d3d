import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../../src/model/value.js'
import { virtualMachine } from '../../../../src/providers/libvirt/kinds/virtual-machine/index.js'
import { multiDisk, simple } from '../xml/machines.js'

const meta = (name = 'web') => ({ name, labels: {}, annotations: {} })
const problems = (spec: Attributes, name?: string) => virtualMachine.check?.(spec, meta(name)) ?? []
const nic = (more: Attributes): Attributes => ({
  ip: '10.0.0.5/24',
  gateway: '10.0.0.1',
  bridge: 'br0',
  ...more,
})

describe('a machine’s document', () => {
  it.each([
    ['simple-vm', simple],
    ['multi-disk-vm', multiDisk],
  ])('is taken as Foundry wrote it: %s', (_, spec) => {
    expect(virtualMachine.schema.safeParse(spec).error?.issues ?? []).toEqual([])
    expect(problems(spec)).toEqual([])
  })

  it('has Foundry’s defaults', () => {
    expect(virtualMachine.canonical(simple, meta('Web'))).toMatchObject({
      cpuMode: 'host-model',
      autostart: true,
      storagePool: 'foundry-vms',
      firmware: 'uefi',
      virtualization: 'kvm',
      machine: 'q35',
      maxVcpus: 4,
      maxMemoryGiB: 8,
      powerState: 'running',
      bootDisk: { image: 'foundry-images:fedora-43.qcow2', cache: 'none' },
      dataDisks: [],
      networkInterfaces: [
        { name: 'eth0', mac: 'be:ef:0a:fa:fa:0a', tap: 'vm0afafa0a', defaultRoute: true, model: 'virtio' },
      ],
      cloudInit: { fqdn: 'web.example.org', sshPwauth: false },
    })
  })

  it('is called in lower case', () => {
    expect(virtualMachine.objectName?.(meta('Web-1'))).toBe('web-1')
  })

  it('gives the default route to the first interface, unless it says otherwise', () => {
    const routes = (items: Attributes[]) =>
      (
        virtualMachine.canonical({ ...simple, networkInterfaces: items }, meta())
          .networkInterfaces as readonly Attributes[]
      ).map(item => item.defaultRoute)
    expect(routes([nic({}), nic({ ip: '10.0.1.5/24' })])).toEqual([true, false])
    expect(routes([nic({ defaultRoute: false }), nic({ ip: '10.0.1.5/24', defaultRoute: true })])).toEqual([
      false,
      true,
    ])
  })

  it.each([
    ['volume.qcow2', 'foundry-images:volume.qcow2'],
    ['other:volume.raw', 'other:volume.raw'],
    ['/srv/volume.qcow2', '/srv/volume.qcow2'],
  ])('means the same image by %s, wherever it is looked up', (image, reference) => {
    const canonical = virtualMachine.canonical({ ...simple, bootDisk: { sizeGB: 1, image } }, meta())
    expect(canonical.bootDisk).toMatchObject({ image: reference })
    expect(canonical.imagePool).toBeUndefined()
  })

  it.each([
    { reason: 'the image’s own pool wins', more: { imagePool: 'golden' }, image: 'golden:a.qcow2' },
    {
      reason: 'a pool in its name wins over both',
      more: { image: 'x:a.qcow2', imagePool: 'golden' },
      image: 'x:a.qcow2',
    },
    { reason: 'qcow2 is what it is anyway', more: { format: 'qcow2' }, image: 'foundry-images:a.qcow2' },
  ])('takes Foundry’s later fields of a boot disk: $reason', ({ more, image }) => {
    const bootDisk = { sizeGB: 1, image: 'a.qcow2', ...more }
    expect(virtualMachine.schema.safeParse({ ...simple, bootDisk }).success).toBe(true)
    expect(problems({ ...simple, bootDisk })).toEqual([])
    const canonical = virtualMachine.canonical({ ...simple, bootDisk }, meta())
    expect(canonical.bootDisk).toEqual({ sizeGB: 1, image, cache: 'none' })
  })

  it('takes both of Foundry’s names for passwords by SSH', () => {
    for (const cloudInit of [{ sshPwauth: true }, { sshPasswordAuth: true }]) {
      expect(virtualMachine.schema.safeParse({ ...simple, cloudInit }).success).toBe(true)
      const canonical = virtualMachine.canonical({ ...simple, cloudInit }, meta())
      expect(canonical.cloudInit).toEqual({ sshPwauth: true, sshAuthorizedKeys: [], bus: 'sata' })
    }
  })

  it('takes Foundry’s way to boot from the network', () => {
    const networkInterfaces = [
      { dhcp: true, bridge: 'br0', pxeBoot: false },
      { dhcp: true, bridge: 'br1', pxeBoot: true },
    ]
    const spec = { ...simple, networkInterfaces }
    expect(virtualMachine.schema.safeParse(spec).success).toBe(true)
    expect(problems(spec)).toEqual([])
    const canonical = virtualMachine.canonical(spec, meta())
    const { pxeBoot: _no, ...first } = networkInterfaces[0] ?? {}
    const { pxeBoot: _yes, ...second } = networkInterfaces[1] ?? {}
    const inOrder = { ...simple, networkInterfaces: [first, second], bootOrder: ['eth1', 'vda'] }
    expect(canonical).toEqual(virtualMachine.canonical(inOrder, meta()))
    const none = { ...simple, networkInterfaces: [{ ...networkInterfaces[0] }] }
    expect(virtualMachine.canonical(none, meta())).not.toHaveProperty('bootOrder')
  })

  it('names what it needs', () => {
    const spec = {
      ...multiDisk,
      dataDisks: [{ device: 'vdb', volume: 'vols:data' }],
      networkInterfaces: [{ dhcp: true, network: 'lab' }],
    }
    const named = (virtualMachine.implied?.(spec, meta()) ?? []).map(({ kind, name }) => `${kind}/${name}`)
    expect(named.sort()).toEqual([
      'Image/fedora-43',
      'Image/fedora-43.qcow2',
      'Image/foundry-images:fedora-43.qcow2',
      'Network/lab',
      'StoragePool/fast',
      'StoragePool/foundry-images',
      'StoragePool/vols',
      'Volume/data',
      'Volume/vols:data',
    ])
  })

  it('keeps the names of interfaces apart, given or not', () => {
    const items = [
      { dhcp: true, bridge: 'a' },
      { name: 'eth0', dhcp: true, bridge: 'b' },
      { dhcp: true, bridge: 'c' },
    ]
    const names = virtualMachine.canonical({ ...simple, networkInterfaces: items }, meta())
      .networkInterfaces as readonly Attributes[]
    expect(names.map(item => item.name)).toEqual(['eth1', 'eth0', 'eth2'])
  })

  it.each([
    [{ vcpus: 0 }, 'vcpus', 'no CPU'],
    [{ vcpus: 1.5 }, 'vcpus', 'half a CPU'],
    [{ memoryGiB: 0 }, 'memoryGiB', 'no memory'],
    [{ memoryGiB: -1 }, 'memoryGiB', 'less than none'],
    [{ bootDisk: { sizeGB: 0, image: 'a' } }, 'bootDisk.sizeGB', 'no size'],
    [{ dataDisks: [{ device: 'vda', sizeGB: 1 }] }, 'dataDisks.0.device', 'the boot disk’s device'],
    [{ dataDisks: [{ device: 'sdb', sizeGB: 1 }] }, 'dataDisks.0.device', 'another bus'],
    [{ networkInterfaces: [] }, 'networkInterfaces', 'no interface'],
    [{ cpuMode: 'fast' }, 'cpuMode', 'an unknown mode'],
    [{ colour: 'red' }, '', 'an unknown field'],
    [{ bootDisk: undefined }, 'bootDisk', 'no boot disk'],
  ])('does not fit with %j', (change, path, reason) => {
    const issues = virtualMachine.schema.safeParse({ ...simple, ...change }).error?.issues ?? []
    expect(
      issues.map(issue => issue.path.join('.')),
      reason,
    ).toContain(path)
  })

  it.each([
    ['-web', 'invalid-name', 'begins with a dash'],
    ['web_', 'invalid-name', 'ends with an underscore'],
    ['we b', 'invalid-name', 'a space'],
    ['wéb', 'invalid-name', 'beyond ASCII'],
    ['a'.repeat(201), 'name-too-long', 'longer than any file name'],
  ])('cannot be called %s', (name, code, reason) => {
    const found = problems(simple, name)
    expect(
      found.map(problem => problem.code),
      reason,
    ).toEqual([code])
    expect(found[0]?.path).toEqual(['metadata', 'name'])
  })

  it.each(['a', 'Web', 'my_vm-1', '1'])('can be called %s', name => {
    expect(problems(simple, name)).toEqual([])
  })

  it.each<[Attributes, string, string]>([
    [{ bootDisk: { sizeGB: 1 } }, 'missing-image', 'neither an image nor empty'],
    [{ bootDisk: { sizeGB: 1, image: 'a', empty: true } }, 'image-and-empty', 'both'],
    [{ bootDisk: { sizeGB: 1, image: 'a/b' } }, 'invalid-volume', 'a folder in a pool'],
    [{ bootDisk: { sizeGB: 1, image: '/a/../b' } }, 'invalid-volume', 'a path that goes up'],
    [{ bootDisk: { sizeGB: 1, image: 'a:b:c' } }, 'invalid-volume', 'two colons'],
    [
      {
        dataDisks: [
          { device: 'vdb', sizeGB: 1 },
          { device: 'vdb', sizeGB: 2 },
        ],
      },
      'duplicate-device',
      'one device twice',
    ],
    [{ bootDisk: { sizeGB: 1, image: 'a', format: 'raw' } }, 'raw-with-image', 'raw above an image'],
    [{ cloudInit: { sshPwauth: true, sshPasswordAuth: false } }, 'two-answers', 'yes and no'],
    [
      { cloudInit: { rawUserData: '#!/bin/sh', userData: '#!/bin/sh' } },
      'two-answers',
      'the whole user-data and a part of it',
    ],
    [
      { cloudInit: { rawUserData: 'echo hello' } },
      'invalid-user-data',
      'user-data that cloud-init does not know',
    ],
    [
      {
        networkInterfaces: [
          { dhcp: true, bridge: 'br0', pxeBoot: true },
          { dhcp: true, bridge: 'br1', pxeBoot: true },
        ],
      },
      'duplicate-pxe-boot',
      'two interfaces that are both the first',
    ],
    [
      { networkInterfaces: [{ dhcp: true, bridge: 'br0', pxeBoot: true }], bootOrder: ['vda'] },
      'two-answers',
      'the network first, and the disk first',
    ],
    [{ dataDisks: [{ device: 'vdb' }] }, 'disk-source', 'a disk of nothing'],
    [{ dataDisks: [{ device: 'vdb', sizeGB: 1, volume: 'x' }] }, 'disk-source', 'a disk of two things'],
    [
      { networkInterfaces: [{ ip: '10.0.0.5/24', gateway: '10.0.0.1' }] },
      'missing-bridge',
      'plugged into nothing',
    ],
    [{ networkInterfaces: [nic({ network: 'lab' })] }, 'two-plugs', 'plugged into two'],
    [{ networkInterfaces: [{ bridge: 'br0', gateway: '10.0.0.1' }] }, 'missing-ip', 'no address'],
    [{ networkInterfaces: [{ bridge: 'br0', ip: '10.0.0.5/24' }] }, 'missing-gateway', 'no gateway'],
    [{ networkInterfaces: [nic({ ip: '10.0.0.5' })] }, 'invalid-ip', 'no prefix'],
    [{ networkInterfaces: [nic({ ip: '10.0.0.5/33' })] }, 'invalid-ip', 'a prefix too long'],
    [{ networkInterfaces: [nic({ ip: '10.0.0.500/24' })] }, 'invalid-ip', 'no address'],
    [{ networkInterfaces: [nic({ gateway: '10.0.0.1/24' })] }, 'invalid-gateway', 'a gateway with a prefix'],
    [{ networkInterfaces: [nic({ gateway: 'fd00::1' })] }, 'gateway-family', 'a gateway of the other family'],
    [
      { networkInterfaces: [nic({ dnsServers: ['dns.example.org'] })] },
      'invalid-dns-server',
      'a name server by name',
    ],
    [{ networkInterfaces: [nic({ dhcp: true })] }, 'ip-and-dhcp', 'static and dynamic'],
    [{ networkInterfaces: [nic({}), nic({ ip: '10.0.0.5/16' })] }, 'duplicate-ip', 'one address twice'],
    [
      { networkInterfaces: [nic({ name: 'a' }), nic({ ip: '10.0.0.6/24', name: 'a' })] },
      'duplicate-name',
      'one name twice',
    ],
    [{ networkInterfaces: [nic({ mac: '01:00:00:00:00:01' })] }, 'multicast-mac', 'a multicast MAC'],
    [{ cloudInit: { fqdn: 'web' } }, 'invalid-fqdn', 'no domain'],
    [{ cloudInit: { fqdn: 'we_b.example.org' } }, 'invalid-fqdn', 'no host name'],
    [{ cloudInit: { fqdn: `${'a'.repeat(64)}.org` } }, 'invalid-fqdn', 'a part too long'],
    [{ cloudInit: { fqdn: `${'a.'.repeat(130)}org` } }, 'invalid-fqdn', 'too long'],
    [{ cloudInit: { sshAuthorizedKeys: ['ssh-foo AAAA'] } }, 'invalid-ssh-key', 'an unknown type'],
    [{ cloudInit: { sshAuthorizedKeys: ['ssh-ed25519'] } }, 'invalid-ssh-key', 'no body'],
    [{ cloudInit: { passwordHash: 'hunter2' } }, 'invalid-password-hash', 'a password in clear'],
    [{ cloudInit: {}, ignition: {} }, 'two-provisioners', 'both'],
    [{ cloudInit: undefined as never, ignition: { config: '[]' } }, 'invalid-ignition', 'no object'],
    [{ maxVcpus: 1 }, 'maximum-below-value', 'fewer at most than it has'],
    [{ maxMemoryGiB: 1 }, 'maximum-below-value', 'less at most than it has'],
    [{ cpuTopology: { sockets: 1, cores: 3, threads: 1 } }, 'topology-mismatch', 'not the number of CPUs'],
    [{ numa: { cells: [{ cpus: '0-3', memoryGiB: 4 }] } }, 'numa-mismatch', 'memory in no cell'],
    [{ cpuMode: 'custom' }, 'missing-cpu-model', 'custom, and what?'],
    [{ cpuModel: 'Haswell' }, 'cpu-model-unused', 'a model that means nothing'],
    [{ virtualization: 'qemu', cpuMode: 'host-passthrough' }, 'needs-kvm', 'nothing to pass through'],
    [{ firmware: 'bios', secureBoot: true }, 'needs-uefi', 'Secure Boot without UEFI'],
    [{ bootOrder: ['vdz'] }, 'unknown-device', 'a device it does not have'],
    [{ bootOrder: ['vda', 'vda'] }, 'duplicate-device', 'twice'],
    [{ fwCfg: [{ name: 'opt/a' }] }, 'fw-cfg-content', 'no content'],
    [
      {
        shares: [
          { tag: 'a', source: '/a' },
          { tag: 'a', source: '/b' },
        ],
      },
      'duplicate-name',
      'one tag twice',
    ],
    [{ readiness: { until: 'tcp' } }, 'missing-port', 'no port'],
    [{ powerState: 'stopped', readiness: { until: 'agent' } }, 'never-ready', 'stopped, and to answer'],
    [
      { cloudInit: undefined as never, readiness: { until: 'cloudInit' } },
      'no-cloud-init',
      'waits for what it has not',
    ],
  ])('is wrong with %j', (change, code, reason) => {
    const spec = Object.fromEntries(
      Object.entries({ ...simple, ...change }).filter(([, value]) => value !== undefined),
    ) as Attributes
    const found = problems(spec)
    expect(
      found.map(problem => problem.code),
      reason,
    ).toContain(code)
    for (const problem of found) expect(problem.hint, reason).toBeTruthy()
  })

  it('never quotes what may be a secret', () => {
    const secret = 'hunter2-PRIVATE'
    const found = problems({ ...simple, cloudInit: { sshAuthorizedKeys: [secret], passwordHash: secret } })
    expect(found).toHaveLength(2)
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })

  it('passes over values that are not known yet', () => {
    const later = { $unresolved: 'a reference' }
    const spec: Attributes = {
      ...simple,
      vcpus: later,
      bootDisk: { sizeGB: later, image: later },
      networkInterfaces: [{ ip: later, gateway: later, bridge: later }],
      cloudInit: { fqdn: later, sshAuthorizedKeys: [later], passwordHash: later },
      dataDisks: [{ device: 'vdb', volume: later }],
    }
    expect(problems(spec)).toEqual([])
    expect(virtualMachine.canonical(spec, meta())).toMatchObject({
      imagePool: 'foundry-images',
      networkInterfaces: [{ name: 'eth0', ip: later }],
    })
  })
})

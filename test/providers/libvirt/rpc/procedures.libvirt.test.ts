import { createReadStream } from 'node:fs'
import { chmod, copyFile, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InfraError } from '../../../../src/model/error.js'
import { Client } from '../../../../src/providers/libvirt/rpc/client.js'
import * as flags from '../../../../src/providers/libvirt/rpc/flags.js'
import type { Procedure } from '../../../../src/providers/libvirt/rpc/procedure.js'
import { procedures as p } from '../../../../src/providers/libvirt/rpc/procedures/index.js'
import type { CallOptions } from '../../../../src/providers/libvirt/rpc/session.js'
import { downloadVolume, openConsole, uploadVolume } from '../../../../src/providers/libvirt/rpc/transfer.js'
import type { Domain, Pool, Volume } from '../../../../src/providers/libvirt/rpc/types.js'
import { libvirtLab } from '../../../lab/libvirt.js'

/**
 * Every procedure of the table, called for real on the lab's libvirtd and its effect checked with virsh. The last test fails
 * when one has not been called with success.
 */
const lab = await libvirtLab({ own: 1 })
const called = new Set<string>()

class Recorded extends Client {
  override async call<A, R>(procedure: Procedure<A, R>, args: A, options?: CallOptions): Promise<R> {
    const result = await super.call(procedure, args, options)
    called.add(procedure.name)
    return result
  }

  override async stream<A>(procedure: Procedure<A, void>, args: A, options?: CallOptions) {
    const result = await super.stream(procedure, args, options)
    called.add(procedure.name)
    return result
  }
}

const uuid = (last: number) => `11111111-2222-4333-8444-${String(last).padStart(12, '0')}`

async function until<T>(seconds: number, probe: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const value = await probe().catch(error => {
      if (Date.now() > end) throw error
      return undefined
    })
    if (value !== undefined) return value
    if (Date.now() > end) throw new Error(`not within ${seconds} s`)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

describe.skipIf('skip' in lab)(`procedures${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const client = new Recorded(lab.uri)
  const signal = new AbortController().signal
  let pool: Pool
  let disk: Volume
  let vm: Domain

  beforeAll(async () => {
    await client.connect()
  })
  afterAll(async () => {
    await client.close()
    await lab.clean()
  })

  const call = async <A, R>(procedure: Procedure<A, R>, args: A) => {
    try {
      return await client.call(procedure, args)
    } catch (error) {
      if (error instanceof InfraError) error.message += `: ${error.why}`
      throw error
    }
  }

  test('connection', async () => {
    const version = await lab.virsh('version')
    const dotted = (n: number) => `${Math.floor(n / 1e6)}.${Math.floor(n / 1e3) % 1e3}.${n % 1e3}`
    expect(version).toContain(
      `Using library: libvirt ${dotted(await call(p.connect.libraryVersion, undefined))}`,
    )
    expect(version).toContain(`QEMU ${dotted(await call(p.connect.hypervisorVersion, undefined))}`)
    expect(await call(p.connect.hostname, undefined)).toBe((await lab.virsh('hostname')).trim())
    expect(await call(p.connect.uri, undefined)).toBe('qemu:///system')
    expect(await call(p.connect.driver, undefined)).toBe('QEMU')
    expect(await call(p.connect.supportsFeature, { feature: 14 })).toBe(true)
    expect(await call(p.connect.capabilities, undefined)).toContain('<capabilities>')
    const caps = await call(p.connect.domainCapabilities, {
      emulator: undefined,
      arch: 'x86_64',
      machine: 'q35',
      virtType: 'qemu',
      flags: 0,
    })
    expect(caps).toContain('<domain>qemu</domain>')
    const interfaces = await call(p.connect.listInterfaces, { needResults: 1, flags: 0 })
    expect(interfaces.map(one => one.name)).toContain(lab.bridge)
  })

  test('pools', async () => {
    const xml = `<pool type='dir'><name>second</name><uuid>${uuid(1)}</uuid><target><path>${lab.poolPath}/second</path></target></pool>`
    const second = await call(p.pools.define, { xml, flags: 0 })
    expect(second).toEqual({ name: 'second', uuid: uuid(1) })
    await call(p.pools.build, { pool: second, flags: 0 })
    await call(p.pools.start, { pool: second, flags: 0 })
    await call(p.pools.setAutostart, { pool: second, autostart: true })
    expect(await call(p.pools.autostart, { pool: second })).toBe(true)
    expect(await lab.virsh('pool-list', '--all')).toMatch(/second +active +yes/)
    expect(await call(p.pools.isActive, { pool: second })).toBe(true)
    expect(await call(p.pools.isPersistent, { pool: second })).toBe(true)
    expect(await call(p.pools.xml, { pool: second, flags: 0 })).toContain(
      `<path>${lab.poolPath}/second</path>`,
    )
    const info = await call(p.pools.info, { pool: second })
    expect(info.state).toBe(flags.poolStates.running)
    expect(info.capacity).toBe(info.allocation + info.available)
    expect(await call(p.pools.lookupByUuid, { uuid: uuid(1) })).toEqual(second)
    expect(await call(p.pools.lookupByPath, { path: `${lab.poolPath}/second` })).toEqual(second)
    await call(p.pools.refresh, { pool: second, flags: 0 })
    const all = await call(p.connect.listPools, { needResults: 1, flags: 0 })
    expect(all.map(one => one.name).sort()).toEqual(['lab', 'second'])
    await call(p.pools.stop, { pool: second })
    await call(p.pools.delete, { pool: second, flags: 0 })
    await call(p.pools.undefine, { pool: second })
    expect(await lab.virsh('pool-list', '--all')).not.toContain('second')
    const passing = await call(p.pools.create, {
      xml: `<pool type='dir'><name>passing</name><target><path>/var/lib/libvirt/qemu</path></target></pool>`,
      flags: 0,
    })
    expect(await call(p.pools.isPersistent, { pool: passing })).toBe(false)
    await call(p.pools.stop, { pool: passing })
    expect(await lab.virsh('pool-list', '--all')).not.toContain('passing')
    pool = await call(p.pools.lookupByName, { name: 'lab' })
  })

  test('volumes, and their bytes up and down', async () => {
    const image = `${await lab.guest('fast')}/fast.qcow2`
    const { size } = await stat(image)
    const raw = await call(p.volumes.create, {
      pool,
      xml: `<volume><name>image.qcow2</name><capacity>${size}</capacity><target><format type='raw'/></target></volume>`,
      flags: 0,
    })
    const bytes: number[] = []
    await uploadVolume(client, raw, createReadStream(image), {
      signal,
      length: size,
      progress: n => bytes.push(n),
    })
    expect(bytes.at(-1)).toBe(size)
    const path = await call(p.volumes.path, { volume: raw })
    expect(path).toBe(`${lab.poolPath}/image.qcow2`)
    expect(Buffer.compare(await readFile(path), await readFile(image))).toBe(0)

    const parts: Buffer[] = []
    for await (const chunk of downloadVolume(client, raw, { signal })) {
      parts.push(chunk instanceof Uint8Array ? Buffer.from(chunk) : Buffer.alloc(chunk.hole))
    }
    expect(Buffer.compare(Buffer.concat(parts), await readFile(image))).toBe(0)

    await call(p.pools.refresh, { pool, flags: 0 })
    disk = await call(p.volumes.createFrom, {
      pool,
      xml: `<volume><name>disk.qcow2</name><capacity unit='MiB'>64</capacity><target><format type='qcow2'/><compat>1.1</compat></target></volume>`,
      source: await call(p.volumes.lookupByName, { pool, name: 'image.qcow2' }),
      flags: 0,
    })
    await call(p.volumes.resize, { volume: disk, capacity: 128 << 20, flags: 0 })
    expect(await call(p.volumes.info, { volume: disk })).toMatchObject({ capacity: 128 << 20 })
    expect(await lab.virsh('vol-info', '--pool', 'lab', 'disk.qcow2')).toMatch(/Capacity: +128.00 MiB/)
    expect(await call(p.volumes.xml, { volume: disk, flags: 0 })).toContain("<format type='qcow2'/>")
    expect(await call(p.volumes.lookupByKey, { key: disk.key })).toEqual(disk)
    expect(await call(p.volumes.lookupByPath, { path: `${lab.poolPath}/disk.qcow2` })).toEqual(disk)
    const all = await call(p.pools.volumes, { pool, needResults: 1, flags: 0 })
    expect(all.map(volume => volume.name).sort()).toEqual(['disk.qcow2', 'image.qcow2'])
    await call(p.volumes.delete, { volume: raw, flags: 0 })
    expect(await lab.virsh('vol-list', 'lab')).not.toContain('image.qcow2')
  })

  test('a sparse volume goes up and down with its holes', async () => {
    const size = 64 << 20
    const volume = await call(p.volumes.create, {
      pool,
      xml: `<volume><name>holes.raw</name><capacity>${size}</capacity><allocation>0</allocation></volume>`,
      flags: 0,
    })
    const data = Buffer.alloc(300_000, 'infra')
    async function* source() {
      yield { hole: 32 << 20 }
      yield data
      yield { hole: size - (32 << 20) - data.length }
    }
    await uploadVolume(client, volume, source(), { signal, length: size })
    const file = await stat(`${lab.poolPath}/holes.raw`)
    expect(file.size).toBe(size)
    expect(file.blocks * 512).toBeLessThan(2 << 20)
    let at = 0
    let carried = 0
    const parts: Buffer[] = []
    for await (const chunk of downloadVolume(client, volume, { signal })) {
      if (chunk instanceof Uint8Array) {
        carried += chunk.length
        parts.push(Buffer.from(chunk))
        at += chunk.length
      } else at += chunk.hole
    }
    expect(at).toBe(size)
    expect(carried).toBeLessThan(2 << 20)
    expect(Buffer.concat(parts).includes(data.subarray(0, 1_000))).toBe(true)
    await call(p.volumes.delete, { volume, flags: 0 })
  })

  test('networks', async () => {
    const xml = `<network><name>own</name><uuid>${uuid(2)}</uuid><bridge name='${lab.bridge}o'/><ip address='10.99.1.1' netmask='255.255.255.0'><dhcp><range start='10.99.1.10' end='10.99.1.20'/></dhcp></ip></network>`
    const network = await call(p.networks.define, { xml })
    expect(network).toEqual({ name: 'own', uuid: uuid(2) })
    await call(p.networks.setAutostart, { network, autostart: true })
    expect(await call(p.networks.autostart, { network })).toBe(true)
    await call(p.networks.start, { network })
    expect(await lab.virsh('net-list')).toMatch(/own +active +yes/)
    expect(await call(p.networks.isActive, { network })).toBe(true)
    expect(await call(p.networks.isPersistent, { network })).toBe(true)
    expect(await call(p.networks.bridge, { network })).toBe(`${lab.bridge}o`)
    await call(p.networks.update, {
      network,
      command: flags.networkUpdates.add,
      section: flags.networkSections.dhcpHost,
      parentIndex: -1,
      xml: "<host mac='52:54:00:00:00:01' name='one' ip='10.99.1.15'/>",
      flags: flags.affect.live | flags.affect.config,
    })
    expect(await lab.virsh('net-dumpxml', 'own')).toContain(
      "<host mac='52:54:00:00:00:01' name='one' ip='10.99.1.15'/>",
    )
    expect(await call(p.networks.xml, { network, flags: flags.inactiveXml })).toContain('10.99.1.15')
    expect(await call(p.networks.lookupByName, { name: 'own' })).toEqual(network)
    expect(await call(p.networks.lookupByUuid, { uuid: uuid(2) })).toEqual(network)
    const all = await call(p.connect.listNetworks, { needResults: 1, flags: 0 })
    expect(all.map(one => one.name).sort()).toEqual(['lab', 'own'])
    await call(p.networks.stop, { network })
    await call(p.networks.undefine, { network })
    expect(await lab.virsh('net-list', '--all')).not.toContain('own')
  })

  test('secrets', async () => {
    const xml = `<secret private='no'><uuid>${uuid(3)}</uuid><usage type='ceph'><name>client.test</name></usage></secret>`
    const secret = await call(p.secrets.define, { xml, flags: 0 })
    await call(p.secrets.setValue, { secret, value: Buffer.from('swordfish'), flags: 0 })
    expect(await lab.virsh('secret-get-value', uuid(3), '--plain')).toBe('swordfish')
    expect(await call(p.secrets.xml, { secret, flags: 0 })).toContain('client.test')
    expect(await call(p.secrets.lookupByUuid, { uuid: uuid(3) })).toEqual(secret)
    expect(await call(p.secrets.lookupByUsage, { type: 2, id: 'client.test' })).toEqual(secret)
    expect(await call(p.connect.listSecrets, { needResults: 1, flags: 0 })).toEqual([secret])
    await call(p.secrets.undefine, { secret })
    expect(await lab.virsh('secret-list')).not.toContain(uuid(3))
  })

  test('a domain, stopped', async () => {
    const folder = await lab.guest('fast')
    for (const file of ['vmlinuz', 'initrd']) await copyFile(`${folder}/${file}`, `${lab.poolPath}/${file}`)
    const args = (await readFile(`${folder}/cmdline`, 'utf8')).trim()
    const ports = `<controller type='pci' index='0' model='pcie-root'/>${"<controller type='pci' model='pcie-root-port'/>".repeat(8)}`
    const xml = `<domain type='qemu'><name>first</name><uuid>${uuid(4)}</uuid><memory unit='MiB'>256</memory><vcpu current='1'>2</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>${lab.poolPath}/vmlinuz</kernel><initrd>${lab.poolPath}/initrd</initrd><cmdline>${args}</cmdline></os>
<features><acpi/><tcg><tb-cache unit='MiB'>64</tb-cache></tcg></features><cpu mode='maximum'/>
<devices><controller type='usb' model='none'/>${ports}<memballoon model='virtio'/>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${lab.poolPath}/disk.qcow2'/><target dev='vda' bus='virtio'/></disk>
<interface type='network'><mac address='52:54:00:00:00:02'/><source network='lab'/><model type='virtio'/></interface>
<serial type='pty'/><console type='pty'/><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>`
    vm = await call(p.domains.define, { xml, flags: 1 })
    expect(vm).toEqual({ name: 'first', uuid: uuid(4), id: -1 })
    expect(await call(p.domains.isActive, { domain: vm })).toBe(false)
    expect(await call(p.domains.isPersistent, { domain: vm })).toBe(true)
    await call(p.domains.rename, { domain: vm, name: 'renamed', flags: 0 })
    expect((await lab.virsh('domname', uuid(4))).trim()).toBe('renamed')
    vm = await call(p.domains.lookupByName, { name: 'renamed' })
    expect(await call(p.domains.lookupByUuid, { uuid: uuid(4) })).toEqual(vm)
    await call(p.domains.setAutostart, { domain: vm, autostart: true })
    expect(await call(p.domains.autostart, { domain: vm })).toBe(true)
    await call(p.domains.setAutostart, { domain: vm, autostart: false })
    const owner = {
      type: flags.metadataTypes.element,
      uri: 'https://example.org/x',
      flags: flags.affect.config,
    }
    await call(p.domains.setMetadata, { domain: vm, ...owner, metadata: '<me a="1"/>', key: 'x' })
    expect(await call(p.domains.metadata, { domain: vm, ...owner })).toContain('a="1"')
    await call(p.domains.setVcpus, { domain: vm, vcpus: 2, flags: flags.affect.config })
    await call(p.domains.setMemory, { domain: vm, memory: 240 << 10, flags: flags.affect.config })
    const inactive = await call(p.domains.xml, { domain: vm, flags: flags.domainXmlFlags.inactive })
    expect(inactive).toContain("<vcpu placement='static'>2</vcpu>")
    expect(inactive).toContain(`<currentMemory unit='KiB'>${240 << 10}</currentMemory>`)
    expect(await call(p.domains.info, { domain: vm })).toMatchObject({ maxMemory: 256 << 10, vcpus: 2 })

    const snapshot = await call(p.snapshots.create, {
      domain: vm,
      xml: '<domainsnapshot><name>s1</name></domainsnapshot>',
      flags: 0,
    })
    expect(await call(p.snapshots.list, { domain: vm, needResults: 1, flags: 0 })).toEqual([snapshot])
    expect(await call(p.snapshots.lookup, { domain: vm, name: 's1', flags: 0 })).toEqual(snapshot)
    expect(await call(p.snapshots.xml, { snapshot, flags: 0 })).toContain('<name>s1</name>')
    expect(await call(p.snapshots.current, { domain: vm, flags: 0 })).toEqual(snapshot)
    await call(p.snapshots.revert, { snapshot, flags: 0 })
    await call(p.snapshots.delete, { snapshot, flags: 0 })
    expect((await lab.virsh('snapshot-list', 'renamed', '--name')).trim()).toBe('')
  })

  test('a domain, running', async () => {
    const events: string[] = []
    const watch = await client.watch({
      happened: event => events.push(`${event.name} ${event.what}`),
      lost: () => undefined,
    })
    for (const one of ['watchDomains', 'watchNetworks', 'watchPools'] as const)
      called.add(p.connect[one].name)
    vm = await call(p.domains.start, { domain: vm, flags: 0 })
    expect(vm.id).toBeGreaterThan(0)
    expect(await call(p.domains.state, { domain: vm, flags: 0 })).toMatchObject({
      state: flags.domainStates.running,
    })
    const agent = (command: object) =>
      call(p.domains.agent, { domain: vm, command: JSON.stringify(command), timeout: 5, flags: 0 })
    await until(120, async () => (await agent({ execute: 'guest-ping' })) && true)

    const host = JSON.parse((await agent({ execute: 'guest-get-host-name' })) ?? '{}')
    expect(host.return['host-name']).toBe('fast')
    const byAgent = await until(120, async () => {
      const found = await call(p.domains.addresses, {
        domain: vm,
        source: flags.addressSources.agent,
        flags: 0,
      })
      return found.find(one => one.addresses.some(a => a.address.startsWith('10.98.101.')))
    })
    expect(byAgent.mac).toBe('52:54:00:00:00:02')
    // dnsmasq has given the lease; its helper writes it down in its own time
    const byLease = await until(120, async () => {
      const [found] = await call(p.domains.addresses, {
        domain: vm,
        source: flags.addressSources.lease,
        flags: 0,
      })
      return found
    })
    expect(byLease.addresses[0]?.address).toBe(byAgent.addresses.find(a => a.type === 0)?.address)
    const network = await call(p.networks.lookupByName, { name: 'lab' })
    const leases = await call(p.networks.leases, { network, mac: undefined, needResults: 1, flags: 0 })
    expect(leases[0]).toMatchObject({
      mac: '52:54:00:00:00:02',
      prefix: 24,
      address: byLease.addresses[0]?.address,
    })

    const console = await openConsole(client, vm, { signal, force: true })
    await console.channel.write(Buffer.from('\necho con$((40+2))sole\n'))
    let seen = ''
    for await (const chunk of console.channel.read()) {
      if (chunk instanceof Uint8Array) seen += Buffer.from(chunk).toString()
      if (seen.includes('con42sole')) break
    }
    console.close()

    expect(await call(p.domains.freeze, { domain: vm, mountpoints: [], flags: 0 })).toBeGreaterThanOrEqual(0)
    await call(p.domains.thaw, { domain: vm, mountpoints: [], flags: 0 })

    const both = flags.affect.live | flags.affect.config
    await call(p.volumes.create, {
      pool,
      xml: "<volume><name>extra.qcow2</name><capacity unit='MiB'>8</capacity><target><format type='qcow2'/></target></volume>",
      flags: 0,
    })
    const extra = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${lab.poolPath}/extra.qcow2'/><target dev='vdb' bus='virtio'/></disk>`
    await call(p.domains.attachDevice, { domain: vm, xml: extra, flags: both })
    expect(await lab.virsh('domblklist', 'renamed')).toContain('extra.qcow2')
    await call(p.domains.blockResize, {
      domain: vm,
      disk: 'vdb',
      size: 16 << 20,
      flags: flags.blockResizeBytes,
    })
    expect(await call(p.domains.blockInfo, { domain: vm, path: 'vdb', flags: 0 })).toMatchObject({
      capacity: 16 << 20,
    })
    expect((await call(p.domains.blockStats, { domain: vm, path: 'vda' })).errors).toBe(-1)
    await call(p.domains.setBlockIoTune, {
      domain: vm,
      disk: 'vda',
      parameters: [{ field: 'total_iops_sec', type: 'ullong', value: 5000 }],
      flags: both,
    })
    expect(await lab.virsh('blkdeviotune', 'renamed', 'vda')).toMatch(/total_iops_sec *: *5000/)
    await until(10, async () => {
      await call(p.domains.detachDevice, { domain: vm, xml: extra, flags: flags.affect.live })
      return true
    })
    await until(10, async () =>
      (await lab.virsh('domblklist', 'renamed')).includes('vdb') ? undefined : true,
    )
    await call(p.domains.updateDevice, {
      domain: vm,
      xml: "<interface type='network'><mac address='52:54:00:00:00:02'/><source network='lab'/><model type='virtio'/><link state='down'/></interface>",
      flags: flags.affect.live,
    })
    expect(await lab.virsh('domif-getlink', 'renamed', '52:54:00:00:00:02')).toContain('down')
    const stats = await call(p.connect.domainStats, { domains: [vm], stats: 0, flags: 0 })
    expect(stats[0]?.parameters).toContainEqual({ field: 'state.state', type: 'int', value: 1 })
    await call(p.domains.messages, { domain: vm, flags: 0 })

    await call(p.domains.suspend, { domain: vm })
    expect((await lab.virsh('domstate', 'renamed')).trim()).toBe('paused')
    await call(p.domains.resume, { domain: vm })
    await watch.end()
    for (const one of ['unwatchDomains', 'unwatchNetworks', 'unwatchPools'] as const)
      called.add(p.connect[one].name)
    expect(events).toContain(`${vm.name} lifecycle`)
  })

  test('backups, checkpoints and block jobs', async () => {
    await call(p.backups.begin, {
      domain: vm,
      backup: `<domainbackup><disks><disk name='vda' type='file'><target file='${lab.poolPath}/backup.qcow2'/></disk></disks></domainbackup>`,
      checkpoint: '<domaincheckpoint><name>c1</name></domaincheckpoint>',
      flags: 0,
    })
    expect(await call(p.backups.xml, { domain: vm, flags: 0 }).catch(() => 'over')).toMatch(
      /domainbackup|over/,
    )
    await until(120, async () => {
      const stats = await call(p.backups.jobStats, { domain: vm, flags: 0 })
      return stats.type === 0 ? true : undefined
    })
    const checkpoints = await call(p.backups.listCheckpoints, { domain: vm, needResults: 1, flags: 0 })
    expect(checkpoints.map(one => one.name)).toEqual(['c1'])
    for (const checkpoint of checkpoints) await call(p.backups.deleteCheckpoint, { checkpoint, flags: 0 })
    // qemu's user makes the socket itself
    await mkdir(`${lab.poolPath}/open`)
    await chmod(`${lab.poolPath}/open`, 0o777)
    await call(p.backups.begin, {
      domain: vm,
      backup: `<domainbackup mode='pull'><server transport='unix' socket='${lab.poolPath}/open/nbd.sock'/><disks><disk name='vda' type='file'><scratch file='${lab.poolPath}/open/scratch.qcow2'/></disk></disks></domainbackup>`,
      checkpoint: undefined,
      flags: 0,
    })
    expect(await call(p.backups.xml, { domain: vm, flags: 0 })).toContain("mode='pull'")
    await call(p.backups.abortJob, { domain: vm })

    await call(p.snapshots.create, {
      domain: vm,
      xml: `<domainsnapshot><name>ext</name><disks><disk name='vda' snapshot='external'><source file='${lab.poolPath}/overlay.qcow2'/></disk></disks></domainsnapshot>`,
      flags: flags.snapshotFlags.diskOnly | flags.snapshotFlags.noMetadata,
    })
    await call(p.blockJobs.commit, {
      domain: vm,
      disk: 'vda',
      base: undefined,
      top: undefined,
      bandwidth: 0,
      flags: 4,
    })
    await until(120, async () => {
      const job = await call(p.blockJobs.info, { domain: vm, path: 'vda', flags: 0 })
      return job.found === 1 && job.current === job.end ? true : undefined
    })
    await call(p.blockJobs.abort, { domain: vm, path: 'vda', flags: 2 })
    expect(await lab.virsh('domblklist', 'renamed')).toContain('disk.qcow2')
    await rm(`${lab.poolPath}/overlay.qcow2`, { force: true })
    await call(p.snapshots.create, {
      domain: vm,
      xml: `<domainsnapshot><disks><disk name='vda' snapshot='external'><source file='${lab.poolPath}/overlay2.qcow2'/></disk></disks></domainsnapshot>`,
      flags: flags.snapshotFlags.diskOnly | flags.snapshotFlags.noMetadata,
    })
    await call(p.blockJobs.pull, { domain: vm, path: 'vda', bandwidth: 0, flags: 0 })
    await until(120, async () => {
      const job = await call(p.blockJobs.info, { domain: vm, path: 'vda', flags: 0 })
      return job.found === 0 ? true : undefined
    })
  })

  test('a domain goes', async () => {
    const saved = '/var/lib/libvirt/qemu/save/renamed.save'
    const [, actual] = /^actual (\d+)$/m.exec(await lab.virsh('dommemstat', 'renamed')) ?? []
    const stats = await call(p.domains.memoryStats, { domain: vm, maxStats: 16, flags: 0 })
    expect(stats).toContainEqual({ tag: 6, value: Number(actual) })
    await call(p.domains.managedSave, { domain: vm, flags: 0 })
    expect(await call(p.domains.hasManagedSave, { domain: vm, flags: 0 })).toBe(true)
    await lab.inside('ln', saved, `${saved}.again`)
    // what was saved goes on where it was: its agent answers without another start of the system
    const goesOn = async () => {
      vm = await call(p.domains.start, { domain: vm, flags: 0 })
      expect(await call(p.domains.hasManagedSave, { domain: vm, flags: 0 })).toBe(false)
      await until(120, async () => {
        await call(p.domains.agent, { domain: vm, command: '{"execute":"guest-ping"}', timeout: 5, flags: 0 })
        return true
      })
    }
    await goesOn()
    await call(p.domains.shutdown, { domain: vm, flags: 0 })
    await until(120, async () =>
      (await lab.virsh('domstate', 'renamed')).includes('shut off') ? true : undefined,
    )
    await lab.inside('mv', `${saved}.again`, saved)
    await goesOn()
    /** What starts a guest anew is not waited for: libvirt tells that it happened. */
    const startsAnew = async (ask: () => Promise<unknown>) => {
      const heard = lab.virsh('event', '--domain', 'renamed', '--event', 'reboot', '--timeout', '120')
      // nobody tells when virsh has begun to listen: it is given a moment, and asked for again until it has heard
      await sleep(500)
      await until(110, async () => {
        await ask()
        return (await Promise.race([heard, sleep(1_000, '')])).includes("event 'reboot'") || undefined
      })
    }
    // by the agent, which hears of it no more while the guest starts
    await startsAnew(() =>
      call(p.domains.reboot, { domain: vm, flags: flags.shutdownFlags.agent }).catch(() => undefined),
    )
    await startsAnew(() => call(p.domains.reset, { domain: vm, flags: 0 }))
    await call(p.domains.destroy, { domain: vm, flags: 0 })
    vm = await call(p.domains.start, { domain: vm, flags: flags.startFlags.paused })
    await call(p.domains.managedSave, { domain: vm, flags: 0 })
    expect(await call(p.domains.hasManagedSave, { domain: vm, flags: 0 })).toBe(true)
    await call(p.domains.removeManagedSave, { domain: vm, flags: 0 })
    expect(await call(p.domains.hasManagedSave, { domain: vm, flags: 0 })).toBe(false)
    vm = await call(p.domains.start, { domain: vm, flags: flags.startFlags.paused })
    await call(p.domains.destroy, { domain: vm, flags: 0 })
    await call(p.domains.undefine, {
      domain: vm,
      flags: flags.undefineFlags.nvram | flags.undefineFlags.managedSave,
    })
    expect(await lab.virsh('list', '--all')).not.toContain('renamed')
    expect(await call(p.connect.listDomains, { needResults: 1, flags: 0 })).toEqual([])
  })

  test('every procedure of the table was called', () => {
    const internal = {
      authList: 'the client calls it before all else',
      connectOpen: 'likewise',
      connectClose: 'the client calls it when it closes',
      authPolkit: 'only asked of users that are not root',
      domainMigratePerform3Params: 'it takes two hosts: the test of moving machines calls it',
    }
    const names = Object.values(p).flatMap(group => Object.values(group).map(procedure => procedure.name))
    expect(names.filter(name => !called.has(name) && !(name in internal))).toEqual([])
  })
})

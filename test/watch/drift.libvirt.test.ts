/** Drift on a real libvirt: none after an apply, whatever the fields; and what others do there is told as it happens. */
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DriftReport } from '../../src/report/drift/model.js'
import { type Desk, desk } from '../acceptance/desk.js'
import { bareMachine, resource, stackText } from '../acceptance/documents.js'
import { libvirtLab } from '../lab/libvirt.js'
import { drift, remark, startWatch } from './helpers.js'

const lab = await libvirtLab({ own: 51 })

describe.skipIf('skip' in lab)(`drift on libvirt${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const dock = `${lab.poolPath}/dock`
  const stack = stackText(
    lab.uri,
    resource('StoragePool', 'dock', { path: dock, permissions: { mode: '0755' }, autostart: false }),
    resource('Volume', 'plain', { pool: 'dock', size: '3MiB' }),
    resource('Volume', 'raw', { pool: 'dock', size: 1_000_001, format: 'raw', volume: 'raw.img' }),
    resource('Volume', 'child', { pool: 'dock', backing: 'plain', size: '5MiB' }, { dependsOn: [] }),
    resource('Network', 'lone', { mode: 'isolated', autostart: false, stp: false, domain: 'lone.example' }),
    resource('Network', 'full', {
      mode: 'nat',
      addresses: ['10.151.7.1/24', 'fd00:151::1/64'],
      mtu: 1400,
      dhcp: {
        ranges: [{ start: '10.151.7.100', end: '10.151.7.120' }],
        hosts: [{ ip: '10.151.7.9', mac: '52:54:00:00:00:09', name: 'nine' }],
      },
      dns: { forwarders: ['10.0.0.53'], hosts: [{ ip: '10.151.7.8', names: ['eight', 'huit'] }] },
    }),
    bareMachine('plain', 'dock'),
    bareMachine('still', 'dock', {
      title: 'Stands <still> & "waits"',
      description: 'ünïcode, two\nlines',
      powerState: 'stopped',
      vcpus: 2,
      maxVcpus: 4,
      memoryGiB: 0.1,
      maxMemoryGiB: 0.3,
      machine: 'pc',
      cpuMode: 'maximum',
      cpuTopology: { sockets: 1, cores: 2, threads: 2 },
      autostart: true,
      bootDisk: {
        sizeGB: 0.015,
        empty: true,
        cache: 'writeback',
        serial: 'ROOT',
        limits: { totalIops: 500 },
      },
      dataDisks: [
        { device: 'vdb', sizeGB: 0.005, format: 'raw', limits: { readIops: 10, writeBytesPerSecond: 4096 } },
        { device: 'vdc', volume: 'raw.img', readOnly: true, cache: 'directsync', serial: 'RAW' },
      ],
      networkInterfaces: [
        { name: 'out', network: 'lab', ip: '10.9.8.7/24', gateway: '10.9.8.1', dnsServers: ['10.9.8.1'] },
        {
          name: 'in',
          network: 'lone',
          dhcp: true,
          mac: '52:54:00:aa:bb:cc',
          model: 'e1000',
          link: 'down',
          mtu: 1400,
          filter: 'clean-traffic',
          bandwidth: {
            inbound: { averageKiB: 1000, peakKiB: 2000, burstKiB: 512 },
            outbound: { averageKiB: 10 },
          },
        },
      ],
      bootOrder: ['out', 'vda'],
      graphics: { type: 'vnc', password: 'sesame' },
      serialLog: false,
      fwCfg: [{ name: 'opt/org.example/one', value: 'a,b=c' }],
      cloudInit: { fqdn: 'still.example.org', passwordHash: '$6$salt$hash', packages: ['vim'] },
      numa: { cells: [{ cpus: '0-3', memoryGiB: 0.3 }] },
    }),
  )
  let here: Desk

  beforeAll(async () => {
    here = await desk({ 'stack.yaml': stack })
    await here.setUp()
  })
  afterAll(async () => {
    await here.infra('destroy', '--yes', '--allow', 'deletes-data', 'irreversible')
    await here.clear()
    await lab.clean()
  })

  test('a clean apply is zero drift', async () => {
    const { code, out } = await here.infra('drift', '--json')
    const report = JSON.parse(out) as DriftReport
    const told = report.resources.flatMap(one =>
      one.attributes
        .filter(a => a.status === 'modified' || a.status === 'deleted')
        .map(a => [one.address, a]),
    )
    expect(told).toEqual([])
    expect(report.unmanaged).toEqual([])
    expect(code, out).toBe(0)
  })

  test('what others do is told as it happens, through a lost connection, until SIGTERM', async () => {
    // So long that nothing but an event can have been the reason
    const watch = startWatch(here, '--interval', '1h')
    await watch.next(event => event.type === 'watching' && event.how === 'events')
    await watch.next(event => event.type === 'scan')

    await lab.virsh('destroy', 'plain')
    expect(await watch.next(drift('VirtualMachine/plain', 'appeared', 'powerState'))).toMatchObject({
      from: 'running',
      to: 'stopped',
    })
    await lab.virsh('start', 'plain')
    await watch.next(drift('VirtualMachine/plain', 'gone', 'powerState'))

    const xml = await lab.virsh('dumpxml', '--inactive', '--security-info', 'still')
    await writeFile(`${here.folder}/still.xml`, xml.replace('<title>Stands', '<title>Sits'))
    await lab.virsh('define', `${here.folder}/still.xml`)
    await watch.next(drift('VirtualMachine/still', 'appeared', 'title'))
    await writeFile(`${here.folder}/still.xml`, xml)
    await lab.virsh('define', `${here.folder}/still.xml`)
    await watch.next(drift('VirtualMachine/still', 'gone', 'title'))

    // A network that does not run is as it is declared, and still something to be told
    await lab.virsh('net-destroy', 'lone')
    await watch.next(remark('Network/lone', /not active/))
    await lab.virsh('net-start', 'lone')
    await watch.next(remark('Network/lone', /^$/))
    await lab.virsh('pool-destroy', 'dock')
    await watch.next(remark('StoragePool/dock', /not active/))
    await lab.virsh('pool-start', 'dock')
    await watch.next(remark('StoragePool/dock', /^$/))
    const extra = `${dock}/../extra.img`
    await lab.inside('truncate', '-s', '1M', extra)
    await lab.virsh('attach-disk', 'plain', extra, 'vdd', '--live')
    const disk = await watch.next(event => event.type === 'remark' || event.type === 'drift')
    expect(disk).toMatchObject({ resource: 'VirtualMachine/plain' })

    // Blind while libvirtd is gone; what happens meanwhile is found when it sees again
    await lab.kill()
    await watch.next(event => event.type === 'blind')
    await lab.start()
    await lab.virsh('net-destroy', 'full')
    await watch.next(event => event.type === 'watching' && event.again === true, 120)
    await watch.next(remark('Network/full', /not active/))
    await lab.virsh('net-start', 'full')
    await watch.next(remark('Network/full', /^$/))

    watch.running.signal('SIGTERM')
    const { code, text } = await watch.running.ended
    expect(code, text).toBe(0)
    expect(text).not.toContain('sesame')
    expect(watch.events().filter(event => event.type === 'scan')).toHaveLength(1)
    const log = JSON.parse((await here.infra('drift', 'log', '--json')).out) as {
      subject: string
      gone?: string
    }[]
    expect(log.find(one => one.subject === 'VirtualMachine/plain')?.gone).toBeDefined()
    expect(await readFile(`${here.folder}/stack.yaml`, 'utf8')).toBe(stack)
  })
})

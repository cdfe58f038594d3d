/**
 * The main job, whole: the example of a Debian server becomes a machine with its own cloud-init, address, key and disk; it
 * drifts, changes while it runs, goes back, and is destroyed without a trace.
 */
import { execFile } from 'node:child_process'
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { libvirtLab } from '../lab/libvirt.js'
import { type Desk, desk } from './desk.js'
import { eyes } from './eyes.js'

const lab = await libvirtLab({ own: 21 })
const run = promisify(execFile)
const example = fileURLToPath(new URL('../../examples/debian-vm/stack.yaml', import.meta.url))

describe.skipIf('skip' in lab)(`a Debian server${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const { domains, pools, files, power, uuid, xml, guest } = eyes(lab)
  const address = `${lab.bridgeNet}.30`
  let here: Desk

  const words = (command: string, ...args: readonly string[]) => [
    ...command.split(' '),
    '--var-file',
    'lab.vars.yaml',
    ...args,
  ]
  const infra = (command: string, ...args: readonly string[]) => here.infra(...words(command, ...args))
  const ok = (command: string, ...args: readonly string[]) => here.ok(...words(command, ...args))
  /** Output of a command in the guest, over the network. Its sshd starts anew once in the course of the first boot. */
  const ssh = async (command: string): Promise<string> => {
    const options = [
      'UserKnownHostsFile=/dev/null',
      'StrictHostKeyChecking=no',
      'BatchMode=yes',
      'LogLevel=ERROR',
      'ConnectTimeout=20',
    ]
    const login = ['-F', 'none', '-i', join(here.folder, 'key'), ...options.flatMap(option => ['-o', option])]
    for (const end = Date.now() + 60_000; ; await sleep(1_000)) {
      try {
        return (await run('ssh', [...login, `root@${address}`, command])).stdout.trim()
      } catch (error) {
        const { code, stderr } = error as { code?: number; stderr?: string }
        const refused = code === 255 && /refused|reset|closed/.test(stderr ?? '')
        if (!refused || Date.now() > end) throw error
      }
    }
  }

  beforeAll(async () => {
    here = await desk({})
    await cp(example, join(here.folder, 'stack.yaml'))
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lab', '-f', join(here.folder, 'key')])
    const values = {
      uri: lab.uri,
      virtualization: 'qemu',
      pool: `${lab.poolPath}/debian-vm`,
      image: `${await lab.guest('debian')}/debian.qcow2`,
      bridge: lab.bridge,
      address: `${address}/24`,
      gateway: `${lab.bridgeNet}.1`,
      dataSize: '64MiB',
      sshKey: (await readFile(join(here.folder, 'key.pub'), 'utf8')).trim(),
    }
    await here.write('lab.vars.yaml', JSON.stringify(values))
  })
  afterAll(async () => {
    await here?.clear()
    await lab.clean()
  })

  test('is applied up to its SSH port being open', async () => {
    expect(await ok('apply --yes')).toContain('Applied: 4 created')
    expect(await domains()).toEqual(['server'])
    expect(await power('server')).toBe('running')
    expect(await files('debian-vm')).toEqual([
      'debian-12.qcow2',
      'server-data',
      'server_boot',
      'server_cloudinit',
      'server_serial.log',
    ])
  }, 700_000)

  test('is what the stack says, from within: host name, address, key, disks, agent', async () => {
    const script = [
      'hostname -f',
      'cat /root/.ssh/authorized_keys | tail -1',
      'ip -br -4 address show scope global',
      'ip route show default',
      'cat /sys/class/net/en*/address',
      'echo $(blockdev --getsize64 /dev/vda /dev/vdb)',
      'nproc',
    ]
    // to log in at all takes the generated key
    const [name, key, addresses, route, mac, sizes, processors] = (await ssh(script.join(';'))).split('\n')
    expect(name).toBe('server.home.example')
    expect(key).toBe((await readFile(join(here.folder, 'key.pub'), 'utf8')).trim())
    expect(addresses).toContain(`${address}/24`)
    expect(route).toContain(`via ${lab.bridgeNet}.1`)
    const octets = address.split('.').map(octet => Number(octet).toString(16).padStart(2, '0'))
    expect(mac).toBe(`be:ef:${octets.join(':')}`)
    expect(sizes).toBe(`${10 * 2 ** 30} ${64 * 2 ** 20}`)
    expect(processors).toBe('2')
    expect((await guest('server', 'hostname')).trim()).toBe('server')
    expect(await ok('output', '--json')).toContain(`ssh root@${address}`)
  })

  test('leaves nothing to do, and a change by hand is drift', async () => {
    await ok('plan --detailed-exitcode')
    await lab.virsh('desc', 'server', '--title', '--live', '--config', 'by hand')
    const drift = await infra('drift')
    expect(drift).toMatchObject({ code: 2 })
    expect(drift.text).toMatch(/title: "A Debian server" → "by hand"/)
    const plan = await infra('plan --detailed-exitcode')
    expect(plan).toMatchObject({ code: 2 })
    expect(plan.text).toContain('1 to change')
  })

  test('is changed while it runs, and goes back', async () => {
    const boot = 'cat /proc/sys/kernel/random/boot_id'
    const disk = 'blockdev --getsize64 /dev/vdb; head -c 4 /dev/vdb'
    const booted = await ssh(`printf kept | dd of=/dev/vdb conv=fsync status=none; ${boot}`)
    const was = await uuid('server')
    await ok('apply --yes', '--var', 'title=Grown', '--var', 'vcpus=3', '--var', 'dataSize=96MiB')
    expect((await xml('server')).title).toBe('Grown')
    expect((await lab.virsh('vcpucount', 'server', '--live', '--active')).trim()).toBe('3')
    expect(await ssh(disk)).toBe(`${96 * 2 ** 20}\nkept`)

    const back = await ok('rollback --yes')
    expect((await xml('server')).title).toBe('A Debian server')
    expect((await xml('server')).vcpu.current).toBe('2')
    // a disk never shrinks, and the plan of the way back says so
    expect(back).toContain('size stays as it is')
    expect(await ssh(`${boot}; ${disk}`)).toBe(`${booted}\n${96 * 2 ** 20}\nkept`)
    expect(await uuid('server')).toBe(was)
  })

  test('is destroyed, and once its data is pruned nothing is left', async () => {
    await ok('destroy --yes')
    expect(await domains()).toEqual([])
    expect(await pools()).toEqual([])
    expect((await files('debian-vm')).every(file => file.startsWith('infra-trash.'))).toBe(true)
    await ok('checkpoint prune --yes')
    // the folder of a pool is the host's, and stays
    expect(await files('.')).toEqual(['debian-vm'])
    expect(await files('debian-vm')).toEqual([])
    const left = await lab.inside('find', '/var/lib/libvirt', '/etc/libvirt/qemu', '-name', '*server*')
    expect(left).toBe('')
    expect((await run('ip', ['-br', 'link'])).stdout).not.toContain('vm0a61')
  })
})

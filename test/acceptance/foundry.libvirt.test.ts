/**
 * Foundry's documents on a real libvirt, as they are but for what the lab has not: KVM, the bridge's name, gigabytes. What
 * comes of them is named byte for byte as Foundry named it, in pools at Foundry's paths that nobody declared.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { libvirtLab } from '../lab/libvirt.js'
import { type Desk, desk, type Ended } from './desk.js'
import { stackText } from './documents.js'
import { eyes } from './eyes.js'

const lab = await libvirtLab({ own: 56 })

describe.skipIf('skip' in lab)(`Foundry’s documents${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const { domains, pools, volumes, power } = eyes(lab)
  let here: Desk
  /** The plan while neither the image nor its pool was there. */
  let tooEarly: Ended

  const example = async (name: string) => {
    const path = fileURLToPath(new URL(`../../examples/${name}/${name}.yaml`, import.meta.url))
    return (await readFile(path, 'utf8'))
      .replace(/bridge: br[01]/g, `bridge: ${lab.bridge}`)
      .replace(/vcpus: \d+/, 'vcpus: 1\n  virtualization: qemu')
      .replace(/memoryGiB: \d+/, 'memoryGiB: 0.25')
      .replace(/(cpuMode: )[a-z-]+/, '$1maximum')
      .replace(/^spec:$/m, spec => (name === 'simple-vm' ? `${spec}\n  cpuMode: maximum` : spec))
      .replace(/image: (\S+)\n/, 'image: $1\n    imagePool: foundry-images\n    format: qcow2\n')
      .replace('sshPwauth', 'sshPasswordAuth')
  }

  beforeAll(async () => {
    // in libvirtd's own mounts, where Foundry's paths are the lab's
    here = await desk({ 'stack.yaml': stackText('qemu:///system') }, { through: lab.through })
    await here.write('one.yaml', await example('simple-vm'))
    await here.write(
      'two.yaml',
      (await example('multi-disk-vm')).replace('autostart: true', 'autostart: false\n  powerState: stopped'),
    )
    tooEarly = await here.infra('plan')
    // nothing here asks for the system in it
    const image = join(here.folder, 'image.qcow2')
    await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', image, '1M'])
    await here.ok('image', 'import', image, '--name', 'fedora-43.qcow2')
  })
  afterAll(async () => {
    await here?.clear()
    await lab.clean()
  })

  test('an image that is not there is told by the plan, though its pool is yet to be made', () => {
    expect(tooEarly.code).toBe(2)
    expect(tooEarly.text).toContain('There is no image fedora-43.qcow2 for the pool foundry-images')
    expect(tooEarly.text).toContain('/var/lib/libvirt/images/foundry/images has no files')
  })

  test('their pools are made on first use, where Foundry has them', async () => {
    expect(await pools()).toEqual(['foundry-images'])
    expect(await lab.virsh('pool-dumpxml', 'foundry-images')).toContain(
      '<path>/var/lib/libvirt/images/foundry/images</path>',
    )
    expect(await here.ok('apply', '--yes')).toContain('2 created')
    expect(await pools()).toEqual(['foundry-images', 'foundry-vms'])
    expect(await lab.virsh('pool-dumpxml', 'foundry-vms')).toContain(
      '<path>/var/lib/libvirt/images/foundry/vms</path>',
    )
    expect(await lab.virsh('pool-info', 'foundry-vms')).toMatch(/Autostart: +yes/)
    await here.ok('plan', '--detailed-exitcode')
  })

  test('names of volumes, MAC addresses and taps are Foundry’s', async () => {
    expect(await domains()).toEqual(['database-server', 'my-vm'])
    expect([await power('my-vm'), await power('database-server')]).toEqual(['running', 'shut off'])
    // its firmware would look for a system for as long as it is there
    await lab.virsh('suspend', 'my-vm')
    expect((await volumes('foundry-vms')).filter(name => !name.endsWith('.log'))).toEqual([
      'database-server_boot',
      'database-server_cloudinit',
      'database-server_data-vdb',
      'database-server_data-vdc',
      'my-vm_boot',
      'my-vm_cloudinit',
    ])
    const plugs = await lab.virsh('domiflist', 'my-vm')
    expect(plugs).toContain('vm0a371616')
    expect(plugs).toContain('be:ef:0a:37:16:16')
    const others = await lab.virsh('dumpxml', 'database-server', '--inactive')
    for (const mac of ['be:ef:0a:14:1e:28', 'be:ef:c0:a8:64:0a']) expect(others).toContain(mac)
    for (const tap of ['vm0a141e28', 'vmc0a8640a']) expect(others).toContain(`<target dev='${tap}'/>`)
    expect(others).toMatch(/firmware='efi'|<loader/)
    expect(await lab.virsh('dominfo', 'my-vm')).toMatch(/Autostart: +enable/)
    expect(await lab.virsh('vol-dumpxml', '--pool', 'foundry-vms', 'my-vm_boot')).toContain(
      '/var/lib/libvirt/images/foundry/images/fedora-43.qcow2',
    )
  })

  test('destroyed and pruned, the machines are gone with all that was theirs; the pools stay', async () => {
    await here.ok('destroy', '--yes')
    await here.ok('checkpoint', 'prune', '--yes')
    expect(await domains()).toEqual([])
    expect(await volumes('foundry-vms')).toEqual([])
    expect(await volumes('foundry-images')).toEqual(['fedora-43.qcow2'])
  })
})

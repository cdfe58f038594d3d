/**
 * What other tools were seen to get wrong, on one running guest: what is changed outside is seen and put right, and no change
 * of a size or of memory makes a machine anew, undefines it, or cuts a disk off.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes } from '../../src/model/value.js'
import { libvirtLab } from '../lab/libvirt.js'
import { type Desk, desk } from './desk.js'
import { fastMachine, resource, stackText } from './documents.js'
import { eyes } from './eyes.js'

const lab = await libvirtLab({ own: 52 })

describe.skipIf('skip' in lab)(`where others fail${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const { ask, domains, pools, files, power, uuid, xml, guest } = eyes(lab)
  let here: Desk
  let image = ''

  const stack = (machine: Attributes = {}, ledger = '16MiB') =>
    stackText(
      lab.uri,
      resource('StoragePool', 'shop', { path: `${lab.poolPath}/shop` }),
      resource('Image', 'fast', { pool: 'shop', source: { path: image } }),
      resource('Volume', 'ledger', { pool: 'shop', size: ledger, format: 'raw' }),
      fastMachine('kiosk', 'shop', {
        vcpus: 2,
        title: 'The kiosk',
        dataDisks: [
          { device: 'vdb', sizeGB: 0.01 },
          { device: 'vdc', volume: 'ledger' },
        ],
        ...machine,
      }),
    )
  const boot = () => guest('kiosk', 'cat /proc/sys/kernel/random/boot_id')
  const sizes = async () =>
    (await guest('kiosk', 'cat /sys/block/vdb/size /sys/block/vdc/size')).trim().split('\n')
  const mac = async () =>
    (await lab.virsh('domiflist', 'kiosk')).match(/([0-9a-f]{2}:){5}[0-9a-f]{2}/)?.[0] ?? ''

  beforeAll(async () => {
    image = `${await lab.guest('fast')}/fast.qcow2`
    here = await desk({ 'stack.yaml': stack() })
    await here.setUp()
  })
  afterAll(async () => {
    await here?.clear()
    await lab.clean()
  })

  test('changed by hand: each of it is drift, and all is put back while it runs', async () => {
    const before = await boot()
    const cable = await mac()
    await ask(
      'setmem kiosk 192MiB --config',
      'setvcpus kiosk 1 --config',
      'desc kiosk --live --config --title mine',
      'autostart kiosk',
      `domif-setlink kiosk ${cable} down --config`,
    )
    expect(await here.infra('drift')).toMatchObject({ code: 2 })
    const plan = await here.infra('plan', '--detailed-exitcode')
    expect(plan.code).toBe(2)
    for (const said of [
      /memoryGiB: 0\.1875 → 0\.25/,
      /vcpus: 1 → 2/,
      /title: "mine" → "The kiosk"/,
      /autostart: true → false/,
      /link: "down" → "up"/,
    ])
      expect(plan.text).toMatch(said)
    await here.ok('apply', '--yes')
    const [vcpus, title, info, link] = await ask(
      'vcpucount kiosk --config --current',
      'desc kiosk --title',
      'dominfo kiosk',
      `domif-getlink kiosk ${cable}`,
    )
    expect((await xml('kiosk')).currentMemory['#text']).toBe(262_144)
    expect([vcpus, title]).toEqual(['2', 'The kiosk'])
    expect(info).toMatch(/Autostart: +disable/)
    expect(link).toContain('up')
    await here.ok('plan', '--detailed-exitcode')
    expect(await boot()).toBe(before)
  })

  test('a balloon blown up by hand is told and let out; a machine paused by hand is told and left alone', async () => {
    const memory = async () => (await xml('kiosk', 'live')).currentMemory['#text']
    await lab.virsh('setmem', 'kiosk', '192MiB', '--live')
    await expect.poll(memory, { timeout: 60_000, interval: 200 }).toBe(196_608)
    expect(await here.ok('plan')).toMatch(/memoryGiB: 0\.1875 → 0\.25/)
    await here.ok('apply', '--yes')
    await expect.poll(memory, { timeout: 60_000, interval: 200 }).toBe(262_144)
    await lab.virsh('suspend', 'kiosk')
    expect(await here.ok('apply', '--yes')).toContain('paused by hand')
    expect(await power('kiosk')).toBe('paused')
    await lab.virsh('resume', 'kiosk')
  })

  test('sizes grow under the running guest, which sees them; its bytes and itself stay', async () => {
    const before = { boot: await boot(), uuid: await uuid('kiosk'), pid: await lab.virsh('domid', 'kiosk') }
    await guest(
      'kiosk',
      'for d in vdb vdc; do echo kept-$d | dd of=/dev/$d conv=sync,fsync 2>/dev/null; done',
    )
    const dataDisks = [
      { device: 'vdb', sizeGB: 0.02 },
      { device: 'vdc', volume: 'ledger' },
    ]
    await here.write('stack.yaml', stack({ dataDisks }, '32MiB'))
    expect(await here.ok('apply', '--yes')).toMatch(/0 replaced|2 changed|changed/)
    expect(await sizes()).toEqual([String(41_944), String((32 << 20) / 512)])
    expect(await guest('kiosk', 'for d in vdb vdc; do head -n1 /dev/$d; done')).toBe('kept-vdb\nkept-vdc\n')
    expect({ boot: await boot(), uuid: await uuid('kiosk'), pid: await lab.virsh('domid', 'kiosk') }).toEqual(
      before,
    )
  })

  test('a smaller size is refused, and nothing is cut off', async () => {
    const before = await sizes()
    await here.write(
      'stack.yaml',
      stack(
        {
          dataDisks: [
            { device: 'vdb', sizeGB: 0.01 },
            { device: 'vdc', volume: 'ledger' },
          ],
        },
        '16MiB',
      ),
    )
    const { code, text } = await here.infra('apply', '--yes')
    expect(code, text).not.toBe(0)
    expect(text).toMatch(/cut .* off/)
    expect(await sizes()).toEqual(before)
  })

  test('grown by hand beyond what is declared, it is told and never cut', async () => {
    const dataDisks = [
      { device: 'vdb', sizeGB: 0.02 },
      { device: 'vdc', volume: 'ledger' },
    ]
    await here.write('stack.yaml', stack({ dataDisks }, '32MiB'))
    await lab.virsh('blockresize', 'kiosk', 'vdc', '48MiB')
    const { text } = await here.infra('apply', '--yes')
    expect(text).toContain('Volume/ledger')
    expect(Number((await sizes())[1])).toBe((48 << 20) / 512)
  })

  test('more memory than it can have waits for a restart; switched off by hand it is started again, and has it', async () => {
    const before = { boot: await boot(), uuid: await uuid('kiosk') }
    const dataDisks = [
      { device: 'vdb', sizeGB: 0.02 },
      { device: 'vdc', volume: 'ledger' },
    ]
    await here.write('stack.yaml', stack({ dataDisks, memoryGiB: 0.3125 }, '48MiB'))
    await here.ok('apply', '--yes')
    expect(await boot()).toBe(before.boot)
    expect((await xml('kiosk')).memory['#text']).toBe(327_680)
    expect((await xml('kiosk', 'live')).memory['#text']).toBe(262_144)
    expect(await here.ok('plan')).toMatch(/restart/)
    await lab.virsh('destroy', 'kiosk')
    expect(await here.ok('apply', '--yes')).toMatch(/powerState: "stopped" → "running"/)
    expect((await xml('kiosk', 'live')).memory['#text']).toBe(327_680)
    expect(await uuid('kiosk')).toBe(before.uuid)
    expect(await boot()).not.toBe(before.boot)
    expect(await guest('kiosk', 'head -n1 /dev/vdb')).toBe('kept-vdb\n')
    await here.ok('plan', '--detailed-exitcode')
  })

  test('all of it goes, and nothing is left', async () => {
    await here.ok('destroy', '--yes')
    await here.ok('checkpoint', 'prune', '--yes')
    expect([await domains(), await pools(), await files('shop')]).toEqual([[], [], []])
  })
})

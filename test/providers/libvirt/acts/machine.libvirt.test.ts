import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../../src/model/node-ports.js'
import { attachConsole } from '../../../../src/providers/libvirt/acts/console.js'
import { copyFromGuest, copyIntoGuest } from '../../../../src/providers/libvirt/acts/copy.js'
import { machineDetails } from '../../../../src/providers/libvirt/acts/details.js'
import { execInGuest, outputInGuest } from '../../../../src/providers/libvirt/acts/exec.js'
import { readLogByVolume } from '../../../../src/providers/libvirt/acts/host-log.js'
import { machineLog } from '../../../../src/providers/libvirt/acts/logs.js'
import { readMachines } from '../../../../src/providers/libvirt/acts/machines.js'
import { openHosts } from '../../../../src/providers/libvirt/acts/open.js'
import {
  resetMachine,
  restartMachine,
  startMachine,
  stopMachine,
} from '../../../../src/providers/libvirt/acts/power.js'
import { resizeMachine } from '../../../../src/providers/libvirt/acts/resize.js'
import { createSnapshot } from '../../../../src/providers/libvirt/acts/snapshot-create.js'
import { deleteSnapshot } from '../../../../src/providers/libvirt/acts/snapshot-delete.js'
import { restoreSnapshot } from '../../../../src/providers/libvirt/acts/snapshot-restore.js'
import { listSnapshots } from '../../../../src/providers/libvirt/acts/snapshots.js'
import { libvirtLab } from '../../../lab/libvirt.js'
import { create } from '../harness.js'
import { type ActWorld, actCall, actWorld, connectionTo, onlyHost, readyWhen, signal } from './world.js'

/** Acts on a real guest, each confirmed by virsh or by the guest itself. */
const lab = await libvirtLab({ own: 42 })

describe.skipIf('skip' in lab)(`acts on machines${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let world: ActWorld
  let here: string
  const web = () => world.machine('acts-web')
  const inGuest = (command: string) => world.run('acts-web', command)
  const writeDisk = (text: string) => world.writeDisk('acts-web', text)
  const readDisk = () => world.readDisk('acts-web')

  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'infra-acts-'))
    world = await actWorld(lab)
    await create(world.provider, world.define('acts-web', { maxVcpus: 2, maxMemoryGiB: 0.375 }))
  })
  afterAll(async () => {
    await world?.close()
    await lab.clean()
    await rm(here, { recursive: true, force: true })
  })

  test('a machine is listed with what it does and who owns it; a host that is down hides no other', async () => {
    // the balloon takes its time
    await expect.poll(async () => (await web()).view.pending, { timeout: 60_000 }).toEqual([])
    const { view } = await web()
    expect(view).toMatchObject({
      host: 'libvirt',
      name: 'acts-web',
      state: 'running',
      vcpus: 1,
      memoryGiB: 0.25,
      agent: true,
      autostart: false,
      address: 'VirtualMachine/acts-web',
      lineage: 'test-lineage',
      pending: [],
      unfinished: false,
    })
    expect((await lab.virsh('domuuid', 'acts-web')).trim()).toBe(view.uuid)
    await expect
      .poll(async () => (await web()).view.addresses, { timeout: 60_000 })
      .toEqual([expect.stringMatching(/^10\.98\.142\./)])
    const details = await machineDetails(await web(), signal)
    expect(details.disks).toMatchObject([
      {
        device: 'vda',
        role: 'boot',
        source: 'vms:acts-web_boot',
        backing: `${lab.poolPath}/images/fast.qcow2`,
      },
      { device: 'vdb', role: 'data', source: 'vms:acts-web_data-vdb' },
    ])
    const nowhere = connectionTo('qemu+unix:///system?socket=/nowhere/libvirt-sock', here, 'down')
    const hosts = await openHosts([connectionTo(lab.uri, here, 'up'), nowhere], nodePorts, signal)
    try {
      expect(hosts.down).toMatchObject([{ name: 'down', error: { kind: 'connection' } }])
      const found = await Promise.all(hosts.open.map(host => readMachines(host, signal)))
      expect(found.flat().map(one => one.view.name)).toEqual(['acts-web'])
    } finally {
      await hosts.close()
    }
  })

  describe('commands in the guest', () => {
    test.each([
      {
        reason: 'what it says and its status',
        script: 'echo out; echo err >&2; exit 7',
        status: 7,
        out: 'out\n',
        err: 'err\n',
      },
      { reason: 'a signal that ends it', script: 'kill -9 $$', status: 137, out: '', err: '' },
      { reason: 'no command of that name', script: 'exec /no/such', status: 127, out: '', err: /no\/such/ },
    ])('tell $reason', async ({ script, status, out, err }) => {
      const done = await outputInGuest(await web(), { command: ['sh', '-c', script] }, signal)
      expect(done).toEqual({
        status,
        output: out,
        errors: typeof err === 'string' ? err : expect.stringMatching(err),
      })
    })

    test('take input, a folder and variables, and carry more than one packet', async () => {
      const bytes = Buffer.alloc(1_200_000, 'infra')
      async function* input() {
        yield bytes.subarray(0, 234_567)
        yield bytes.subarray(234_567)
      }
      const got: Uint8Array[] = []
      const request = {
        command: ['sh', '-c', 'pwd >&2; echo "$NAME" >&2; cat'],
        stdin: input(),
        folder: '/etc',
        environment: { NAME: 'a b' },
      } as const
      const said: Uint8Array[] = []
      const streams = {
        stdout: (part: Uint8Array) => void got.push(part),
        stderr: (part: Uint8Array) => void said.push(part),
      }
      expect(await execInGuest(await web(), request, streams, signal)).toBe(0)
      expect(Buffer.concat(said).toString()).toBe('/etc\na b\n')
      expect(Buffer.concat(got).equals(bytes)).toBe(true)
    })

    test('are heard while they run', async () => {
      const machine = await web()
      // it ends only because it was heard
      const script = 'echo a; until [ -e /tmp/heard ]; do sleep 0.2; done; echo b'
      let answered: Promise<unknown> | undefined
      const streams = {
        stdout: () => {
          answered ??= outputInGuest(machine, { command: ['touch', '/tmp/heard'] }, signal)
        },
        stderr: () => undefined,
      }
      expect(await execInGuest(machine, { command: ['sh', '-c', script] }, streams, signal)).toBe(0)
      await answered
    })

    test('are ended by their time and by whoever asked, and leave nothing', async () => {
      const machine = await web()
      const stop = new AbortController()
      setTimeout(() => stop.abort(new Error('enough')), 2_000)
      await Promise.all([
        expect(
          outputInGuest(machine, { command: ['sleep', '71'], timeoutSeconds: 2 }, signal),
        ).rejects.toMatchObject({ code: 'exec-timeout' }),
        expect(outputInGuest(machine, { command: ['sleep', '72'] }, stop.signal)).rejects.toThrow('enough'),
      ])
      expect(await inGuest('ps | grep "sleep 7[12]" | grep -v grep | wc -l')).toBe('0\n')
      // the folder of this very command
      expect(await inGuest('ls /tmp | grep -c infra-exec')).toBe('1\n')
    })
  })

  test('files go in and out, their bytes and their mode', async () => {
    const machine = await web()
    const bytes = Buffer.from(Array.from({ length: 1_100_001 }, (_, index) => (index * 7919) % 251))
    await writeFile(join(here, 'in.bin'), bytes, { mode: 0o750 })
    const put = await copyIntoGuest(machine, join(here, 'in.bin'), '/root', { signal })
    expect(put).toMatchObject({ to: '/root/in.bin', bytes: bytes.length, verified: true })
    expect(await inGuest('stat -c %a /root/in.bin; ls /root')).toBe('750\nin.bin\n')
    await copyFromGuest(machine, '/root/in.bin', join(here, 'out.bin'), { signal })
    expect((await readFile(join(here, 'out.bin'))).equals(bytes)).toBe(true)
    await expect(copyFromGuest(machine, '/root/none', join(here, 'none'), { signal })).rejects.toMatchObject({
      code: 'guest-refused',
    })
    await expect(copyIntoGuest(machine, here, '/root', { signal })).rejects.toMatchObject({
      code: 'local-file',
    })
  })

  test('the console is typed to and heard, and left by Ctrl-]; the log tells it too, and follows', async () => {
    const machine = await web()
    const [input, output] = [new PassThrough(), new PassThrough()]
    let heard = ''
    output.on('data', chunk => {
      heard += chunk
    })
    const follow = new AbortController()
    const told: string[] = []
    const following = machineLog(
      machine,
      { follow: true, lines: 0 },
      text => void told.push(text),
      follow.signal,
    )
    const attached = attachConsole(machine, {}, { input, output }, signal)
    input.write('\n')
    await expect.poll(() => heard, { timeout: 60_000 }).toContain('/ #')
    input.write('echo marked-$((40+2))\n')
    await expect.poll(() => heard, { timeout: 60_000 }).toContain('marked-42')
    input.write('\x1dnever typed')
    expect(await attached).toBe('left')
    await expect.poll(() => told.join(''), { timeout: 30_000 }).toContain('marked-42')
    follow.abort()
    await following
    expect(told.join('')).not.toContain('never typed')
    const parts: string[] = []
    await machineLog(machine, {}, text => void parts.push(text), signal)
    const all = parts.join('')
    expect(all).toContain('lab-guest: up')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
    expect(all).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/)
    const lines: string[] = []
    await machineLog(machine, { lines: 1 }, text => void lines.push(text), signal)
    expect(lines.join('').trimEnd().split('\n')).toHaveLength(1)
  })

  test('over ssh it is the same: listed, entered, its log read and followed', async () => {
    const { uri } = await lab.ssh()
    const hosts = await openHosts([connectionTo(uri, here, 'remote')], nodePorts, signal)
    try {
      const [machine] = await readMachines(onlyHost(hosts), signal)
      if (machine === undefined) throw new Error('no machine')
      expect(machine.view).toMatchObject({ host: 'remote', name: 'acts-web', state: 'running' })
      expect(await outputInGuest(machine, { command: ['echo', 'far'] }, signal)).toMatchObject({
        output: 'far\n',
      })
      const past: string[] = []
      await machineLog(machine, {}, text => void past.push(text), signal)
      expect(past.join('')).toContain('lab-guest: up')
      const follow = new AbortController()
      const told: string[] = []
      const following = machineLog(
        machine,
        { follow: true, lines: 0 },
        text => void told.push(text),
        follow.signal,
      )
      // said again until it is heard: nobody tells when the following has begun
      const heard = async () => {
        await inGuest('echo heard-from-far > /dev/ttyS0')
        return told.join('')
      }
      await expect.poll(heard, { timeout: 60_000, interval: 500 }).toContain('heard-from-far')
      follow.abort()
      await following
    } finally {
      await hosts.close()
    }
    // as where neither this user nor ssh can read the file
    const machine = await web()
    const path = machine.stored.serialLogPath ?? ''
    const whole = await readLogByVolume(machine.host, path, 0, signal)
    expect(whole?.bytes.toString()).toContain('heard-from-far')
    expect(await readLogByVolume(machine.host, path, whole?.end ?? 0, signal)).toMatchObject({
      end: whole?.end,
    })
    expect(await readLogByVolume(machine.host, `${path}.none`, 0, signal)).toBeUndefined()
  })

  test('a snapshot with memory brings the running guest back as it was', async () => {
    await inGuest('echo before > /tmp/mark')
    await createSnapshot(await web(), { name: 'm', memory: true }, signal)
    await inGuest('echo after > /tmp/mark')
    await restoreSnapshot(await web(), 'm', {}, actCall())
    await expect.poll(() => inGuest('cat /tmp/mark').catch(() => ''), { timeout: 60_000 }).toBe('before\n')
    await deleteSnapshot(await web(), 'm', signal)
  })

  test('it grows while it runs', async () => {
    const changes = await resizeMachine(
      await web(),
      { vcpus: 2, memoryGiB: 0.375, disks: { vdb: 0.02 } },
      signal,
    )
    expect(changes).toEqual([
      { path: 'vcpus', from: 1, to: 2, when: 'now' },
      { path: 'memoryGiB', from: 0.25, to: 0.375, when: 'now' },
      { path: 'dataDisks[vdb].sizeGB', from: 0.01, to: 0.02, when: 'now' },
    ])
    expect(await inGuest('cat /sys/block/vdb/size')).toBe('41944\n')
    expect((await lab.virsh('vcpucount', 'acts-web', '--live', '--active')).trim()).toBe('2')
    await expect(resizeMachine(await web(), { disks: { vdb: 0.01 } }, signal)).rejects.toMatchObject({
      code: 'would-shrink',
    })
    await expect(resizeMachine(await web(), { disks: { vdx: 1 } }, signal)).rejects.toMatchObject({
      code: 'cannot-resize',
    })
  })

  test('external snapshots are taken while it runs, gone back to and deleted; bytes come and go with them', async () => {
    await writeDisk('one')
    expect(await createSnapshot(await web(), { name: 'a', description: 'first' }, signal)).toMatchObject({
      storage: 'external',
      memory: false,
      description: 'first',
    })
    await writeDisk('two')
    await createSnapshot(await web(), { name: 'b', quiesce: true }, signal)
    await writeDisk('three')
    expect(await listSnapshots(await web(), signal)).toMatchObject([
      { name: 'a' },
      { name: 'b', parent: 'a' },
    ])
    await expect(createSnapshot(await web(), { name: '../x' }, signal)).rejects.toMatchObject({
      code: 'invalid-name',
    })

    await expect(restoreSnapshot(await web(), 'a', {}, actCall())).rejects.toMatchObject({
      code: 'later-snapshots',
    })
    await deleteSnapshot(await web(), 'b', signal)
    expect(await readDisk()).toBe('three\n')
    await createSnapshot(await web(), { name: 'c' }, signal)

    // stopped afterwards: that it runs again, and waits for its guest, the tests of upgrades and of what is cut off prove
    const options = { discardLater: true, start: false }
    expect(await restoreSnapshot(await web(), 'a', options, actCall())).toEqual({
      snapshot: 'a',
      discarded: ['c'],
      state: 'shut off',
    })
    await deleteSnapshot(await web(), 'a', signal)
    expect(await world.readVolume('acts-web')).toBe('one\n')
    expect(await listSnapshots(await web(), signal)).toEqual([])
    expect(
      (await lab.virsh('vol-list', 'vms')).match(/acts-web_\S+/g)?.map(name => name.split('/').at(-1)),
    ).not.toContain('acts-web_boot.a')
    expect(await lab.virsh('domblklist', 'acts-web', '--inactive')).not.toContain('.a')
  })

  test('stop, start, restart and reset do what they say, and are read back; what cannot be live waits for the restart', async () => {
    expect(await stopMachine(await web(), {}, actCall())).toMatchObject({ changed: false })
    await expect(resetMachine(await web(), {}, actCall())).rejects.toMatchObject({ code: 'not-running' })

    await writeSnapshotOff()
    // it runs, and never gets ready; asked for again it is waited for, as its document says: by its agent
    const never = async () => readyWhen(await web(), { until: 'tcp', port: 9, timeoutSeconds: 1 })
    await expect(startMachine(await never(), {}, actCall())).rejects.toMatchObject({ code: 'not-ready' })
    expect(await lab.virsh('domstate', 'acts-web')).toContain('running')
    expect(await startMachine(await web(), {}, actCall())).toMatchObject({
      before: 'running',
      changed: false,
    })
    await lab.virsh('qemu-agent-command', 'acts-web', '{"execute":"guest-ping"}')
    await lab.virsh('suspend', 'acts-web')
    expect((await web()).view.state).toBe('paused')
    expect(await startMachine(await web(), { noWait: true }, actCall())).toMatchObject({
      before: 'paused',
      changed: true,
    })

    const later = await resizeMachine(await web(), { vcpus: 3 }, signal)
    expect(later).toEqual([{ path: 'vcpus', from: 2, to: 3, when: 'restart' }])
    expect((await web()).view.pending).toEqual(['maxVcpus', 'vcpus'])
    const now = { timeoutSeconds: 0, noWait: true }
    expect(await restartMachine(await web(), now, actCall())).toMatchObject({
      state: 'running',
      changed: true,
      forced: true,
    })
    expect((await web()).view).toMatchObject({ state: 'running', vcpus: 3, pending: [] })
    const pid = () => lab.inside('cat', '/run/libvirt/qemu/acts-web.pid')
    const process = await pid()
    // libvirt tells of it as of any start anew of a guest
    const heard = lab.virsh('event', '--domain', 'acts-web', '--event', 'reboot', '--timeout', '120')
    const again = async () => {
      await resetMachine(await web(), now, actCall())
      return await Promise.race([heard, sleep(500, '')])
    }
    // asked for again until it is heard: nobody tells when virsh has begun to listen
    await expect.poll(again, { timeout: 110_000, interval: 1 }).toContain("event 'reboot'")
    expect(await pid()).toBe(process)
    await expect(resetMachine(await never(), {}, actCall())).rejects.toMatchObject({ code: 'not-ready' })
    expect(await stopMachine(await web(), now, actCall())).toMatchObject({ forced: true })
  })

  /** Snapshots of a machine that is off: overlays, and inside the disks. */
  async function writeSnapshotOff() {
    for (const request of [{ name: 'off' }, { name: 'inside', internal: true }]) {
      const taken = await createSnapshot(await web(), request, signal)
      expect(taken.storage).toBe(request.internal ? 'internal' : 'external')
      expect(await restoreSnapshot(await web(), request.name, {}, actCall())).toMatchObject({
        state: 'shut off',
      })
      await deleteSnapshot(await web(), request.name, signal)
      expect(await listSnapshots(await web(), signal)).toEqual([])
    }
  }
})

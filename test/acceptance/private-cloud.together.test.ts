/**
 * examples/private-cloud, but for what a guest without KVM needs, on a real Ceph cluster and a real libvirt at once. What this machine cannot do is left to
 * the host: its cluster listens on loopback only and its kernel has no CephFS, so that the folder is mounted by ceph-fuse, as
 * the machine's own client of Ceph, at the path that the machine was given.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CephLab, cephLab, cephLabMissing } from '../lab/ceph.js'
import { libvirtLab } from '../lab/libvirt.js'
import { type Desk, desk } from './desk.js'
import { eyes } from './eyes.js'

const missing = await cephLabMissing()
const lab = missing === undefined ? await libvirtLab({ own: 37 }) : { skip: missing }
const run = promisify(execFile)
/** A guest without KVM: its firmware starts at once, and it is waited for. */
const quick = `  firmware: bios
  tcgCacheMiB: 64
  readiness: {until: agent, timeoutSeconds: 240}
  shutdownTimeoutSeconds: 5
`
interface Entity {
  readonly caps: Readonly<Record<string, string>>
}
const example = fileURLToPath(new URL('../../examples/private-cloud/stack.yaml', import.meta.url))

describe.skipIf('skip' in lab)(`a private cloud${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const { domains, volumes, power, guest } = eyes(lab)
  let cluster: CephLab
  let here: Desk
  let key: string
  let before: { readonly domains: string[]; readonly volumes: string[]; readonly pools: string[] }
  const values: Record<string, string | number> = {}

  const words = (command: string, ...args: readonly string[]) => [
    ...command.split(' '),
    '--var-file',
    'lab.vars.yaml',
    ...args,
  ]
  const ok = (command: string, ...args: readonly string[]) => here.ok(...words(command, ...args))
  const declare = async (more: Readonly<Record<string, string | number>>) =>
    here.write('lab.vars.yaml', JSON.stringify(Object.assign(values, more)))
  const pools = async () => {
    const { pools: found } = await cluster.cephJson<{ pools: { name: string }[] }>('df')
    return found.map(pool => pool.name).sort()
  }
  const now = async () => ({ domains: await domains(), volumes: await volumes('lab'), pools: await pools() })
  const keyOf = async () => (await cluster.ceph('auth', 'get-key', 'client.cloud')).trim()
  /** All that infra keeps: state, journals, checkpoints. */
  const kept = async () => {
    const entries = await readdir(join(here.folder, '.infra'), { recursive: true, withFileTypes: true })
    const files = entries.filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
    return (await Promise.all(files.map(file => readFile(file, 'latin1')))).join('\n')
  }
  /** Changes that a plan would make. */
  const changes = async () => {
    const { steps } = JSON.parse(await ok('plan', '--json')) as {
      steps: { address: string; changes: { path: string }[] }[]
    }
    return steps.map(step => [step.address, ...step.changes.map(change => change.path)])
  }

  /** What the set-up of the machine says of its mount: the path in the file system. */
  const mountPath = async (): Promise<string> => {
    const seed = join(here.folder, 'seed.iso')
    const [name = ''] = (await volumes('lab')).filter(one => one.startsWith('server_cloudinit'))
    await lab.virsh('vol-download', '--pool', 'lab', name, seed)
    const text = await readFile(seed, 'latin1')
    expect(text).toContain(key)
    return /echo "10\.0\.0\.9:6789:(\S+) \/srv\/home ceph name=cloud,/.exec(text)?.[1] ?? ''
  }

  /** Gives client.cloud another key, as somebody else may do. */
  const rotate = async () => {
    const keyring = join(here.folder, 'another.keyring')
    const caps = Object.entries(
      (await cluster.cephJson<Entity[]>('auth', 'get', 'client.cloud'))[0]?.caps ?? {},
    )
    const words = caps.flatMap(([daemon, cap]) => ['--cap', daemon, cap])
    await run('ceph-authtool', ['--create-keyring', '--gen-key', '-n', 'client.cloud', ...words, keyring])
    await cluster.ceph('auth', 'import', '-i', keyring)
    expect(await keyOf()).not.toBe(key)
    key = await keyOf()
  }

  /** The folder as the machine sees it, by the key that it was given. */
  const home = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
    const path = await mountPath()
    const folder = await mkdtemp(join(tmpdir(), 'infra-cloud-'))
    const keyring = join(dirname(cluster.conf), 'keys', 'client.cloud.keyring')
    await writeFile(keyring, `[client.cloud]\n\tkey = ${key}\n`, { mode: 0o600 })
    const as = ['-n', 'client.cloud', '--keyring', keyring, '--client_fs', 'cloud-files']
    await run('ceph-fuse', ['--conf', cluster.conf, ...as, '-r', path, folder])
    try {
      return await work(folder)
    } finally {
      await run('umount', [folder])
      await rmdir(folder)
    }
  }
  const diskSize = async () => 512 * Number(await guest('server', 'cat /sys/block/vdb/size'))
  const onDisk = () => guest('server', 'head -c 20 /dev/vdb')
  const inHome = () => home(folder => readFile(join(folder, 'letter'), 'utf8'))

  beforeAll(async () => {
    cluster = await cephLab({ name: 'cloud', port: 15_300 })
    await copyFile(`${await lab.guest('fast')}/fast.qcow2`, join(lab.poolPath, 'fast.qcow2'))
    here = await desk({})
    const text = await readFile(example, 'utf8')
    await here.write('stack.yaml', text.replace('  vcpus: 2\n', `  vcpus: 1\n${quick}`))
    await declare({
      uri: lab.uri,
      conf: cluster.conf,
      virtualization: 'qemu',
      memoryGiB: 0.25,
      monitors: '10.0.0.9:6789',
      copies: 1,
      image: 'fast.qcow2',
      storagePool: 'lab',
      bridge: lab.bridge,
      address: `${lab.bridgeNet}.40/24`,
      gateway: `${lab.bridgeNet}.1`,
      diskSize: '24MiB',
      homeSize: '16MiB',
    })
    before = await now()
  })
  afterAll(async () => {
    await here?.clear()
    await lab.clean()
    await cluster?.clean()
  })

  it('is made by one apply; the keys are told nowhere', async () => {
    const told = await ok('apply --yes')
    key = await keyOf()
    const [admin = ''] = /\S+==/.exec(await cluster.ceph('auth', 'get-key', 'client.admin')) ?? []
    for (const secret of [key, admin]) {
      expect(secret).not.toBe('')
      expect(told + (await kept()) + (await lab.virsh('dumpxml', 'server'))).not.toContain(secret)
    }
    expect(await power('server')).toBe('running')
    expect(await lab.virsh('domblklist', 'server')).toContain('cloud-disks/server-data')
    expect(await diskSize()).toBe(24 << 20)
    const path = (await cluster.ceph('fs', 'subvolume', 'getpath', 'cloud-files', 'home')).trim()
    expect(await mountPath()).toBe(path)
    await guest('server', 'printf hello-from-the-guest > /dev/vdb; sync')
    await home(folder => writeFile(join(folder, 'letter'), 'dear guest'))
    expect(await changes()).toEqual([])
  })

  it('is changed by one apply while the machine runs', async () => {
    await declare({ diskSize: '32MiB', homeSize: '20MiB' })
    await ok('apply --yes')
    expect(await cluster.rbdJson('info', 'cloud-disks/server-data')).toMatchObject({ size: 32 << 20 })
    expect(await cluster.cephJson('fs', 'subvolume', 'info', 'cloud-files', 'home')).toMatchObject({
      bytes_quota: 20 << 20,
    })
    expect([await onDisk(), await inHome()]).toEqual(['hello-from-the-guest', 'dear guest'])
    expect(await changes()).toEqual([])
  })

  it('goes back by one rollback, with its data', async () => {
    const refused = await here.infra(...words('rollback --yes'))
    expect(refused.text).toContain('--allow shrinks-data')
    const leave = ['irreversible=RbdImage/server-data', 'shrinks-data']
    await ok('rollback --yes', ...leave.flatMap(hazard => ['--allow', hazard]))
    expect(await cluster.rbdJson('info', 'cloud-disks/server-data')).toMatchObject({ size: 24 << 20 })
    expect(await cluster.cephJson('fs', 'subvolume', 'info', 'cloud-files', 'home')).toMatchObject({
      bytes_quota: 16 << 20,
    })
    expect([await onDisk(), await inHome()]).toEqual(['hello-from-the-guest', 'dear guest'])
    await declare({ diskSize: '24MiB', homeSize: '16MiB' })
    expect(await changes()).toEqual([])
  })

  it('comes back from a destroy with its data', async () => {
    await ok('destroy --yes')
    expect(await domains()).toEqual(before.domains)
    expect((await pools()).filter(name => !name.startsWith('infra-kept-'))).toEqual(before.pools)
    await ok('rollback --yes')
    expect(await power('server')).toBe('running')
    expect(await onDisk()).toBe('hello-from-the-guest')
    // A volume that comes back has another path: the machine's set-up follows with the next apply. So it does to another key
    expect(await keyOf()).toBe(key)
    const old = key
    await rotate()
    expect(await changes()).toEqual([['VirtualMachine/server', 'cloudInit.userData']])
    const told = await ok('apply --yes')
    expect(await inHome()).toBe('dear guest')
    expect(await changes()).toEqual([])
    for (const secret of [key, old]) expect(told + (await kept())).not.toContain(secret)
  })

  it('is gone after a destroy, and after a prune all is as it was', async () => {
    await ok('destroy --yes')
    await ok('checkpoint prune --yes')
    expect(await now()).toEqual(before)
    expect(await cluster.ceph('auth', 'ls')).not.toContain('client.cloud')
    expect(await cluster.cephJson('fs', 'ls')).toEqual([])
    expect((await lab.virsh('secret-list')).trim()).not.toContain('ceph')
  })
})

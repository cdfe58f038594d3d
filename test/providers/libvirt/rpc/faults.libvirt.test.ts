import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { InfraError } from '../../../../src/model/error.js'
import { Client } from '../../../../src/providers/libvirt/rpc/client.js'
import { isLibvirt } from '../../../../src/providers/libvirt/rpc/errors.js'
import { procedures as p } from '../../../../src/providers/libvirt/rpc/procedures/index.js'
import { uploadVolume } from '../../../../src/providers/libvirt/rpc/transfer.js'
import { libvirtLab } from '../../../lab/libvirt.js'

/** What the client says when libvirtd is killed, stops, is not there, or refuses. */
const lab = await libvirtLab({ own: 2 })

const failure = async (promise: Promise<unknown>): Promise<InfraError> => {
  const error = await promise.then(
    () => undefined,
    thrown => thrown,
  )
  if (!(error instanceof InfraError)) throw new Error(`no InfraError but ${error}`)
  return error
}

const volumeXml = (name: string) => `<volume><name>${name}</name><capacity>1048576</capacity></volume>`

describe.skipIf('skip' in lab)(`faults${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const clients: Client[] = []
  const client = (...args: ConstructorParameters<typeof Client>) => {
    const made = new Client(...args)
    clients.push(made)
    return made
  }

  afterAll(async () => {
    await lab.continue().catch(() => undefined)
    await Promise.all(clients.map(one => one.close()))
    await lab.clean()
  })

  test('errors carry libvirt’s own number', async () => {
    const c = client(lab.uri)
    const error = await failure(c.call(p.domains.lookupByName, { name: 'nobody' }))
    expect(isLibvirt(error, 'NO_DOMAIN')).toBe(true)
    expect(error).toMatchObject({ kind: 'operation', code: 'libvirt-no-domain', number: 42 })
    expect(error.why).toContain('nobody')
    const storage = await failure(c.call(p.pools.lookupByName, { name: 'nowhere' }))
    expect(isLibvirt(storage, 'NO_STORAGE_POOL')).toBe(true)
    expect(storage.kind).toBe('storage')
  })

  test('test:///default is served, too', async () => {
    const c = client(`test:///default?socket=${lab.socket}`)
    expect(await c.call(p.connect.uri, undefined)).toBe('test:///default')
    const all = await c.call(p.connect.listDomains, { needResults: 1, flags: 0 })
    expect(all.map(one => one.name)).toEqual(['test'])
  })

  test('killed: what was under way fails and says what is unknown; the next call connects anew', async () => {
    const c = client(lab.uri)
    const pool = await c.call(p.pools.lookupByName, { name: 'lab' })
    await lab.stopAnswering()
    const read = failure(c.call(p.pools.info, { pool }))
    const change = failure(c.call(p.volumes.create, { pool, xml: volumeXml('half'), flags: 0 }))
    await sleep(100)
    await lab.kill()
    expect(await read).toMatchObject({ kind: 'connection', code: 'libvirt-lost' })
    expect((await read).message).not.toContain('may or may not')
    expect((await change).message).toContain('it may or may not have happened')
    const again = c.call(p.pools.info, { pool })
    await lab.start()
    expect((await again).capacity).toBeGreaterThan(0)
  })

  test('gone for good: the next call says so within its time', async () => {
    const c = client(lab.uri, { reconnectFor: 500 })
    await c.connect()
    await lab.kill()
    await sleep(50)
    const error = await failure(c.call(p.connect.hostname, undefined))
    expect(error).toMatchObject({ kind: 'connection', code: 'libvirt-unreachable' })
    expect(error.hint).toContain('libvirtd')
    await lab.start()
  })

  test('stopped: calls end after the silence, and a new connection after its timeout', async () => {
    const c = client(lab.uri, { pingAfter: 200, silence: 1_000, connectTimeout: 700 })
    await c.connect()
    await lab.stopAnswering()
    const before = Date.now()
    const error = await failure(c.call(p.connect.hostname, undefined))
    expect(error).toMatchObject({ kind: 'connection', code: 'libvirt-silent' })
    expect(Date.now() - before).toBeLessThan(3_000)
    const fresh = client(lab.uri, { connectTimeout: 700 })
    expect(await failure(fresh.connect())).toMatchObject({ kind: 'connection', code: 'libvirt-unreachable' })
    await lab.continue()
    expect(await c.call(p.connect.hostname, undefined)).not.toBe('')
  })

  test('slow, but alive: pings are answered while calls take their time', async () => {
    const c = client(lab.uri, { pingAfter: 100, silence: 600 })
    const pool = await c.call(p.pools.lookupByName, { name: 'lab' })
    // preallocated volumes take seconds; more of them than libvirtd serves at once
    const xml = (n: number) =>
      `<volume><name>slow${n}</name><capacity unit='MiB'>512</capacity><allocation unit='MiB'>512</allocation></volume>`
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, n) => c.call(p.volumes.create, { pool, xml: xml(n), flags: 0 })),
    )
    expect(made).toHaveLength(8)
    await Promise.all(made.map(volume => c.call(p.volumes.delete, { volume, flags: 0 })))
  })

  test('aborted and timed out calls end at once, and their replies are passed over', async () => {
    const c = client(lab.uri)
    await c.connect()
    await lab.stopAnswering()
    const stop = new AbortController()
    const aborted = c.call(p.connect.hostname, undefined, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    expect(await failure(c.call(p.connect.hostname, undefined, { timeout: 50 }))).toMatchObject({
      code: 'libvirt-timeout',
    })
    await lab.continue()
    expect(await c.call(p.connect.driver, undefined)).toBe('QEMU')
  })

  test('an upload that is aborted leaves the connection for calls alone', async () => {
    const c = client(lab.uri)
    const pool = await c.call(p.pools.lookupByName, { name: 'lab' })
    const volume = await c.call(p.volumes.create, { pool, xml: volumeXml('cut'), flags: 0 })
    const stop = new AbortController()
    async function* endless() {
      yield Buffer.alloc(65_536)
      stop.abort(new Error('enough'))
      yield Buffer.alloc(65_536)
    }
    await expect(
      uploadVolume(c, volume, endless(), { signal: stop.signal, length: 1 << 20 }),
    ).rejects.toThrow('enough')
    await c.call(p.volumes.delete, { volume, flags: 0 })
  })

  test('an upload of more than the volume holds fails', async () => {
    const c = client(lab.uri)
    const pool = await c.call(p.pools.lookupByName, { name: 'lab' })
    const volume = await c.call(p.volumes.create, { pool, xml: volumeXml('small'), flags: 0 })
    async function* much() {
      for (let n = 0; n < 64; n += 1) yield Buffer.alloc(1 << 20)
    }
    const error = await failure(
      uploadVolume(c, volume, much(), { signal: new AbortController().signal, length: 1 << 20 }),
    )
    expect(error.code).toBe('libvirt-system-error')
    await c.call(p.volumes.delete, { volume, flags: 0 })
  })

  test('over ssh, by virt-ssh-helper and by netcat; a refused host says so', async () => {
    const { port, key, knownHosts } = await lab.ssh()
    const base = `qemu+ssh://root@127.0.0.1:${port}/system?keyfile=${key}&known_hosts=${knownHosts}`
    // netcat is not on every machine: what `nc -U` does, in a few lines
    const netcat = join(lab.poolPath, 'nc')
    const script = `#!${process.execPath}
const socket = require('net').connect(process.argv[3])
process.stdin.pipe(socket).pipe(process.stdout)
socket.on('close', () => process.exit())
`
    await writeFile(netcat, script, { mode: 0o755 })
    for (const uri of [base, `${base}&proxy=netcat&netcat=${netcat}`]) {
      const c = client(uri)
      expect(await c.call(p.connect.uri, undefined)).toBe('qemu:///system')
      const all = await c.call(p.connect.listPools, { needResults: 1, flags: 0 })
      expect(all.map(one => one.name)).toEqual(['lab'])
    }
    const stranger = client(`qemu+ssh://root@127.0.0.1:${port}/system?keyfile=${key}&known_hosts=/dev/null`)
    const error = await failure(stranger.connect())
    expect(error.kind).toBe('connection')
    expect(error.why).toContain('Host key verification failed')
  })
})

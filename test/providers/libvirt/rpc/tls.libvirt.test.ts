import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Client } from '../../../../src/providers/libvirt/rpc/client.js'
import { procedures } from '../../../../src/providers/libvirt/rpc/procedures/index.js'
import { libvirtLab } from '../../../lab/libvirt.js'

/** The lab's libvirtd, started again so that it listens for TLS, with an authority of the test's own. */
const lab = await libvirtLab({ own: 35 })
const port = 16_535

describe.skipIf('skip' in lab)(`qemu+tls${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const run = dirname(lab.poolPath)
  const server = join(run, 'tls-server')
  const client = join(run, 'tls-client')
  const stranger = join(run, 'tls-stranger')
  const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', [...args])

  const authority = (folder: string) =>
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=Test authority'],
      ...['-keyout', join(folder, 'cakey.pem'), '-out', join(folder, 'cacert.pem')],
    )
  const certificate = async (folder: string, name: string, ca: string, names: string) => {
    const [key, request] = [join(folder, `${name}key.pem`), join(folder, `${name}.csr`)]
    await openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      request,
      '-subj',
      '/CN=test',
    )
    await writeFile(join(folder, `${name}.ext`), `subjectAltName=${names}\n`)
    await openssl(
      ...['x509', '-req', '-days', '2', '-in', request, '-extfile', join(folder, `${name}.ext`)],
      ...['-CA', join(ca, 'cacert.pem'), '-CAkey', join(ca, 'cakey.pem'), '-CAcreateserial'],
      ...['-out', join(folder, `${name}cert.pem`)],
    )
  }
  const version = async (uri: string) => {
    const connection = new Client(uri)
    try {
      return await connection.call(procedures.connect.libraryVersion, undefined, {
        signal: AbortSignal.timeout(20_000),
      })
    } finally {
      await connection.close()
    }
  }

  beforeAll(async () => {
    for (const folder of [server, client, stranger]) await mkdir(folder, { recursive: true })
    await authority(server)
    await authority(stranger)
    await certificate(server, 'server', server, 'IP:127.0.0.1')
    await certificate(client, 'client', server, 'DNS:client')
    await certificate(stranger, 'client', stranger, 'DNS:client')
    const ca = await readFile(join(server, 'cacert.pem'))
    await writeFile(join(client, 'cacert.pem'), ca)
    const conf = (await readFile(join(run, 'etc/libvirtd.conf'), 'utf8')).replace(/^listen_tls.*$/m, '')
    const tls = [
      'listen_tls = 1',
      `tls_port = "${port}"`,
      'listen_addr = "127.0.0.1"',
      `ca_file = "${join(server, 'cacert.pem')}"`,
      `cert_file = "${join(server, 'servercert.pem')}"`,
      `key_file = "${join(server, 'serverkey.pem')}"`,
    ]
    await writeFile(join(run, 'etc/libvirtd-tls.conf'), `${conf}\n${tls.join('\n')}\n`)
    await lab.kill()
    const pid = join(run, 'libvirtd.pid')
    await lab.inside('rm', '-f', pid)
    await lab.inside('libvirtd', '-d', '--listen', '-f', '/etc/libvirt/libvirtd-tls.conf', '-p', pid)
  })
  afterAll(() => lab.clean())

  test('a client with a certificate of the authority is served', async () => {
    await expect.poll(() => lab.virsh('version').catch(() => ''), { timeout: 20_000 }).toContain('9.')
    expect(await version(`qemu+tls://127.0.0.1:${port}/system?pkipath=${client}`)).toBeGreaterThan(1_000_000)
  })

  test.each([
    {
      reason: 'the authority is another one than the server’s',
      uri: `qemu+tls://127.0.0.1:${port}/system?pkipath=${stranger}`,
      why: /certificate|self.signed/i,
    },
    {
      reason: 'the name is not in the server’s certificate',
      uri: `qemu+tls://localhost:${port}/system?pkipath=${client}`,
      why: /altname|does not match/i,
    },
    {
      reason: 'there are no certificates in the folder',
      uri: `qemu+tls://127.0.0.1:${port}/system?pkipath=${run}/nowhere`,
      why: /cacert\.pem is missing/,
    },
  ])('refused where $reason', async ({ uri, why }) => {
    const error = await version(uri).catch(thrown => thrown)
    expect(`${error.message} ${error.why}`).toMatch(why)
    expect(['connection', 'configuration']).toContain(error.kind)
  })

  test('refused where the client has a certificate of a stranger', async () => {
    await writeFile(join(stranger, 'cacert.pem'), await readFile(join(server, 'cacert.pem')))
    const error = await version(`qemu+tls://127.0.0.1:${port}/system?pkipath=${stranger}`).catch(
      thrown => thrown,
    )
    expect(error).toMatchObject({ kind: 'connection' })
  })
})

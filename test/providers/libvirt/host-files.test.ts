/** Only "not found" means that a file is not there: here, and where ssh leads (a shell stands for it). */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostFiles } from '../../../src/providers/libvirt/host-files.js'
import { parseUri } from '../../../src/providers/libvirt/rpc/uri.js'

const signal = new AbortController().signal
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-host-files-'))
  await writeFile(join(folder, 'log'), 'first\nlast\n')
  const ssh = join(folder, 'ssh')
  await writeFile(ssh, '#!/bin/sh\nfor last in "$@"; do :; done\nexec sh -c "$last"\n')
  await chmod(ssh, 0o755)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const ways = [
  { way: 'on this machine', uri: () => 'qemu:///system' },
  { way: 'by ssh', uri: () => `qemu+ssh://host/system?command=${folder}/ssh` },
]

describe.each(ways)('files of a host $way', ({ uri }) => {
  const files = () => hostFiles(parseUri(uri()))

  it('are there, or are not', async () => {
    expect(await files().exists(join(folder, 'log'), signal)).toBe(true)
    expect(await files().exists(join(folder, 'none'), signal)).toBe(false)
    expect(await files().tail(join(folder, 'log'), 5, signal)).toBe('last\n')
    expect(await files().tail(join(folder, 'none'), 5, signal)).toBeUndefined()
  })

  it('have names where their folder is there or is not, and on a machine that has one', async () => {
    expect([...((await files().names(folder, signal)) ?? [])].sort()).toEqual(['log', 'ssh'])
    expect(await files().names(join(folder, 'none'), signal)).toEqual([])
    expect(await files().names(join(folder, 'log', 'below'), signal)).toBeUndefined()
    expect(await files().machine(signal)).toBe(hostname())
  })

  it('are told where nobody can say: a file stands in the place of their folder', async () => {
    const path = join(folder, 'log', 'below')
    await expect(files().exists(path, signal)).rejects.toMatchObject({ code: 'host-file' })
    await expect(files().tail(path, 5, signal)).rejects.toMatchObject({
      message: `${path} cannot be read`,
      why: expect.stringMatching(/not a directory/i),
    })
  })
})

it.each(['qemu+tls://host/system', 'qemu+ssh://host/system?command=/none/ssh'])(
  'nothing is known of files to which no way leads: %s',
  async uri => {
    const files = hostFiles(parseUri(uri))
    expect(await files.names(folder, signal)).toBeUndefined()
    expect(await files.machine(signal)).toBeUndefined()
  },
)

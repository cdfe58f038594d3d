/** The seed as other programs read it: genisoimage's isoinfo and util-linux's blkid. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildIso } from '../../../../src/providers/libvirt/seed/iso.js'

const run = promisify(execFile)
const files = {
  'meta-data': 'instance-id: a\n',
  'network-config': 'version: 2\n',
  'user-data': '#cloud-config\n'.repeat(500),
}

describe('a seed image', () => {
  let folder: string
  let path: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infra-seed-'))
    path = join(folder, 'seed.iso')
    await writeFile(
      path,
      buildIso(
        'cidata',
        Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) })),
      ),
    )
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  it('is called cidata and has both extensions', async () => {
    const { stdout } = await run('isoinfo', ['-d', '-i', path])
    expect(stdout).toContain('Volume id: cidata')
    expect(stdout).toContain('Joliet with UCS level 3 found')
    expect(stdout).toContain('Rock Ridge signatures version 1 found')
  })

  it.each(['-R', '-J'])('gives its files by their names with %s', async extension => {
    for (const [name, text] of Object.entries(files)) {
      const { stdout } = await run('isoinfo', [extension, '-i', path, '-x', `/${name}`])
      expect(stdout).toBe(text)
    }
  })

  it('is root’s alone by Rock Ridge', async () => {
    const { stdout } = await run('isoinfo', ['-R', '-l', '-i', path])
    expect(stdout).toMatch(/-r-------- +1 +0 +0 .* user-data/)
  })

  it('is known to blkid as a CD of this name, as cloud-init looks for it', async () => {
    const { stdout } = await run('blkid', ['-o', 'export', '-p', path])
    expect(stdout).toContain('LABEL=cidata')
    expect(stdout).toContain('TYPE=iso9660')
  })
})

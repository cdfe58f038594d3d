import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { nodeFiles as files } from '../../src/model/node-files.js'
import { nodePorts } from '../../src/model/node-ports.js'

const root = mkdtempSync(join(tmpdir(), 'infra-files-'))
let folder = root
let count = 0
beforeEach(() => {
  count += 1
  folder = join(root, String(count))
  mkdirSync(folder)
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const text = (path: string) => readFileSync(path, 'utf8')
const mode = (path: string) => statSync(path).mode & 0o777
const bytes = (content: string) => new TextEncoder().encode(content)

describe('files of Node', () => {
  it('are undefined, or nothing, where they are missing', async () => {
    expect(await files.read(join(folder, 'none'))).toBeUndefined()
    expect(await files.list(join(folder, 'none'))).toEqual([])
    await files.remove(join(folder, 'none'))
  })

  it('are replaced as a whole, with the mode asked for, whatever the umask', async () => {
    const path = join(folder, 'a')
    const umask = process.umask(0o077)
    try {
      await files.replace(path, bytes('one'), 0o644)
    } finally {
      process.umask(umask)
    }
    expect([text(path), mode(path)]).toEqual(['one', 0o644])
    await files.replace(path, bytes('two'), 0o600)
    expect([text(path), mode(path)]).toEqual(['two', 0o600])
    expect(await files.list(folder)).toEqual(['a'])
  })

  it.each([
    { reason: 'a link to a file', make: (path: string) => symlinkSync('/etc/hostname', path), code: 'ELOOP' },
    { reason: 'a link to nothing', make: (path: string) => symlinkSync('/none', path), code: 'ELOOP' },
    { reason: 'a folder', make: (path: string) => mkdirSync(path), code: 'EISDIR' },
  ])('never replace $reason', async ({ make, code }) => {
    const path = join(folder, 'odd')
    make(path)
    await expect(files.replace(path, bytes('x'), 0o600)).rejects.toMatchObject({ code })
    expect(await files.list(folder)).toEqual(['odd'])
  })

  it('never replace a device', async () => {
    await expect(files.replace('/dev/null', bytes('x'), 0o600)).rejects.toMatchObject({ code: 'EINVAL' })
  })

  it('are appended to, cut, and are 0600 from the start; not through a link', async () => {
    const path = join(folder, 'log')
    const file = await files.append(path)
    await file.append(bytes('hello '))
    await file.append(bytes('world'))
    await file.truncate(6)
    await file.append(bytes('you'))
    await file.sync()
    await file.close()
    expect([text(path), mode(path)]).toEqual(['hello you', 0o600])
    symlinkSync(path, join(folder, 'way'))
    await expect(files.append(join(folder, 'way'))).rejects.toMatchObject({ code: 'ELOOP' })
  })

  it('keep their bytes under a second name', async () => {
    const path = join(folder, 'a')
    await files.replace(path, bytes('one'), 0o600)
    await files.link(path, join(folder, 'a.1'))
    await files.replace(path, bytes('two'), 0o600)
    await files.link(path, join(folder, 'a.1'))
    expect([text(path), text(join(folder, 'a.1'))]).toEqual(['two', 'one'])
    await files.rename(join(folder, 'a.1'), path)
    expect(text(path)).toBe('one')
  })

  it('are in folders that nobody else can look into', async () => {
    await files.makeFolder(join(folder, 'x', 'y'))
    expect([mode(join(folder, 'x')), mode(join(folder, 'x', 'y'))]).toEqual([0o700, 0o700])
    await files.makeFolder(join(folder, 'x', 'y'))
  })

  it('fail with the code of the system', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(files.read(join(folder, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(files.replace(join(folder, 'no', 'file'), bytes(''), 0o600)).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })
})

describe('the clock of Node', () => {
  it('sleeps, and wakes with the reason of an abort', async () => {
    await nodePorts.clock.sleep(1)
    const reason = new Error('enough')
    await expect(nodePorts.clock.sleep(60_000, AbortSignal.timeout(1))).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    await expect(nodePorts.clock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import { chmod, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readStack } from '../../src/stack/load.js'
import { kinds } from './kinds.js'
import { stackOf, volume, withFiles } from './stacks.js'

/** Large enough to be worth keeping. */
const documents = (count: number) =>
  stackOf('  variables: {secret: {sensitive: true}}\n') +
  Array.from({ length: count }, (_, index) =>
    volume(
      `v${index}`,
      index % 2 ? `  description: \${Volume.v${index - 1}.size}\n` : '  key: ${var.secret}\n',
    ),
  ).join('')

describe('the cache of parsed documents', () => {
  const read = (folder: string, version = '1') =>
    readStack({
      path: join(folder, 'stack.yaml'),
      kinds,
      cacheFolder: join(folder, 'cache'),
      variables: { secret: 'TOP-SECRET' },
      version,
    }).then(({ stack }) => stack)
  const entry = async (folder: string) => {
    const [name = ''] = await readdir(join(folder, 'cache'))
    return join(folder, 'cache', name)
  }

  test('gives the same stack, is closed to others, and holds no value of a variable', async () => {
    await withFiles({ 'stack.yaml': documents(1000) }, async folder => {
      const first = await read(folder)
      expect(await read(folder)).toEqual(first)
      const file = await entry(folder)
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect((await stat(join(folder, 'cache'))).mode & 0o777).toBe(0o700)
      expect(await readFile(file, 'utf8')).not.toContain('TOP-SECRET')
      expect(await readdir(join(folder, 'cache'))).toHaveLength(1)
    })
  })

  test('is really read, and only for the same bytes and version', async () => {
    await withFiles({ 'stack.yaml': documents(1000) }, async folder => {
      await read(folder)
      const file = await entry(folder)
      const [, payload = ''] = (await readFile(file, 'utf8')).split('\n')
      const { createHash } = await import('node:crypto')
      const changed = payload.replaceAll('1GiB', '7GiB')
      await writeFile(file, `${createHash('sha256').update(changed).digest('hex')}\n${changed}`)
      expect((await read(folder)).resources.get('Volume/v0')?.spec.size).toBe('7GiB')
      expect((await read(folder, '2')).resources.get('Volume/v0')?.spec.size).toBe('1GiB')
      await writeFile(join(folder, 'stack.yaml'), documents(1001))
      expect((await read(folder)).resources.get('Volume/v0')?.spec.size).toBe('1GiB')
    })
  })

  const broken: { reason: string; spoil: (file: string) => Promise<unknown> }[] = [
    { reason: 'cut off', spoil: async file => writeFile(file, (await readFile(file)).subarray(0, 5000)) },
    { reason: 'empty', spoil: file => writeFile(file, '') },
    {
      reason: 'changed by hand',
      spoil: async file => writeFile(file, (await readFile(file, 'utf8')).replace('1GiB', '7GiB')),
    },
    { reason: 'open to others', spoil: file => chmod(file, 0o644) },
  ]
  test.each(broken)('is passed over when it is $reason', async ({ spoil }) => {
    await withFiles({ 'stack.yaml': documents(1000) }, async folder => {
      const first = await read(folder)
      await spoil(await entry(folder))
      expect(await read(folder)).toEqual(first)
      expect(await read(folder)).toEqual(first)
    })
  })

  test('that cannot be written does no harm', async () => {
    await withFiles({ 'stack.yaml': documents(1000), cache: 'a file in the way' }, async folder => {
      expect((await read(folder)).resources.size).toBe(1000)
    })
  })

  test('keeps nothing of a broken stack, nothing small, and not more than it should', async () => {
    await withFiles({ 'stack.yaml': volume('a') }, async folder => {
      await read(folder).catch(() => undefined)
      await writeFile(join(folder, 'stack.yaml'), `${documents(1000)}a: [\n`)
      await read(folder).catch(() => undefined)
      expect(await readdir(join(folder, 'cache')).catch(() => [])).toEqual([])
      await writeFile(join(folder, 'stack.yaml'), documents(1000))
      await read(folder)
      for (let index = 0; index < 70; index++) {
        const name = join(folder, 'cache', `${String(index).padStart(64, '0')}.json`)
        await writeFile(name, 'x')
        await utimes(name, 1000, 1000 + index)
      }
      const stale = join(folder, 'cache', 'x.1.new')
      await writeFile(stale, 'x')
      await utimes(stale, 1000, 1000)
      await writeFile(join(folder, 'stack.yaml'), documents(1001))
      await read(folder)
      const left = await readdir(join(folder, 'cache'))
      expect(left).toHaveLength(64)
      expect(left).not.toContain('x.1.new')
    })
  })
})

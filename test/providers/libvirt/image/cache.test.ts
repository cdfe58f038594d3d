import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type CacheSettings,
  type ImageCache,
  imageCache,
} from '../../../../src/providers/libvirt/image/cache.js'
import { type Behaviour, cutAt, type Served, serve, whole } from './server.js'

const bytes = randomBytes(300_000)
const checksum = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const signal = new AbortController().signal

/** Whether the file holds what was served; compared as a whole, since a matcher would look at each byte by itself. */
const isWhole = async (path: string): Promise<boolean> => bytes.equals(await readFile(path))

describe('the cache of images', () => {
  let folder: string
  let served: Served | undefined
  let now: number
  const said: string[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infra-images-'))
    now = 0
    said.length = 0
  })
  afterEach(async () => {
    await served?.close()
    served = undefined
    await rm(folder, { recursive: true, force: true })
  })

  function cache(more: Partial<CacheSettings> = {}): ImageCache {
    return imageCache({
      folder: join(folder, 'cache'),
      stackFolder: folder,
      fetch,
      clock: {
        now: () => (now += 500),
        sleep: async () => undefined,
      },
      limits: { answerMilliseconds: 2000, idleMilliseconds: 300 },
      ...more,
    })
  }

  async function url(behaviour: Behaviour): Promise<string> {
    served = await serve(behaviour)
    return served.url
  }

  const get = (source: Parameters<ImageCache['fetch']>[0], from: ImageCache = cache()) =>
    from.fetch(source, signal, text => said.push(text))

  it('fetches once, and takes the copy after that', async () => {
    const address = await url(whole(bytes))
    const source = { url: address, insecure: true, checksum }
    const first = await get(source)
    expect(await isWhole(first.path)).toBe(true)
    expect(first).toMatchObject({ bytes: bytes.length, sha256: checksum.slice(7) })
    expect((await stat(first.path)).mode & 0o777).toBe(0o600)
    await get(source)
    expect(served?.ranges).toHaveLength(1)
    expect(await readdir(join(folder, 'cache'))).toEqual([`sha256-${checksum.slice(7)}`])
  })

  it('hashes a copy again, and fetches anew what was changed', async () => {
    const source = { url: await url(whole(bytes)), insecure: true, checksum }
    const first = await get(source)
    await writeFile(first.path, 'something else')
    expect(await isWhole((await get(source)).path)).toBe(true)
    expect(served?.ranges).toHaveLength(2)
  })

  it('continues where the connection was cut', async () => {
    const address = await url((request, response, count) =>
      (count === 1 ? cutAt(bytes, 100_000) : whole(bytes))(request, response, count),
    )
    const got = await get({ url: address, insecure: true, checksum })
    expect(await isWhole(got.path)).toBe(true)
    expect(served?.ranges).toEqual([undefined, 'bytes=100000-'])
  })

  it('continues what an earlier run left', async () => {
    const source = {
      url: await url((request, response, count) =>
        (count === 1 ? cutAt(bytes, 50_000) : whole(bytes))(request, response, count),
      ),
      insecure: true,
      checksum,
    }
    const once = cache({ limits: { attempts: 1, answerMilliseconds: 20_000, idleMilliseconds: 3000 } })
    await expect(get(source, once)).rejects.toMatchObject({ kind: 'connection', code: 'download-failed' })
    expect(await isWhole((await get(source)).path)).toBe(true)
    expect(served?.ranges.at(-1)).toBe('bytes=50000-')
  })

  it('begins again where the server has another file now', async () => {
    const address = await url((request, response, count) =>
      (count === 1 ? cutAt(randomBytes(200_000), 90_000) : whole(bytes, '"two"'))(request, response, count),
    )
    expect(await isWhole((await get({ url: address, insecure: true, checksum })).path)).toBe(true)
  })

  it('begins again where what it has does not fit any more', async () => {
    const address = await url((request, response, count) => {
      if (count === 1) return cutAt(bytes, 90_000)(request, response, count)
      if (count === 2) return response.writeHead(416).end()
      return whole(bytes)(request, response, count)
    })
    expect(await isWhole((await get({ url: address, insecure: true, checksum })).path)).toBe(true)
    expect(served?.ranges).toEqual([undefined, 'bytes=90000-', undefined])
  })

  it('does not wait for ever for a server that falls silent', async () => {
    const address = await url((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length })
      response.write(bytes.subarray(0, 1000))
    })
    await expect(
      get(
        { url: address, insecure: true, checksum },
        cache({ limits: { attempts: 2, idleMilliseconds: 100 } }),
      ),
    ).rejects.toMatchObject({ why: 'nothing came for 0.1 s' })
    expect(served?.ranges).toHaveLength(2)
  })

  it('does not wait for ever for an answer', async () => {
    const address = await url(() => undefined)
    await expect(
      get(
        { url: address, insecure: true, checksum },
        cache({ limits: { attempts: 1, answerMilliseconds: 100 } }),
      ),
    ).rejects.toMatchObject({ why: 'no answer within 0.1 s' })
  })

  it('ends at once when it is told to', async () => {
    const abort = new AbortController()
    const address = await url((_, response) => {
      response.writeHead(200)
      response.write('x')
      setTimeout(() => abort.abort(new Error('enough')), 20)
    })
    await expect(
      cache().fetch({ url: address, insecure: true, checksum }, abort.signal, () => undefined),
    ).rejects.toThrow('enough')
    expect(served?.ranges).toHaveLength(1)
  })

  it('refuses bytes that are not those of the checksum, and keeps none of them', async () => {
    const address = await url(whole(Buffer.from('another file')))
    await expect(get({ url: address, insecure: true, checksum })).rejects.toMatchObject({
      code: 'checksum-mismatch',
      kind: 'storage',
    })
    expect(await readdir(join(folder, 'cache'))).toEqual([])
  })

  it.each([
    [404, 'storage', 1, 'what is not there is not asked for again'],
    [503, 'connection', 4, 'a server that is busy is asked again'],
  ])('understands HTTP %d', async (status, kind, requests, reason) => {
    const address = await url((_, response) => response.writeHead(status).end())
    await expect(get({ url: address, insecure: true, checksum }), reason).rejects.toMatchObject({ kind })
    expect(served?.ranges, reason).toHaveLength(requests)
  })

  it('fetches nothing but https unless the document says so', async () => {
    await expect(get({ url: await url(whole(bytes)), checksum })).rejects.toMatchObject({
      code: 'insecure-url',
    })
    expect(served?.ranges).toEqual([])
  })

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/x', 'data:,x'])('refuses %s even then', async address => {
    await expect(get({ url: address, insecure: true, checksum })).rejects.toMatchObject({
      code: 'insecure-url',
    })
  })

  it('checks each redirect again', async () => {
    const followed: string[] = []
    const redirecting = async (address: string) => {
      followed.push(address)
      return new Response(null, {
        status: 302,
        headers: { location: 'http://169.254.169.254/latest/meta-data' },
      })
    }
    await expect(
      get({ url: 'https://images.example.org/a.qcow2', checksum }, cache({ fetch: redirecting })),
    ).rejects.toMatchObject({ code: 'insecure-url' })
    expect(followed).toEqual(['https://images.example.org/a.qcow2'])
  })

  it('follows redirects, but not for ever', async () => {
    const address = await url((request, response, count) => {
      if (request.url === '/end') return whole(bytes)(request, response, count)
      response.writeHead(302, { location: count > 1 ? '/end' : '/middle' }).end()
    })
    expect((await get({ url: address, insecure: true, checksum })).bytes).toBe(bytes.length)
    const circle = async () =>
      new Response(null, { status: 302, headers: { location: 'https://a.example.org/' } })
    await expect(
      get({ url: 'https://a.example.org/', checksum: `sha256:${'0'.repeat(64)}` }, cache({ fetch: circle })),
    ).rejects.toMatchObject({ code: 'too-many-redirects' })
  })

  it('fetches one image once for two that want it at the same time', async () => {
    const source = { url: await url(whole(bytes)), insecure: true, checksum }
    const one = cache()
    const [a, b] = await Promise.all([get(source, one), get(source, one)])
    expect(a.path).toBe(b.path)
    expect(served?.ranges).toHaveLength(1)
  })

  it('leaves an unfinished file to the process that is at it', async () => {
    const source = { url: await url(whole(bytes)), insecure: true, checksum }
    await Promise.all([get(source, cache()), get(source, cache())])
    expect(await readdir(join(folder, 'cache'))).toEqual([`sha256-${checksum.slice(7)}`])
  })

  it('takes over the unfinished file of a process that is gone', async () => {
    const source = {
      url: await url((request, response, count) =>
        (count === 1 ? cutAt(bytes, 50_000) : whole(bytes))(request, response, count),
      ),
      insecure: true,
      checksum,
    }
    await expect(get(source, cache({ limits: { attempts: 1 } }))).rejects.toBeDefined()
    await writeFile(join(folder, 'cache', `sha256-${checksum.slice(7)}.claim`), '4194399')
    await get(source)
    expect(served?.ranges.at(-1)).toBe('bytes=50000-')
  })

  it('waits for the number of a process that has just begun with it', async () => {
    const source = { url: await url(whole(bytes)), insecure: true, checksum }
    const mark = join(folder, 'cache', `sha256-${checksum.slice(7)}.claim`)
    await mkdir(join(folder, 'cache'), { recursive: true })
    await writeFile(mark, '')
    const getting = get(source)
    await writeFile(mark, String(process.pid))
    await getting
    // its own mark is not ours to take away
    expect(await readFile(mark, 'utf8')).toBe(String(process.pid))
  })

  it('keeps nothing of a download without a checksum', async () => {
    const got = await get({ url: await url(whole(bytes)), insecure: true, checksum: 'none' })
    expect(await isWhole(got.path)).toBe(true)
    await got.release()
    expect(await readdir(join(folder, 'cache'))).toEqual([])
  })

  it('tells how far it is, not too often', async () => {
    await get({ url: await url(whole(bytes)), insecure: true, checksum })
    expect(said.length).toBeGreaterThan(0)
    expect(said[0]).toMatch(/^[\d.]+ MiB of 0\.3 MiB fetched, \d+ %$/)
  })

  it('takes a local file as it is, from the stack’s folder on', async () => {
    await writeFile(join(folder, 'a.qcow2'), bytes)
    expect(await get({ path: 'a.qcow2', checksum })).toMatchObject({
      path: join(folder, 'a.qcow2'),
      bytes: bytes.length,
    })
    await expect(get({ path: 'a.qcow2', checksum: `sha256:${'0'.repeat(64)}` })).rejects.toMatchObject({
      code: 'checksum-mismatch',
    })
    await expect(get({ path: 'b.qcow2' })).rejects.toMatchObject({ code: 'image-unreadable' })
    await expect(get({ path: '.' })).rejects.toMatchObject({ code: 'image-unreadable' })
  })
})

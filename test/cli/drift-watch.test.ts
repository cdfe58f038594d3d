/** `infra drift --watch` as a process: its file, its webhook, its secret, its history, and its end. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { signature } from '../../src/watch/signature.js'
import { type Desk, desk } from '../acceptance/desk.js'
import { drift, startWatch } from '../watch/helpers.js'

const stack = `apiVersion: infra/v1
kind: Stack
metadata: {name: demo}
---
apiVersion: infra/v1
kind: StoragePool
metadata: {name: main}
spec: {path: /srv/main}
`

describe('infra drift --watch', () => {
  let here: Desk
  beforeEach(async () => {
    here = await desk({ 'stack.yaml': stack, secret: 'sesame-of-the-hook\n' })
    await here.ok('apply', '--yes')
  }, 60_000)
  afterEach(() => here.clear())

  it('keeps a textfile and the history up to date, and tells a webhook that fails first', async () => {
    const taken: { body: string; time: string; mac: string }[] = []
    let requests = 0
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', chunk => {
        body += chunk
      })
      request.on('end', () => {
        requests += 1
        if (requests === 1) {
          response.writeHead(500).end()
          return
        }
        const { 'infra-timestamp': time, 'infra-signature': mac } = request.headers
        taken.push({ body, time: String(time), mac: String(mac) })
        response.writeHead(204).end()
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      const watch = startWatch(
        here,
        ...['--interval', '1s', '--format', 'prometheus', '--output', 'drift.prom'],
        ...['--webhook', `http://127.0.0.1:${port}/token-in-path`, '--webhook-secret-file', 'secret'],
      )
      await watch.next(event => event.type === 'scan')
      const prom = () => readFile(`${here.folder}/drift.prom`, 'utf8')
      await expect.poll(prom, { timeout: 30_000 }).toContain('status="in-sync"} 1')

      await here.ok('world', 'set', 'StoragePool/main', 'autostart=false')
      await watch.next(drift('StoragePool/main', 'appeared', 'autostart'))
      await expect.poll(prom, { timeout: 30_000 }).toContain('status="modified"} 1')
      await here.ok('apply', '--yes')
      await watch.next(drift('StoragePool/main', 'gone', 'autostart'))
      await expect.poll(() => taken.length, { timeout: 60_000 }).toBeGreaterThan(1)
      watch.running.signal('SIGTERM')
      const { code, text } = await watch.running.ended
      expect(code, text).toBe(0)
      expect(text).not.toContain('sesame')
      expect(text).not.toContain('token-in-path')

      const events = taken.flatMap(one => JSON.parse(one.body).events)
      expect(events.map(one => `${one.change} ${one.resource} ${one.path}`)).toEqual([
        'appeared StoragePool/main autostart',
        'gone StoragePool/main autostart',
      ])
      for (const { body, time, mac } of taken)
        expect(mac).toBe(`sha256=${signature('sesame-of-the-hook', Number(time), body)}`)
      const log = JSON.parse((await here.infra('drift', 'log', '--json')).out)
      expect(log).toMatchObject([
        { subject: 'StoragePool/main', path: 'autostart', gone: expect.any(String) },
      ])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('says that the stack cannot be read, and goes on when that is mended', async () => {
    const watch = startWatch(here, '--interval', '1s')
    await watch.next(event => event.type === 'scan')
    await here.write('stack.yaml', `${stack}nonsense: [`)
    await watch.next(event => event.type === 'failed')
    await here.write('stack.yaml', stack)
    await watch.next(event => event.type === 'scan', 60)
    watch.running.signal('SIGINT')
    expect((await watch.running.ended).code).toBe(0)
  })

  it('ends when nobody reads it any more', async () => {
    const program = fileURLToPath(new URL('../../bin/infra', import.meta.url))
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    const line = '"$0" "$1" drift --watch --interval 1s --json | head -1; echo "${PIPESTATUS[0]}"'
    const child = spawn('bash', ['-c', line, process.execPath, program], { cwd: here.folder })
    let out = ''
    child.stdout.on('data', chunk => {
      out += chunk
    })
    await new Promise(resolve => child.once('close', resolve))
    const [first = '', code] = out.trim().split('\n')
    expect(JSON.parse(first)).toMatchObject({ type: 'watching', how: 'scans' })
    expect(code).toBe('0')
  })
})

describe('infra drift --watch that cannot begin', () => {
  let here: Desk
  beforeAll(async () => {
    here = await desk({ 'stack.yaml': stack })
  })
  afterAll(() => here.clear())

  it.each([
    { reason: 'no file with the secret', flags: ['--webhook', 'http://h/', '--webhook-secret-file', 'none'] },
    { reason: 'no URL', flags: ['--webhook', 'nowhere'] },
    { reason: 'no span of time', flags: ['--interval', 'often'] },
    { reason: 'a format with nowhere to go', flags: ['--format', 'sarif'] },
  ])('is an error with $reason', async ({ flags }) => {
    const { code, text } = await here.infra('drift', '--watch', ...flags)
    expect(code, text).toBe(1)
    expect(text).toMatch(/^error: /)
  })
})

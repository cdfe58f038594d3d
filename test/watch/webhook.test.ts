/** The webhook, against a real server on loopback. */
import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import type { DriftChange } from '../../src/watch/event.js'
import { openWebhook } from '../../src/watch/webhook.js'

interface Delivery {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const secret = 'whsec-correct-horse'
let server: Server | undefined

/** Answers with these, one a request, and 200 after that; -1 breaks the connection. */
async function serve(...answers: readonly (number | { status: number; headers: Record<string, string> })[]) {
  const deliveries: Delivery[] = []
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      const answer = answers[deliveries.length] ?? 200
      deliveries.push({ headers: request.headers, body })
      if (answer === -1) request.socket.destroy()
      else if (typeof answer === 'number') response.writeHead(answer).end()
      else response.writeHead(answer.status, answer.headers).end()
    })
  })
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/hook/token-in-path`, deliveries }
}

afterEach(async () => {
  server?.closeAllConnections()
  await new Promise(resolve => server?.close(resolve) ?? resolve(undefined))
  server = undefined
})

function change(number: number): DriftChange {
  return {
    type: 'drift',
    change: 'appeared',
    at: '2026-01-01T00:00:00.000Z',
    stack: 'shop',
    rule: 'modified',
    resource: `Volume/v${number}`,
    connection: 'libvirt',
    path: 'size',
    from: 1,
    to: 2,
    text: 'size: 1 → 2',
  }
}

/** A webhook whose pauses take no time, but are noted. */
function open(url: string, signed = true) {
  const failures: [string, number][] = []
  const pauses: number[] = []
  const ending = new AbortController()
  const webhook = openWebhook({
    url,
    ...(signed && { secret }),
    clock: {
      now: () => Date.now(),
      sleep: async (milliseconds, signal) => {
        if (milliseconds === 60_001) return nodePorts.clock.sleep(milliseconds, signal)
        pauses.push(milliseconds)
        await sleep(1)
      },
    },
    random: nodePorts.random,
    signal: ending.signal,
    failed: (why, events) => failures.push([why, events]),
  })
  return { webhook, failures, pauses, ended: () => webhook.end(60_001) }
}

describe('the webhook', () => {
  test('is signed over time and body, and tried again until it is taken', async () => {
    const { url, deliveries } = await serve(500, -1, 503)
    const { webhook, failures, pauses, ended } = open(url)
    webhook.send([change(1)])
    expect(await ended()).toBe(0)
    expect(deliveries).toHaveLength(4)
    expect(pauses).toEqual([1000, 2000, 4000])
    expect(failures).toEqual([])
    expect(new Set(deliveries.map(one => one.headers['infra-delivery'])).size).toBe(1)
    for (const { headers, body } of deliveries) {
      const time = headers['infra-timestamp']
      const mac = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
      expect(headers['infra-signature']).toBe(`sha256=${mac}`)
      expect(Math.abs(Date.now() / 1000 - Number(time))).toBeLessThan(120)
      expect(JSON.parse(body)).toEqual({ format: 'infra.drift-events/v1', events: [change(1)] })
      expect(JSON.stringify(headers) + body).not.toContain(secret)
    }
  })

  test('without a secret is not signed', async () => {
    const { url, deliveries } = await serve()
    const { webhook, ended } = open(url, false)
    webhook.send([change(1)])
    await ended()
    expect(deliveries[0]?.headers['infra-signature']).toBeUndefined()
  })

  test('is given up after six tries, which is told; the next request says what was missed', async () => {
    const { url, deliveries } = await serve(500, 500, 500, 500, 500, 500)
    const { webhook, failures, pauses, ended } = open(url)
    webhook.send([change(1), change(2)])
    await ended()
    expect(deliveries).toHaveLength(6)
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000])
    expect(failures).toEqual([[`${new URL(url).origin}: it answered 500`, 2]])
    webhook.send([change(3)])
    await ended()
    expect(JSON.parse(deliveries[6]?.body ?? '')).toMatchObject({ events: [change(3)], missed: 2 })
  })

  test.each([
    { reason: 'a refusal is none that time heals', answer: 403, requests: 1 },
    { reason: 'a redirect is not followed: what is signed is for one place', answer: 302, requests: 1 },
    { reason: 'too many requests', answer: 429, requests: 2 },
    { reason: 'too slow', answer: 408, requests: 2 },
  ])('$reason: $answer', async ({ answer, requests }) => {
    const { url, deliveries } = await serve(answer)
    const { webhook, ended } = open(url)
    webhook.send([change(1)])
    await ended()
    expect(deliveries).toHaveLength(requests)
  })

  test('waits as long as it is asked to, a minute at most', async () => {
    const busy = (seconds: string) => ({ status: 429, headers: { 'retry-after': seconds } })
    const { url } = await serve(busy('7'), busy('86400'), busy('tomorrow'))
    const { webhook, pauses, ended } = open(url)
    webhook.send([change(1)])
    await ended()
    expect(pauses).toEqual([7000, 60_000, 4000])
  })

  test('keeps so many and no more, the newest, and tells of the others', async () => {
    const { url, deliveries } = await serve()
    const { webhook, failures, ended } = open(url)
    webhook.send(Array.from({ length: 25_000 }, (_, number) => change(number)))
    expect(await ended()).toBe(0)
    expect(failures).toEqual([[`${new URL(url).origin}: too many wait`, 15_000]])
    const bodies = deliveries.map(one => JSON.parse(one.body))
    expect(bodies.flatMap(one => one.events)).toHaveLength(10_000)
    expect(bodies[0]).toMatchObject({ missed: 15_000, events: { length: 100 } })
    expect(bodies.at(-1).events.at(-1)).toEqual(change(24_999))
  })

  test('tells of what it drops once a request, however many events come', async () => {
    const { url } = await serve()
    const { webhook, failures, ended } = open(url)
    for (let number = 0; number < 30_000; number += 1) webhook.send([change(number)])
    expect(await ended()).toBe(0)
    expect(failures).toEqual([[`${new URL(url).origin}: too many wait`, expect.any(Number)]])
    expect(failures[0]?.[1]).toBeGreaterThan(18_000)
  })

  test('a server that never answers does not hold up the end', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    server = silent
    const ending = new AbortController()
    const webhook = openWebhook({
      url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`,
      clock: nodePorts.clock,
      random: nodePorts.random,
      signal: ending.signal,
      failed: () => undefined,
    })
    webhook.send([change(1), change(2)])
    expect(await webhook.end(50)).toBe(2)
    ending.abort()
  })

  test.each(['nowhere', 'ftp://host/', 'https://user:word@host/'])('%s is no URL for it', url => {
    expect(() => open(url)).toThrow('no URL that can be called')
  })
})

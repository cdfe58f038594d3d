/** Changes of drift sent to a URL: signed, tried again, from a queue that is bounded. */
import { InfraError, messageOf } from '../model/error.js'
import type { Clock, Random } from '../model/ports.js'
import type { DriftChange } from './event.js'
import { signature } from './signature.js'

export interface WebhookInput {
  /** May hold a token itself, and is told of by its host alone. */
  readonly url: string
  /** Without one, nothing is signed. */
  readonly secret?: string
  readonly clock: Clock
  readonly random: Random
  /** Ends at once what is under way, and what is queued with it. */
  readonly signal: AbortSignal
  /** Hears of what could not be delivered. */
  failed(why: string, events: number): void
}

export interface Webhook {
  /** Queues changes; never waits. */
  send(events: readonly DriftChange[]): void
  /** Resolves when everything is delivered or given up, or after so many milliseconds; how many were not delivered. */
  end(milliseconds: number): Promise<number>
}

/** Changes in one request. */
const mostInOne = 100
/** Changes that wait; of more, the oldest are dropped, and the next request says how many. */
const mostWaiting = 10_000
/** They are dropped so many at a time: to cut the list for each event is as much work as it is long. */
const surplus = 1000
/** Tries of one request, with pauses of 1, 2, 4, 8, 16 s between them. */
const tries = 6
const firstPause = 1000
/** The longest pause that a Retry-After may ask for. */
const longestPause = 60_000
const attemptTimeout = 10_000

/** Fails with `bad-webhook` for a URL that is none. */
export function openWebhook(input: WebhookInput): Webhook {
  const { clock, random, signal } = input
  const url = checkedUrl(input.url)
  const place = `${url.protocol}//${url.host}`
  let waiting: DriftChange[] = []
  let underWay = 0
  let dropped = 0
  /** Of those, what has not been told of yet: once a request, and not once an event. */
  let untold = 0
  let sending: Promise<void> | undefined

  function tellDropped(): void {
    if (untold > 0) input.failed(`${place}: too many wait`, untold)
    untold = 0
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0 && !signal.aborted) {
      tellDropped()
      const events = waiting.slice(0, mostInOne)
      waiting = waiting.slice(mostInOne)
      const missed = dropped
      dropped = 0
      const body = JSON.stringify({ format: 'infra.drift-events/v1', events, ...(missed > 0 && { missed }) })
      underWay = events.length
      const why = await deliver(body)
      underWay = 0
      if (why === undefined) continue
      dropped += events.length + missed
      input.failed(`${place}: ${why}`, events.length)
    }
    sending = undefined
  }

  /** Why it could not be delivered; undefined where it was. */
  async function deliver(body: string): Promise<string | undefined> {
    // The same at every try: who gets it twice can tell
    const id = random.uuid()
    let why = ''
    for (let turn = 0; turn < tries; turn += 1) {
      const answer = await attempt(id, body)
      if (answer.delivered) return undefined
      why = answer.why
      if (!answer.again || signal.aborted) break
      if (turn + 1 < tries)
        // the end of the watch ends the wait
        await clock.sleep(answer.after ?? firstPause * 2 ** turn, signal).catch(() => undefined)
    }
    return why
  }

  async function attempt(id: string, body: string): Promise<Answer> {
    const timestamp = Math.floor(clock.now() / 1000)
    const { secret } = input
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'infra',
          'infra-delivery': id,
          'infra-timestamp': String(timestamp),
          ...(secret !== undefined && { 'infra-signature': `sha256=${signature(secret, timestamp, body)}` }),
        },
        body,
        // What is signed for one place is for no other
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(attemptTimeout)]),
      })
      await response.body?.cancel()
      if (response.ok) return { delivered: true }
      const after = retryAfter(response.headers.get('retry-after'))
      const again = response.status >= 500 || response.status === 429 || response.status === 408
      return {
        delivered: false,
        why: `it answered ${response.status}`,
        again,
        ...(after !== undefined && { after }),
      }
    } catch (error) {
      const { name, cause } = error as { name?: string; cause?: unknown }
      const why =
        name === 'TimeoutError' ? `no answer in ${attemptTimeout / 1000} s` : messageOf(cause ?? error)
      return { delivered: false, why, again: true }
    }
  }

  return {
    send(events) {
      for (const event of events) waiting.push(event)
      const over = waiting.length - mostWaiting
      if (over >= surplus) {
        waiting = waiting.slice(over)
        dropped += over
        untold += over
      }
      sending ??= drain()
    },
    async end(milliseconds) {
      const late = new AbortController()
      // what is sent was faster
      await Promise.race([sending, clock.sleep(milliseconds, late.signal).catch(() => undefined)])
      late.abort()
      tellDropped()
      return waiting.length + underWay
    },
  }
}

type Answer =
  | { readonly delivered: true }
  | { readonly delivered: false; readonly why: string; readonly again: boolean; readonly after?: number }

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url
  throw new InfraError({
    kind: 'configuration',
    code: 'bad-webhook',
    message: 'the webhook is no URL that can be called',
    hint: 'Such as https://example.org/hook; without a user and a password in it.',
  })
}

/** Milliseconds of a Retry-After in seconds. */
function retryAfter(header: string | null): number | undefined {
  const seconds = header === null ? Number.NaN : Number(header)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(longestPause, seconds * 1000) : undefined
}

/** One request to a host cluster's API: with a time limit, and again where the server was busy, failed or did not answer. */
import { InfraError } from '../../../model/error.js'
import type { Clock } from '../../../model/ports.js'
import { timeLimit } from '../../../model/time-limit.js'
import { statusError, unreachable } from './errors.js'
import { bodyOf, type Transport } from './transport.js'

export interface RequestOptions {
  /** The host's, for errors. */
  readonly name: string
  readonly transport: Transport
  readonly clock: Clock
  /** How long one attempt may take, milliseconds. */
  readonly attemptTimeout: number
  /** How long attempts are made in all, milliseconds. */
  readonly patience: number
}

export interface Answer {
  readonly status: number
  readonly text: string
}

export interface Requests {
  /** The answer, also where it is 404; any other refusal is an error. Every call of this provider bears being sent twice. */
  send(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: object,
    type?: string,
    accept?: string,
  ): Promise<Answer>
  /** The host's own wall clock, milliseconds since 1970, as its last answer told; undefined before any. */
  now(): number | undefined
}

export const json = 'application/json'

/** Calls that are tried again while the API server is busy or away: each for `attemptTimeout`, all of them for `patience`, milliseconds. */
export function openRequests({ name, transport, clock, attemptTimeout, patience }: RequestOptions): Requests {
  let told: { readonly host: number; readonly here: number } | undefined

  async function attempt(
    method: string,
    path: string,
    accept: string,
    body: string | undefined,
    type: string,
    signal: AbortSignal,
  ) {
    const limited = AbortSignal.any([signal, timeLimit(attemptTimeout)])
    const response = await transport.send({
      method,
      path,
      headers: { accept, 'user-agent': 'infra', ...(body !== undefined && { 'content-type': type }) },
      signal: limited,
      ...(body !== undefined && { body }),
    })
    const date = Date.parse(response.headers.date ?? '')
    if (!Number.isNaN(date)) told = { host: date, here: clock.now() }
    return {
      status: response.statusCode ?? 0,
      text: await bodyOf(response),
      after: response.headers['retry-after'],
    }
  }

  async function send(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: object,
    type = json,
    accept = json,
  ) {
    const what = `${method} ${path.split('?')[0]}`
    const text = body === undefined ? undefined : JSON.stringify(body)
    let spent = 0
    let renewed = false
    for (let turn = 0; ; turn += 1) {
      const began = clock.now()
      let failure: InfraError
      let pause = Math.min(5_000, 250 * 2 ** turn)
      try {
        const answer = await attempt(method, path, accept, text, type, signal)
        if (answer.status < 400 || answer.status === 404) return answer
        failure = statusError(answer.status, answer.text, what, name)
        if (answer.status === 401 && !renewed) {
          renewed = true
          transport.forgetCredentials()
          continue
        }
        if (answer.status !== 429 && answer.status < 500) throw failure
        pause = retryAfter(answer.after) ?? pause
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (error instanceof InfraError) throw error
        failure = unreachable(
          timedOut(error) ? new Error(`no answer in ${attemptTimeout / 1000} s`) : error,
          what,
          name,
        )
        if (isTls(error)) throw failure
      }
      spent += Math.max(0, clock.now() - began) + pause
      if (spent > patience) throw failure
      // A signal of its own: many calls that wait at once are no leak of listeners.
      await clock.sleep(pause, AbortSignal.any([signal]))
    }
  }

  return {
    send,
    now: () => (told === undefined ? undefined : told.host + (clock.now() - told.here)),
  }
}

/** Milliseconds of a Retry-After header, at most half a minute. */
function retryAfter(header: string | undefined): number | undefined {
  const seconds = header === undefined ? Number.NaN : Number(header)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(30_000, seconds * 1000) : undefined
}

function timedOut(error: unknown): boolean {
  const { name, cause } = error as { name?: string; cause?: { name?: string } }
  return name === 'TimeoutError' || cause?.name === 'TimeoutError'
}

/** A certificate that does not fit will not fit next time either. */
function isTls(error: unknown): boolean {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO/.test(code)
}

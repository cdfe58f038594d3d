/** `infra drift --watch`: wires the watch to sessions, output, history, a file and a webhook. */
import { readFile } from 'node:fs/promises'
import { InfraError, messageOf } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import type { DriftReport } from '../report/drift/model.js'
import { requireSettled } from '../session/require.js'
import { openSession, type Session, type SessionInput } from '../session/session.js'
import type { WatchEvent } from '../watch/event.js'
import { watchLine } from '../watch/line.js'
import { watchDrift } from '../watch/watch.js'
import { openWebhook, type Webhook } from '../watch/webhook.js'

export interface DriftWatchInput {
  readonly session: SessionInput
  readonly ports: Ports
  readonly signal: AbortSignal
  /** Milliseconds. */
  readonly interval: number
  readonly json: boolean
  readonly colour: boolean
  readonly webhook?: { readonly url: string; readonly secret?: string }
  looked(session: Session, report: DriftReport, inPart?: (subject: string) => boolean): Promise<void>
  /** Secrets of the stack, for the log. */
  hide(secrets: readonly string[]): void
}

/** How long a webhook has, after Ctrl-C, for what it still has to deliver, milliseconds. */
const lastDeliveries = 5000

/** Watches until the signal, and prints every change as a line or a JSON object. */
export async function runDriftWatch(input: DriftWatchInput): Promise<void> {
  const { ports, json, colour, interval } = input
  const ending = new AbortController()
  // A reader that has gone away ends the watch: nobody hears it any more
  const gone = () => ending.abort()
  process.stdout.once('error', gone)
  const signal = AbortSignal.any([input.signal, ending.signal])
  const cut = new AbortController()
  const webhook = input.webhook && openHook(input.webhook, ports, cut.signal)
  const sessionInput = { ...input.session, signal }
  let current: Session | undefined
  try {
    await watchDrift({
      clock: ports.clock,
      signal,
      interval,
      async open() {
        const session = await openSession(sessionInput)
        input.hide([...session.stack.secrets, ...(input.webhook?.secret ? [input.webhook.secret] : [])])
        try {
          await requireSettled(session)
        } catch (error) {
          await session.close()
          throw error
        }
        current = session
        return session
      },
      openConnection: async wanted => (await openSession(sessionInput)).openConnection(wanted),
      tell: event => {
        print(event, json, { colour, interval })
        if (event.type === 'drift') webhook?.send([event])
      },
      looked: async (report, inPart) => {
        if (current) await input.looked(current, report, inPart)
      },
    })
  } finally {
    process.stdout.off('error', gone)
    const left = (await webhook?.end(lastDeliveries)) ?? 0
    cut.abort()
    if (left > 0) process.stderr.write(`${left} changes were not delivered to the webhook.\n`)
  }
}

function openHook(
  { url, secret }: { url: string; secret?: string },
  ports: Ports,
  signal: AbortSignal,
): Webhook {
  return openWebhook({
    url,
    ...(secret !== undefined && { secret }),
    clock: ports.clock,
    random: ports.random,
    signal,
    failed: (why, events) =>
      process.stderr.write(
        `The webhook did not take ${events === 1 ? 'a change' : `${events} changes`}: ${why}\n`,
      ),
  })
}

function print(event: WatchEvent, json: boolean, options: { colour: boolean; interval: number }): void {
  const line = json ? JSON.stringify(event) : watchLine(event, options)
  if (line !== undefined) process.stdout.write(`${line}\n`)
}

/** The secret of a webhook, from a file or the environment; never an argument, which every user of the machine can read. */
export async function webhookSecret(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (file === undefined) return environment.INFRA_WEBHOOK_SECRET || undefined
  const text = await readFile(file, 'utf8').catch(error => {
    throw new InfraError({
      kind: 'configuration',
      code: 'no-webhook-secret',
      message: `the secret of the webhook cannot be read from ${file}`,
      why: messageOf(error),
    })
  })
  const secret = text.trim()
  if (secret !== '') return secret
  throw new InfraError({
    kind: 'configuration',
    code: 'no-webhook-secret',
    message: `there is no secret in ${file}`,
  })
}

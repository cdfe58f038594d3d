/** When a machine counts as made: it runs, its agent answers, a port is open, cloud-init has finished. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { InfraError, messageOf } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import { AddressBook, guestOf } from './addresses.js'
import { ask, type Host } from './connection.js'
import { guestRun, requireGuestFile } from './guest.js'
import { fields, list, number, objects, text } from './kinds/values.js'
import { isActive } from './power.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'
import { readDomain } from './xml/domain-read.js'
import { parseXml } from './xml/parse.js'

const lookEvery = 500
/** A ping costs the guest next to nothing. */
const pingEvery = 200
const connectTimeout = 3_000
/** What cloud-init writes when it has finished. */
const cloudInitResult = '/run/cloud-init/result.json'
/** How often cloud-init is asked before it wrote that: each time it is started, it takes from the set-up that it does. Milliseconds. */
const askEvery = 10_000

type Probe = (signal: AbortSignal) => Promise<true | string>

/** Waits as the spec says. A machine that never gets there is an error with the last lines of its serial console. */
export async function untilReady(
  host: Host,
  domain: Domain,
  spec: Attributes,
  call: { readonly signal: AbortSignal; progress(message: string): void },
): Promise<void> {
  const readiness = fields(spec.readiness)
  const until = text(readiness.until) ?? 'running'
  const seconds = number(readiness.timeoutSeconds) ?? 300
  const probe = probeOf(host, domain, spec, until)
  const end = performance.now() + seconds * 1_000
  if (until !== 'running') call.progress(`waits until ${words[until] ?? until}`)
  for (;;) {
    call.signal.throwIfAborted()
    const running = await isActive(host, domain, call.signal)
    const answer = running ? await probe(call.signal) : 'it has stopped'
    if (answer === true) return
    if (!running || performance.now() >= end)
      throw await notReady(host, domain, until, seconds, answer, call.signal)
    await sleep(until === 'agent' ? pingEvery : lookEvery, undefined, { signal: call.signal })
  }
}

const words: Readonly<Record<string, string>> = {
  agent: 'its guest agent answers',
  tcp: 'its port is open',
  cloudInit: 'cloud-init has finished',
}

function probeOf(host: Host, domain: Domain, spec: Attributes, until: string): Probe {
  switch (until) {
    case 'agent':
      return signal => agentAnswers(host, domain, signal)
    case 'tcp':
      return signal => portIsOpen(host, domain, spec, signal)
    case 'cloudInit':
      return cloudInitProbe(host, domain)
    default:
      return async () => true
  }
}

async function agentAnswers(host: Host, domain: Domain, signal: AbortSignal): Promise<true | string> {
  const command = JSON.stringify({ execute: 'guest-ping' })
  try {
    await ask(host, procedures.domains.agent, { domain, command, timeout: 3, flags: 0 }, signal)
    return true
  } catch (error) {
    return refused(error, signal)
  }
}

/** What an agent or a guest answers with a refusal is a reason to wait; a lost connection is none. */
function refused(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted()
  if (!(error instanceof InfraError) || error.kind === 'connection') throw error
  return error.why ?? error.message
}

async function portIsOpen(
  host: Host,
  domain: Domain,
  spec: Attributes,
  signal: AbortSignal,
): Promise<true | string> {
  const { port, address } = fields(spec.readiness)
  const addresses =
    text(address) === undefined ? await guestAddresses(host, domain, spec, signal) : [text(address)]
  const first = addresses[0]
  if (first === undefined) return 'it has no address yet'
  return (
    (await opens(first, number(port) ?? 22, signal)) ||
    `nothing listens at ${first} port ${number(port) ?? 22}`
  )
}

/** Its static addresses, else those that its agent or the leases tell. */
async function guestAddresses(
  host: Host,
  domain: Domain,
  spec: Attributes,
  signal: AbortSignal,
): Promise<(string | undefined)[]> {
  const fixed = objects(spec.networkInterfaces).flatMap(({ item }) => text(item.ip)?.split('/')[0] ?? [])
  if (fixed.length > 0) return fixed
  const xml = await ask(host, procedures.domains.xml, { domain, flags: 0 }, signal)
  const found = await new AddressBook(host, signal).of(domain, guestOf(readDomain(parseXml(xml)), true))
  return [...found.addresses]
}

function opens(address: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: address, port, timeout: connectTimeout })
    // connect's own `signal` never takes its listener away again: a long wait would pile them up
    const stop = () => end(false)
    const end = (open: boolean) => {
      signal.removeEventListener('abort', stop)
      socket.destroy()
      resolve(open)
    }
    signal.addEventListener('abort', stop, { once: true })
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}

/** It is asked as soon as there is a result, and now and then before: it may have none to write, or be turned off. */
function cloudInitProbe(host: Host, domain: Domain): Probe {
  let asked = performance.now()
  let said: string | undefined
  return async signal => {
    const found = await requireGuestFile(host, domain, cloudInitResult, signal).then(
      () => true,
      error => refused(error, signal),
    )
    if (found !== true && performance.now() - asked < askEvery) return said ?? String(found)
    const answer = await cloudInitIsDone(host, domain, signal)
    asked = performance.now()
    if (answer !== true) said = answer
    return answer
  }
}

async function cloudInitIsDone(host: Host, domain: Domain, signal: AbortSignal): Promise<true | string> {
  try {
    const { status, output } = await guestRun(host, domain, ['cloud-init', 'status'], signal)
    const said = output.trim()
    if (/status: done|status: degraded/.test(said)) return true
    if (/status: error/.test(said)) throw failedSetup(domain, said)
    return `cloud-init says: ${said === '' ? `exit status ${status}` : said}`
  } catch (error) {
    if (error instanceof InfraError && error.code === 'guest-setup') throw error
    return refused(error, signal)
  }
}

function failedSetup(domain: Domain, said: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'guest-setup',
    message: `The set-up of ${domain.name} by cloud-init failed`,
    why: said,
    hint: 'See /var/log/cloud-init.log in the guest',
  })
}

const logLines = 12

async function notReady(
  host: Host,
  domain: Domain,
  until: string,
  seconds: number,
  last: string,
  signal: AbortSignal,
): Promise<InfraError> {
  const xml = await ask(host, procedures.domains.xml, { domain, flags: 0 }, signal)
  const path = readDomain(parseXml(xml)).serialLogPath
  const said = path === undefined ? undefined : await lastSaid(host, path, signal)
  return new InfraError({
    kind: 'operation',
    code: 'not-ready',
    message: `${domain.name} did not get ready within ${seconds} s: not yet so that ${words[until] ?? 'it runs'}`,
    why: said === undefined ? last : `${last}\n${said}`,
    hint: 'See its console (virsh console), and give it more time with readiness.timeoutSeconds',
  })
}

async function lastSaid(host: Host, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const lines = printable((await host.files.tail(path, 4_096, signal)) ?? '')
    return lines.length === 0 ? undefined : `Its serial console said last:\n${lines.join('\n')}`
  } catch (error) {
    signal.throwIfAborted()
    return `What its serial console said cannot be read: ${messageOf(error)}`
  }
}

function printable(log: string): readonly string[] {
  return list(
    log
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences of terminals are taken out
      .replace(/\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f]/g, '')
      .split('\n')
      .filter(line => line.trim() !== '')
      .slice(-logLines),
  ) as readonly string[]
}

/**
 * A long command of a guest that must outlive its agent: an upgrade restarts the agent itself, and with it whatever the agent
 * runs. It is given to systemd where there is one; what it says and its status are in files.
 */
import { randomUUID } from 'node:crypto'
import { InfraError } from '../../../model/error.js'
import {
  askAgent,
  closeGuestFile,
  type Guest,
  numberOf,
  openGuestFile,
  readGuestFile,
  writeGuestFile,
} from './agent.js'
import { runQuietly } from './exec.js'

export interface DetachedOptions {
  /** Name of it in the guest, where it is to be found again; one of its own by default. */
  readonly unit?: string
  /** Seconds until it is ended. */
  readonly timeoutSeconds: number
  readonly output: (bytes: Uint8Array) => void
}

const firstLook = 50
const slowestLook = 1_000
/** How long the agent may be away: it is restarted, or the guest is busy. */
const absence = 180_000
const cleanUpTime = 30_000

/** A name that a guest has no other of. */
export function newUnit(): string {
  return `infra-${randomUUID().slice(0, 8)}`
}

/**
 * How a script ended that was given to the guest by whoever is gone: waits until it has. Undefined where the guest knows
 * nothing of it: it never began, or the guest was started since.
 */
export async function leftStatus(
  guest: Guest,
  unit: string,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { clock } = guest.host.ports
  const folder = `/run/${unit}`
  const look = `[ -e ${folder}/status ] && exit 0; [ -e ${folder}/pid ] && kill -0 "$(cat ${folder}/pid)" && exit 1; exit 2`
  const until = clock.now() + timeoutSeconds * 1_000
  let pause = firstLook
  while ((await runQuietly(guest, ['/bin/sh', '-c', look], signal)) === 1) {
    if (clock.now() > until)
      throw late(guest, timeoutSeconds, 'It goes on there. `infra recover --forward` waits for it anew.')
    await clock.sleep(pause, signal)
    pause = Math.min(slowestLook, pause * 2)
  }
  const status = await readAll(guest, `${folder}/status`, 0, signal)
  await runQuietly(guest, ['rm', '-rf', folder], signal)
  const ended = /^(\d+)/.exec(status?.toString('utf8') ?? '')?.[1]
  return ended === undefined ? undefined : Number(ended)
}

/** Runs a script by the guest's shell. Resolves to its exit status. */
export async function runDetached(
  guest: Guest,
  script: string,
  options: DetachedOptions,
  signal: AbortSignal,
): Promise<number> {
  const { clock } = guest.host.ports
  const unit = options.unit ?? newUnit()
  const folder = `/run/${unit}`
  const until = clock.now() + options.timeoutSeconds * 1_000
  await inGuest(guest, ['mkdir', '-m', '700', folder], signal)
  await put(guest, `${folder}/script`, `${script}\n`, signal)
  await put(guest, `${folder}/run`, runner(folder), signal)
  await inGuest(guest, ['/bin/sh', '-c', starter(folder, unit)], signal)
  let offset = 0
  let heard = clock.now()
  try {
    for (let pause = firstLook; ; pause = Math.min(slowestLook, pause * 2)) {
      try {
        const status = await readAll(guest, `${folder}/status`, 0, signal)
        const said = (await readAll(guest, `${folder}/log`, offset, signal)) ?? Buffer.alloc(0)
        heard = clock.now()
        offset += said.length
        if (said.length > 0) options.output(said)
        const ended = /^(\d+)/.exec(status?.toString('utf8') ?? '')?.[1]
        if (ended !== undefined) return Number(ended)
      } catch (error) {
        signal.throwIfAborted()
        const isAway =
          error instanceof InfraError && (error.code === 'no-agent' || error.code === 'guest-refused')
        if (!isAway || clock.now() - heard > absence) throw error
      }
      if (clock.now() > until)
        throw late(guest, options.timeoutSeconds, 'It was ended. Give it more time with --timeout.')
      await clock.sleep(pause, signal)
    }
  } catch (error) {
    const stopping = AbortSignal.timeout(cleanUpTime)
    // a guest that cannot be asked cannot be told either; the error that led here is the one to tell
    await runQuietly(guest, ['/bin/sh', '-c', stopper(folder, unit)], stopping).catch(() => undefined)
    throw error
  } finally {
    // it is in /run, which goes with the guest's next start
    await runQuietly(guest, ['rm', '-rf', folder], AbortSignal.timeout(cleanUpTime)).catch(() => undefined)
  }
}

/** The status is there only once it is whole. */
function runner(folder: string): string {
  return `echo $$ >${folder}/pid
/bin/sh ${folder}/script >${folder}/log 2>&1 </dev/null
echo $? >${folder}/status.new
mv ${folder}/status.new ${folder}/status
`
}

function starter(folder: string, unit: string): string {
  return `if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null
then exec systemd-run --quiet --collect --unit=${unit} /bin/sh ${folder}/run
else setsid /bin/sh ${folder}/run >/dev/null 2>&1 </dev/null & fi`
}

function stopper(folder: string, unit: string): string {
  return `if [ -d /run/systemd/system ]; then systemctl stop ${unit}; else kill -TERM -"$(cat ${folder}/pid)"; fi`
}

async function put(guest: Guest, path: string, content: string, signal: AbortSignal): Promise<void> {
  const handle = await openGuestFile(guest, path, 'w', signal)
  try {
    await writeGuestFile(guest, handle, Buffer.from(content), signal)
  } finally {
    await closeGuestFile(guest, handle, AbortSignal.timeout(cleanUpTime))
  }
}

/** What is in a file from an offset on; undefined where there is none (yet). */
async function readAll(
  guest: Guest,
  path: string,
  offset: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  let handle: number
  try {
    handle = await openGuestFile(guest, path, 'r', signal)
  } catch (error) {
    if (error instanceof InfraError && error.code === 'guest-refused') return undefined
    throw error
  }
  try {
    if (offset > 0)
      numberOf(await askAgent(guest, 'guest-file-seek', { handle, offset, whence: 0 }, signal), 'position')
    const parts: Buffer[] = []
    for (;;) {
      const part = await readGuestFile(guest, handle, signal)
      if (part.length === 0) return Buffer.concat(parts)
      parts.push(part)
    }
  } finally {
    // all that was wanted of it has been read
    await closeGuestFile(guest, handle, AbortSignal.timeout(cleanUpTime)).catch(() => undefined)
  }
}

async function inGuest(
  guest: Guest,
  command: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<void> {
  const status = await runQuietly(guest, command, signal)
  if (status === 0) return
  throw new InfraError({
    kind: 'operation',
    code: 'guest-command',
    message: `${command[0]} failed in ${guest.domain.name} with ${status}`,
  })
}

function late(guest: Guest, seconds: number, hint: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'exec-timeout',
    message: `It has not ended in ${guest.domain.name} within ${seconds} s`,
    hint,
  })
}

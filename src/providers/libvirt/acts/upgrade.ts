/**
 * Upgrading the software of a guest as a whole cycle: a snapshot, the guest's own package manager, a restart if the guest needs
 * one, its readiness again; and the snapshot back where any of it fails.
 */
import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import { fields } from '../kinds/values.js'
import { untilReady } from '../readiness.js'
import { runDetached } from './detached.js'
import type { ActCall } from './each.js'
import { outputInGuest } from './exec.js'
import type { Machine } from './machines.js'
import { restartMachine } from './power.js'
import { restoreSnapshot } from './snapshot-restore.js'
import { createSnapshot, deleteSnapshot } from './snapshots.js'

export interface UpgradeOptions {
  /** Instead of the guest's package manager: a command for its shell. */
  readonly command?: string
  /** A command for its shell that must succeed afterwards. */
  readonly check?: string
  readonly reboot?: 'if-needed' | 'never' | 'always'
  /** Keeps the snapshot for a way back later. */
  readonly keepSnapshot?: boolean
  /** Seconds for the upgrade itself; an hour by default. */
  readonly timeoutSeconds?: number
  /** Told what the guest says. */
  readonly output?: (text: string) => void
}

export interface UpgradeResult {
  /** `apt-get`, `dnf`, …; `command` for one that was given. */
  readonly by: string
  /** Packages that are of another version now, with both; absent where the guest cannot tell. */
  readonly changed?: readonly string[]
  readonly rebooted: boolean
  /** Name of the snapshot, where it was kept. */
  readonly snapshot?: string
}

const managers: Readonly<Record<string, string>> = {
  'apt-get':
    'export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade',
  dnf: 'dnf -y --refresh upgrade',
  yum: 'yum -y update',
  zypper: 'zypper --non-interactive refresh && zypper --non-interactive update',
  apk: 'apk update && apk upgrade',
  pacman: 'pacman -Syu --noconfirm',
}

/** One line a package, name and version; nothing where there is none of these tools. */
const versions = `if command -v dpkg-query >/dev/null; then dpkg-query -W -f '\${Package} \${Version}\\n'
elif command -v rpm >/dev/null; then rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\\n'
elif command -v apk >/dev/null; then apk info -v 2>/dev/null | sed 's/-\\([0-9][^-]*-r[0-9]*\\)$/ \\1/'
elif command -v pacman >/dev/null; then pacman -Q; fi`

/** Ends with 0 where the guest must be restarted: its distribution says so, or its running kernel's modules are gone. */
const needsReboot = `[ -e /run/reboot-required ] || [ -e /var/run/reboot-required ] && exit 0
if command -v needs-restarting >/dev/null; then needs-restarting -r >/dev/null 2>&1; [ $? = 1 ] && exit 0; fi
if command -v zypper >/dev/null; then zypper needs-rebooting >/dev/null 2>&1; [ $? = 102 ] && exit 0; fi
[ -d /lib/modules ] && [ -n "$(ls /lib/modules)" ] && ! [ -d "/lib/modules/$(uname -r)" ] && exit 0
exit 1`

const defaultTimeout = 3_600

/**
 * Resolves once the guest is ready again with its new packages. Where any of it fails, the machine is as it was before, and
 * the error says why.
 */
export async function upgradeMachine(
  machine: Machine,
  options: UpgradeOptions,
  call: ActCall,
): Promise<UpgradeResult> {
  const { view } = machine
  const { signal } = call
  if (view.state !== 'running')
    throw impossible(view.name, `It is ${view.state}`, `infra vm start ${view.name}`)
  const { by, script } =
    options.command === undefined
      ? await managerOf(machine, signal)
      : { by: 'command', script: options.command }
  const snapshot = `infra-upgrade-${new Date(machine.host.ports.clock.now()).toISOString().replace(/[-:]|\.\d+/g, '')}`
  const before = await packages(machine, signal)
  call.progress(`takes the snapshot ${snapshot}`)
  await createSnapshot(machine, { name: snapshot, description: 'before an upgrade' }, signal)
  let rebooted = false
  try {
    call.progress(`upgrades by ${by}`)
    await runUpgrade(machine, script, options, signal)
    rebooted = await rebootIfNeeded(machine, options, call)
    if (options.check !== undefined) await runCheck(machine, options.check, signal)
  } catch (error) {
    throw await undone(machine, snapshot, error, call)
  }
  const after = await packages(machine, signal)
  const changed = before === undefined || after === undefined ? undefined : differing(before, after)
  if (!options.keepSnapshot) await deleteSnapshot(machine, snapshot, signal)
  return {
    by,
    ...(changed !== undefined && { changed }),
    rebooted,
    ...(options.keepSnapshot && { snapshot }),
  }
}

async function managerOf(machine: Machine, signal: AbortSignal): Promise<{ by: string; script: string }> {
  const names = Object.keys(managers)
  const script = `for m in ${names.join(' ')}; do command -v $m >/dev/null && echo $m && exit; done`
  const { output } = await outputInGuest(machine, { command: ['/bin/sh', '-c', script] }, signal)
  const by = output.trim()
  const known = managers[by]
  if (known !== undefined) return { by, script: known }
  throw impossible(
    machine.view.name,
    `Its guest has none of ${names.join(', ')}`,
    'Say how with --command, for its shell.',
  )
}

async function runUpgrade(
  machine: Machine,
  script: string,
  options: UpgradeOptions,
  signal: AbortSignal,
): Promise<void> {
  let last = ''
  const hear = (bytes: Uint8Array) => {
    const text = Buffer.from(bytes).toString('utf8')
    last = (last + text).slice(-2_000)
    options.output?.(text)
  }
  const timeoutSeconds = options.timeoutSeconds ?? defaultTimeout
  const status = await runDetached(machine, script, { timeoutSeconds, output: hear }, signal)
  if (status !== 0) throw failed(machine.view.name, `it ended with ${status}\n${lastLines(last)}`)
}

async function rebootIfNeeded(machine: Machine, options: UpgradeOptions, call: ActCall): Promise<boolean> {
  const { reboot = 'if-needed' } = options
  if (reboot === 'never') return false
  if (reboot === 'if-needed') {
    const { status } = await outputInGuest(machine, { command: ['/bin/sh', '-c', needsReboot] }, call.signal)
    if (status !== 0) return false
  }
  call.progress('restarts')
  await restartMachine(machine, { noWait: true }, call)
  await answering(machine, call)
  return true
}

/** As its document asks, and that its agent answers in any case: nothing else tells that the guest has come up. */
async function answering(machine: Machine, call: ActCall): Promise<void> {
  const document: Attributes = machine.stored.metadata.document ?? {}
  const readiness = fields(document.readiness)
  const { timeoutSeconds = 300 } = readiness
  const agent = { ...document, readiness: { until: 'agent', timeoutSeconds } }
  await untilReady(machine.host, machine.domain, agent, call)
  if (readiness.until !== undefined && readiness.until !== 'running' && readiness.until !== 'agent')
    await untilReady(machine.host, machine.domain, document, call)
}

async function runCheck(machine: Machine, check: string, signal: AbortSignal): Promise<void> {
  const { status, output, errors } = await outputInGuest(
    machine,
    { command: ['/bin/sh', '-c', check] },
    signal,
  )
  if (status === 0) return
  throw failed(machine.view.name, `the check ended with ${status}\n${lastLines(output + errors)}`)
}

/** Everything as it was before; the error of the upgrade, and of the way back where that fails, too. */
async function undone(machine: Machine, snapshot: string, error: unknown, call: ActCall): Promise<unknown> {
  const details =
    error instanceof InfraError
      ? error.details()
      : {
          kind: 'operation' as const,
          code: 'upgrade-failed',
          message: `The upgrade of ${machine.view.name} was ended`,
        }
  // whoever ended it wants the machine back as it was all the same
  const back: ActCall = { signal: AbortSignal.timeout(600_000), progress: call.progress }
  try {
    call.progress(`goes back to the snapshot ${snapshot}`)
    await restoreSnapshot(machine, snapshot, { start: true }, back)
    await answering(machine, back)
    await deleteSnapshot(machine, snapshot, back.signal)
  } catch (second) {
    const why = second instanceof Error ? second.message : String(second)
    return new InfraError({
      ...details,
      hint: `It could not be put back: ${why}. Its snapshot ${snapshot} is there: infra vm snapshot restore ${snapshot} ${machine.view.name}`,
    })
  }
  return new InfraError({ ...details, hint: 'The machine is as it was before.' })
}

async function packages(
  machine: Machine,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string> | undefined> {
  const { status, output } = await outputInGuest(machine, { command: ['/bin/sh', '-c', versions] }, signal)
  const lines = output.split('\n').filter(line => line.includes(' '))
  if (status !== 0 || lines.length === 0) return undefined
  return new Map(lines.map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]))
}

function differing(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort()
  return names
    .filter(name => before.get(name) !== after.get(name))
    .map(name => `${name} ${before.get(name) ?? '-'} → ${after.get(name) ?? '-'}`)
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-10).join('\n')
}

function failed(name: string, why: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'upgrade-failed',
    message: `The upgrade of ${name} failed`,
    why,
  })
}

function impossible(name: string, why: string, hint: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'cannot-upgrade',
    message: `${name} cannot be upgraded`,
    why,
    hint,
  })
}

/**
 * Upgrading the software of a guest as a whole cycle: a snapshot, the guest's own package manager, a restart if the guest needs
 * one, its readiness again; and the snapshot back where any of it fails.
 */
import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import { fields } from '../kinds/values.js'
import { untilReady } from '../readiness.js'
import { leftStatus, newUnit, runDetached } from './detached.js'
import type { ActCall } from './each.js'
import { outputInGuest } from './exec.js'
import { cannotUpgrade, differing, managerOf, packages } from './guest-packages.js'
import { type ActJournal, identityOf, unjournaled } from './journaled.js'
import type { SnapshotCreateAct } from './journaled-snapshot.js'
import type { UpgradeAct } from './journaled-upgrade.js'
import type { Machine } from './machines.js'
import { restartMachine } from './power.js'
import { noWay } from './settling.js'
import { createSnapshot } from './snapshot-create.js'
import { deleteSnapshot } from './snapshot-delete.js'
import { restoreSnapshot } from './snapshot-restore.js'

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

/** Ends with 0 where the guest must be restarted: its distribution says so, or its running kernel's modules are gone. */
const needsReboot = `[ -e /run/reboot-required ] || [ -e /var/run/reboot-required ] && exit 0
if command -v needs-restarting >/dev/null; then needs-restarting -r >/dev/null 2>&1; [ $? = 1 ] && exit 0; fi
if command -v zypper >/dev/null; then zypper needs-rebooting >/dev/null 2>&1; [ $? = 102 ] && exit 0; fi
[ -d /lib/modules ] && [ -n "$(ls /lib/modules)" ] && ! [ -d "/lib/modules/$(uname -r)" ] && exit 0
exit 1`

const defaultTimeout = 3_600
const description = 'before an upgrade'

/**
 * Resolves once the guest is ready again with its new packages. Where any of it fails, the machine is as it was before, and
 * the error says why.
 */
export async function upgradeMachine(
  machine: Machine,
  options: UpgradeOptions,
  call: ActCall,
  journal: ActJournal<UpgradeAct> = unjournaled,
): Promise<UpgradeResult> {
  const { view } = machine
  const { signal } = call
  if (view.state !== 'running')
    throw cannotUpgrade(view.name, `It is ${view.state}`, `infra vm start ${view.name}`)
  const { by, script } = await scriptOf(machine, options, signal)
  const snapshot = `infra-upgrade-${new Date(machine.host.ports.clock.now()).toISOString().replace(/[-:]|\.\d+/g, '')}`
  const unit = newUnit()
  const before = await packages(machine, signal)
  let act: UpgradeAct | undefined
  /** The snapshot's own record is the first of the upgrade's. */
  const ofSnapshot: ActJournal<SnapshotCreateAct> = {
    begin: ({ overlays }) => {
      const { output: _, ...choice } = options
      act = { verb: 'upgrade', ...identityOf(machine), stage: 'snapshot', snapshot, overlays, unit, choice }
      return journal.begin(act)
    },
    ended: journal.ended,
  }
  const reach = async (stage: UpgradeAct['stage']) => {
    if (act !== undefined) await journal.begin({ ...act, stage })
  }
  call.progress(`takes the snapshot ${snapshot}`)
  await createSnapshot(machine, { name: snapshot, description }, signal, ofSnapshot)
  let rebooted = false
  try {
    await reach('upgrading')
    call.progress(`upgrades by ${by}`)
    await runUpgrade(machine, script, { ...options, unit }, signal)
    rebooted = await proved(machine, options, call)
  } catch (error) {
    throw await undone(machine, snapshot, error, call, journal.ended)
  }
  const after = await packages(machine, signal)
  const changed = before === undefined || after === undefined ? undefined : differing(before, after)
  await reach('upgraded')
  if (!options.keepSnapshot) await deleteSnapshot(machine, snapshot, signal)
  return {
    by,
    ...(changed !== undefined && { changed }),
    rebooted,
    ...(options.keepSnapshot && { snapshot }),
  }
}

/** Restarts the guest if it needs that, and looks whether it is well. Returns whether it was restarted. */
async function proved(machine: Machine, options: UpgradeOptions, call: ActCall): Promise<boolean> {
  const rebooted = await rebootIfNeeded(machine, options, call)
  if (options.check !== undefined) await runCheck(machine, options.check, call.signal)
  return rebooted
}

/**
 * Goes on with an upgrade whose caller is gone: its script is waited for, or run again where it is the package manager's, which
 * does no harm. Fails with `no-way` where nobody can tell whether a command of the user's own has run.
 */
export async function finishUpgrade(
  machine: Machine,
  { name, unit, choice }: Pick<UpgradeAct, 'name' | 'unit' | 'choice'>,
  call: ActCall,
): Promise<void> {
  const { signal } = call
  await answering(machine, call)
  const timeoutSeconds = choice.timeoutSeconds ?? defaultTimeout
  const status = await leftStatus(machine, unit, timeoutSeconds, signal)
  if (status === undefined && choice.command !== undefined)
    throw noWay(name, 'forward', 'Whether its command has run cannot be told')
  if (status === undefined) {
    const { by, script } = await scriptOf(machine, choice, signal)
    call.progress(`upgrades by ${by}`)
    await runUpgrade(machine, script, { ...choice, unit }, signal)
  } else if (status !== 0) throw noWay(name, 'forward', `The upgrade ended with ${status}`)
  await proved(machine, choice, call)
}

/** The snapshot from before the upgrade is put back, and goes once the guest answers again. */
export async function putBack(machine: Machine, snapshot: string, call: ActCall): Promise<void> {
  call.progress(`goes back to the snapshot ${snapshot}`)
  await restoreSnapshot(machine, snapshot, { start: true }, call)
  await answering(machine, call)
  await deleteSnapshot(machine, snapshot, call.signal)
}

async function scriptOf(machine: Machine, { command }: UpgradeOptions, signal: AbortSignal) {
  return command === undefined ? managerOf(machine, signal) : { by: 'command', script: command }
}

async function runUpgrade(
  machine: Machine,
  script: string,
  options: UpgradeOptions & { readonly unit: string },
  signal: AbortSignal,
): Promise<void> {
  const { unit } = options
  let last = ''
  const hear = (bytes: Uint8Array) => {
    const text = Buffer.from(bytes).toString('utf8')
    last = (last + text).slice(-2_000)
    options.output?.(text)
  }
  const timeoutSeconds = options.timeoutSeconds ?? defaultTimeout
  const status = await runDetached(machine, script, { unit, timeoutSeconds, output: hear }, signal)
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
async function undone(
  machine: Machine,
  snapshot: string,
  error: unknown,
  call: ActCall,
  ended: () => void,
): Promise<unknown> {
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
    await putBack(machine, snapshot, back)
    ended()
  } catch (second) {
    const why = second instanceof Error ? second.message : String(second)
    return new InfraError({
      ...details,
      hint: `It could not be put back: ${why}. Its snapshot ${snapshot} is there: infra vm snapshot restore ${snapshot} ${machine.view.name}`,
    })
  }
  return new InfraError({ ...details, hint: 'The machine is as it was before.' })
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

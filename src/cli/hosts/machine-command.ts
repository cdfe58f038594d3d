/** Commands on machines: chosen by names, labels, state or drift, on all hosts at once, each told with its own end. */
import type { BeginAct } from '../../apply/act-journal.js'
import { InfraError, InfraErrors } from '../../model/error.js'
import {
  chooseMachines,
  keyOf,
  type MachineChoice,
  requireChoice,
} from '../../providers/libvirt/acts/choose.js'
import { type ActCall, type ActResult, onEach } from '../../providers/libvirt/acts/each.js'
import type { ActJournal } from '../../providers/libvirt/acts/journaled.js'
import { type Machine, readMachines } from '../../providers/libvirt/acts/machines.js'
import type { Session } from '../../session/session.js'
import { actLeftOpen } from '../open-acts.js'
import { HostCommand, type HostContext, type HostFlags } from './host-command.js'
import { journaled } from './journaled.js'

export interface FilterFlags {
  readonly selector?: string[] | undefined
  readonly status?: readonly string[] | undefined
  readonly drifted?: boolean
  readonly all?: boolean
}

/** What an act on a machine works within. */
export interface ActContext extends HostContext {
  /** Where it is written down before it begins. */
  readonly journal: ActJournal
}

export interface Chosen {
  readonly machines: readonly Machine[]
  readonly down: readonly { readonly name: string; readonly error: InfraError }[]
}

export abstract class MachineCommand extends HostCommand {
  /** The machines that are meant; of an act, at least something must have been said. */
  protected async choose(
    context: HostContext,
    flags: FilterFlags,
    names: readonly string[],
    forAct: boolean,
  ): Promise<Chosen> {
    const choice: MachineChoice = {
      names,
      selectors: flags.selector ?? [],
      states: (flags.status ?? []).map(state => (state === 'stopped' ? 'shut off' : state)),
      ...(flags.all && { all: true }),
      ...(flags.drifted && { drifted: await driftedKeys(context.session) }),
    }
    if (forAct) requireChoice(choice)
    const { found, down } = await this.fromAll(context, host => readMachines(host, this.signal))
    try {
      return { machines: chooseMachines(found.flat(), choice), down }
    } catch (error) {
      // a machine that was not found may be on a host that is down
      if (down.length === 0 || !(error instanceof InfraError)) throw error
      throw new InfraErrors([error, ...down.map(one => one.error)])
    }
  }

  /** The one machine of this name. */
  protected async chooseOne(context: HostContext, name: string): Promise<Machine> {
    const { machines } = await this.choose(context, {}, [name], true)
    const [machine] = machines
    if (machine === undefined) throw new Error(`no machine ${name}`)
    return machine
  }

  /**
   * Does it on every chosen machine, and tells how each ended. Of those that are in the stack's journal and did not come to an
   * end that is known, that is told, too.
   */
  protected async actOn<T>(
    flags: HostFlags & FilterFlags & { readonly write?: boolean },
    names: readonly string[],
    act: (machine: Machine, call: ActCall, context: ActContext) => Promise<T>,
    say: (done: T, machine: ActResult<T>['machine']) => string,
    options: { readonly changes: boolean } = { changes: true },
  ): Promise<void> {
    await this.withHosts(flags, options, async context => {
      const { machines, down } = await this.choose(context, flags, names, true)
      const { session } = context
      const all = (begin: BeginAct | undefined) =>
        onEach(machines, { signal: this.signal, progress: this.progress(flags) }, (machine, call) => {
          const { host, view } = machine
          return journaled(
            begin,
            { name: view.host, host },
            view.address,
            journal => act(machine, call, { ...context, journal }),
            flags.write ? { write: true } : {},
          )
        })
      const acts = session !== undefined && options.changes
      const results = await (acts ? session.act(this.holder(flags).command, all) : all(undefined))
      const open = acts ? await actLeftOpen(session) : undefined
      this.tellResults(flags, results, down, say, open)
    })
  }

  protected tellResults<T>(
    flags: HostFlags,
    results: readonly ActResult<T>[],
    down: Chosen['down'],
    say: (done: T, machine: ActResult<T>['machine']) => string,
    open?: InfraError,
  ): void {
    const data = {
      results: results.map(({ machine, done, error }) =>
        error === undefined
          ? { ...machine, ok: true, ...(done as object) }
          : { ...machine, ok: false, error: error.details() },
      ),
      ...(down.length > 0 && { unreachable: unreachable(down) }),
      ...(open !== undefined && { open: open.details() }),
    }
    const lines = () =>
      results
        .flatMap(({ machine, done, error }) => (error === undefined ? [`${say(done as T, machine)}\n`] : []))
        .join('')
    this.tell(flags, data, () => (results.length === 0 ? 'No machine fits.\n' : lines()))
    const errors = [...results.flatMap(one => one.error ?? []), ...down.map(one => one.error)]
    this.tellErrors(flags, open === undefined ? errors : [...errors, open])
  }
}

/** Hosts that are down, as data. */
export function unreachable(down: Chosen['down']) {
  return down.map(({ name, error }) => ({ host: name, error: error.details() }))
}

/** Keys of machines that are not as the stack's state has them. Without a stack only what waits for a restart can be told. */
async function driftedKeys(session: Session | undefined): Promise<ReadonlySet<string>> {
  if (session === undefined) return new Set()
  const report = await session.drift()
  return new Set(
    report.resources.flatMap(one => {
      const differs = one.attributes.some(
        attribute =>
          attribute.ignored === undefined &&
          (attribute.status === 'modified' || attribute.status === 'deleted'),
      )
      const drifts = one.kind === 'VirtualMachine' && (differs || (one.pending?.length ?? 0) > 0)
      return drifts ? [keyOf({ host: one.connection, name: one.name })] : []
    }),
  )
}

/** How an act ended, and what else is to be said of it. */
export function told(end: string, note: string | undefined): string {
  return note === undefined ? end : `${end}\n  ${note}`
}

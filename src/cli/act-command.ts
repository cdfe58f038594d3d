/** What commands share that look at hosts or act on what is there: how results, errors and progress are told, and the lock. */
import { exitCodes, type InfraError, InfraErrors } from '../model/error.js'
import type { Json } from '../model/value.js'
import { renderError } from '../report/errors.js'
import { renderYaml } from '../report/yaml.js'
import { requireSettled } from '../session/require.js'
import type { Session } from '../session/session.js'
import { InfraCommand } from './base-command.js'
import { confirm } from './confirm.js'

/** Of an act; the plan commands have no `--yaml`. */
export interface TellFlags {
  readonly json: boolean
  readonly yaml: boolean
}

export abstract class ActCommand extends InfraCommand {
  /** Ctrl-C ends what an act waits for. */
  protected get signal(): AbortSignal {
    return this.stopping.signal
  }

  /** Holds the stack's lock until the session is closed, and is refused while an apply is not settled. */
  protected async lockFor(
    session: Session,
    flags: { readonly 'lock-timeout'?: number | undefined },
  ): Promise<void> {
    await session.lock(this.holder(flags))
    await requireSettled(session)
  }

  /** Whether to go on with what destroys or stops something; where not, the command ends with 1. */
  protected async agreed(question: string, { yes }: { readonly yes: boolean }): Promise<boolean> {
    const leave = await confirm(question, { yes, interactive: this.interactive, signal: this.signal })
    if (!leave) this.exitCode = 1
    return leave
  }

  /** Prints data as JSON or YAML where that was asked for, else the text. */
  protected tell(flags: TellFlags, data: unknown, text: () => string): void {
    if (flags.yaml) process.stdout.write(renderYaml(JSON.parse(JSON.stringify(data)) as Json))
    else this.print({ json: () => data, text })
  }

  /** Tells errors beside a result that was printed, and exits as the first of them says. */
  protected tellErrors(
    flags: { readonly json: boolean; readonly verbose: boolean },
    errors: readonly InfraError[],
  ): void {
    const [first] = errors
    if (first === undefined) return
    if (!flags.json) {
      process.stderr.write(
        renderError(new InfraErrors(errors), { ...this.tableOptions, verbose: flags.verbose }),
      )
    }
    this.exitCode = exitCodes[first.kind]
  }

  /** Progress for people, where nobody parses it. */
  protected progress(flags: TellFlags): (name: string, message: string) => void {
    return (name, message) => {
      if (!flags.json && !flags.yaml) process.stderr.write(`${name}: ${message}\n`)
    }
  }
}

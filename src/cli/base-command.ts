/** What all commands share: flags, ports, signals, output and the way errors are told. */
import { statSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { Command, Flags } from '@oclif/core'
import { exitCodes, InfraError, InfraErrors } from '../model/error.js'
import { fileError } from '../model/file-error.js'
import { nodePorts } from '../model/node-ports.js'
import type { Ports } from '../model/ports.js'
import { errorData, renderError } from '../report/errors.js'
import type { SessionInput } from '../session/session.js'
import { readSettings, type Settings } from '../stack/settings.js'
import { type Log, openLog } from './log.js'
import { outliveOutput } from './outlive-output.js'
import { toldCommand } from './told-command.js'
import { requireTwoDashes } from './usage-error.js'
import { parseVariables } from './variables.js'

/** Flags of every command. */
export const outputFlags = {
  json: Flags.boolean({ description: 'Print JSON instead of text.', helpGroup: 'GLOBAL' }),
  verbose: Flags.boolean({
    description: 'Show what the systems below said, in their own words.',
    helpGroup: 'GLOBAL',
  }),
}

/** Flags of every command that reads a stack. */
export const stackFlags = {
  ...outputFlags,
  var: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'A variable: NAME=VALUE.',
    helpValue: 'NAME=VALUE',
  }),
  'var-file': Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'A YAML file of variables.',
    helpValue: 'FILE',
  }),
  state: Flags.string({
    description: "The state's folder, when not where the stack says.",
    helpValue: 'FOLDER',
  }),
}

/** What a plan is to be about: the same for what is shown and what is applied. */
export const choiceFlags = {
  target: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'Only this resource and what it needs.',
    helpValue: 'ADDRESS',
  }),
  replace: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'Replace this resource.',
    helpValue: 'ADDRESS',
  }),
  restart: Flags.boolean({ description: 'Let updates restart what needs it.' }),
}

/** Flags of every command that changes something. */
export const changeFlags = {
  json: Flags.boolean({
    description:
      'Print JSON instead of text: the plan, each event as it happens, and the end, an object a line.',
    helpGroup: 'GLOBAL',
  }),
  yes: Flags.boolean({ char: 'y', aliases: ['auto-approve'], description: 'Do not ask.' }),
  parallelism: Flags.integer({ min: 1, description: 'At most so many changes at once.', helpValue: 'N' }),
  'lock-timeout': Flags.integer({
    min: 0,
    description: 'Seconds to wait for the lock of another run.',
    helpValue: 'SECONDS',
  }),
  'on-failure': Flags.option({ options: ['rollback', 'stop', 'ask'] as const })({
    description:
      'What to do when a step fails: put everything back, keep what was done, or ask. A terminal asks by default.',
  }),
  allow: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description:
      'Leave for a hazard: deletes-data, irreversible, incomplete; for one resource: HAZARD=ADDRESS.',
    helpValue: 'HAZARD',
  }),
}

/** A command that prints text or, with `--json`, one JSON document, and tells errors with the exit codes of docs/exit-codes.md. */
export abstract class InfraCommand extends Command {
  protected readonly ports: Ports = nodePorts
  /** Aborted by Ctrl-C: finish what runs. */
  protected readonly stopping = new AbortController()
  /** Aborted by a second Ctrl-C: out at once. */
  protected readonly abort = new AbortController()
  /** Nothing is under way that would have to be ended: the first Ctrl-C is out at once. */
  #onlyReads = false
  #json = false
  #verbose = false
  #onlyCode: number | undefined
  #settings: Settings | undefined
  #secrets: readonly string[] = []
  /** `INFRA_LOG`; see src/cli/log.ts. */
  protected readonly logEvent: Log = openLog({
    target: process.env.INFRA_LOG,
    command: `infra ${this.id ?? ''}`,
    pid: process.pid,
    secrets: () => this.#secrets,
    now: () => this.ports.clock.now(),
  })

  override async init(): Promise<void> {
    await super.init()
    outliveOutput()
    requireTwoDashes(this.argv, Object.keys(this.ctor.flags))
    // Else oclif takes an argument that is left out from whatever is piped in, and waits for it.
    for (const arg of Object.values(this.ctor.args)) arg.ignoreStdin = true
    this.#json = this.argv.includes('--json')
    this.#verbose = this.argv.includes('--verbose')
    process.on('SIGINT', this.#interrupt)
    process.on('SIGTERM', this.#interrupt)
    this.#settings = await readSettings({ flags: {}, environment: process.env, home: homedir() })
  }

  readonly #interrupt = () => {
    if (this.stopping.signal.aborted || this.#onlyReads) {
      this.abort.abort(new Error('interrupted'))
      // A call that does not heed the signal must not keep the process; the journal is on disk.
      setTimeout(() => {
        if (this.#onlyReads) process.stderr.write('error: interrupted; nothing was changed\n')
        process.exit(130)
      }, 500).unref()
    }
    this.stopping.abort(new Error('interrupted'))
  }

  /** Does what only reads, such as planning. Ctrl-C ends it at once, and with it the command. */
  protected async reading<T>(work: () => Promise<T>): Promise<T> {
    this.#onlyReads = true
    try {
      const result = await work()
      // What a system could not be asked any more is in the result as unreadable.
      this.abort.signal.throwIfAborted()
      return result
    } catch (thrown) {
      throw this.abort.signal.aborted ? interrupted(thrown) : thrown
    } finally {
      this.#onlyReads = false
    }
  }

  /** Columns of the terminal, or undefined where output is none, or one that does not know (`docker run -t`). */
  protected get width(): number | undefined {
    return process.stdout.isTTY ? process.stdout.columns || undefined : undefined
  }

  protected get colour(): boolean {
    const { NO_COLOR, FORCE_COLOR, TERM } = process.env
    if (NO_COLOR) return false
    if (FORCE_COLOR && FORCE_COLOR !== '0') return true
    if (this.#settings?.colour !== undefined) return this.#settings.colour
    return process.stdout.isTTY === true && TERM !== 'dumb'
  }

  /** How tables and plans are to be laid out. */
  protected get tableOptions(): { readonly colour: boolean; readonly width?: number } {
    return { colour: this.colour, ...(this.width !== undefined && { width: this.width }) }
  }

  /** Whether somebody can be asked. */
  protected get interactive(): boolean {
    return process.stdin.isTTY === true && process.stdout.isTTY === true && !this.#json
  }

  /** Prints a result: the JSON with `--json`, else the text. */
  protected print(result: { readonly json: () => unknown; readonly text: () => string }): void {
    const text = this.#json ? `${JSON.stringify(result.json(), undefined, 2)}\n` : result.text()
    process.stdout.write(text)
  }

  /** What a session needs of the flags and the environment. */
  protected sessionInput(
    flags: {
      var?: string[] | undefined
      'var-file'?: string[] | undefined
      state?: string | undefined
      parallelism?: number | undefined
    },
    path: string,
  ): SessionInput {
    const stateFolder = flags.state ?? (process.env.INFRA_STATE || undefined)
    const parallelism = flags.parallelism ?? this.#settings?.parallelism
    return {
      path,
      ports: this.ports,
      signal: this.abort.signal,
      variables: parseVariables(flags.var ?? []),
      variableFiles: flags['var-file'] ?? [],
      environment: process.env,
      cacheFolder: this.cacheFolder('documents'),
      version: `${this.config.version} ${builtAt()}`,
      log: this.logEvent,
      ...(stateFolder !== undefined && { stateFolder }),
      ...(parallelism !== undefined && { parallelism }),
    }
  }

  /** Where this user's copies of something are kept between runs. */
  protected cacheFolder(what: string): string {
    const { cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'infra') } =
      this.#settings ?? {}
    return join(cache, what)
  }

  /** Who holds a lock that this command takes. */
  protected holder(flags: { 'lock-timeout'?: number | undefined }) {
    const command = toldCommand(this.id ?? '', this.argv)
    const seconds = flags['lock-timeout'] ?? this.#settings?.lockTimeout ?? 0
    return { host: hostname(), pid: process.pid, command, waitMilliseconds: seconds * 1000 }
  }

  /** A setting that was set somewhere; undefined where it is its default. */
  protected setting(name: 'uri' | 'imagePool'): string | undefined {
    const settings = this.#settings
    return settings === undefined || settings.sources[name] === 'default' ? undefined : settings[name]
  }

  /** Every expected error in full and without a stack trace; any other is a defect and says so. */
  override async catch(thrown: Error & { exitCode?: number; oclif?: { exit?: number } }): Promise<void> {
    const told = fileError(thrown) ?? thrown
    const errors = expected(told)
    if (!errors) {
      await super.catch(thrown)
      return
    }
    if (this.#json) process.stdout.write(`${JSON.stringify(errorData(told), undefined, 2)}\n`)
    else process.stderr.write(renderError(told, { ...this.tableOptions, verbose: this.#verbose }))
    process.exitCode = errors[0]?.code === 'interrupted' ? 130 : (this.#onlyCode ?? exitCodeOf(errors))
  }

  override async finally(thrown: Error | undefined): Promise<void> {
    process.off('SIGINT', this.#interrupt)
    process.off('SIGTERM', this.#interrupt)
    await super.finally(thrown)
  }

  /** What must never be in a log, from now on. */
  protected hide(secrets: readonly string[]): void {
    this.#secrets = secrets
  }

  /** From now on every error exits with this code: other codes say something of the result. */
  protected everyErrorIs(code: number): void {
    this.#onlyCode = code
  }

  protected set exitCode(code: number) {
    process.exitCode = code
  }
}

/** When this program was built: what another build of the same version kept may be made otherwise. */
function builtAt(): number {
  return statSync(new URL(import.meta.url)).mtimeMs
}

function interrupted(cause: unknown): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'interrupted',
    message: 'interrupted; nothing was changed',
    cause,
  })
}

function expected(thrown: unknown): readonly InfraError[] | undefined {
  if (thrown instanceof InfraErrors) return thrown.errors
  return thrown instanceof InfraError ? [thrown] : undefined
}

/** The exit code of several errors is that of the first. */
function exitCodeOf(errors: readonly InfraError[]): number {
  const [first] = errors
  return first ? exitCodes[first.kind] : 1
}

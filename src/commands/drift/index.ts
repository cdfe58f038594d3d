import { Args, Flags } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { spanOf } from '../../cli/clusters/flags.js'
import { runDriftWatch, webhookSecret } from '../../cli/drift-watch.js'
import { cannotWrite, writeOutput } from '../../cli/output-file.js'
import { InfraError } from '../../model/error.js'
import { renderDriftJunit } from '../../report/drift/junit.js'
import { renderDriftMarkdown } from '../../report/drift/markdown.js'
import { type DriftReport, driftExitCode } from '../../report/drift/model.js'
import { lastSuccessIn, renderDriftPrometheus } from '../../report/drift/prometheus.js'
import { renderDriftSarif } from '../../report/drift/sarif.js'
import { renderDriftTable } from '../../report/drift/table.js'
import { readDriftHistory, withScan, writeDriftHistory } from '../../session/drift-history.js'
import { requireSettled } from '../../session/require.js'
import { openSession } from '../../session/session.js'

const formats = ['table', 'json', 'sarif', 'junit', 'prometheus', 'markdown'] as const
type Format = (typeof formats)[number]

interface WatchFlags {
  readonly json: boolean
  readonly interval: string
  readonly format?: Format | undefined
  readonly output?: string | undefined
  readonly full: boolean
  readonly webhook?: string | undefined
  readonly 'webhook-secret-file'?: string | undefined
  readonly var?: string[] | undefined
  readonly 'var-file'?: string[] | undefined
  readonly state?: string | undefined
}

export default class Drift extends InfraCommand {
  static override summary = 'Tell what differs between what was applied and what is really there.'
  static override description =
    'Reads every managed resource, and lists what nobody declared in the places that the stack manages. It changes nothing. ' +
    'Exits 0 when there is no drift, 2 when there is, 3 when something could not be read, 1 on any error. ' +
    'With --watch it looks at everything at intervals, and in between where libvirt, Ceph or Kubernetes tell that something may have changed.'
  static override examples = [
    '<%= config.bin %> drift',
    '<%= config.bin %> drift --format sarif --output drift.sarif',
    '<%= config.bin %> drift --format prometheus --output /var/lib/node_exporter/infra.prom',
    '<%= config.bin %> drift --watch --interval 10m --json',
    'INFRA_WEBHOOK_SECRET=... <%= config.bin %> drift --watch --webhook https://example.org/hook',
  ]
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    format: Flags.option({ options: formats })({
      description: 'How to tell it; `--json` is short for json.',
    }),
    output: Flags.string({
      description: 'Write it to this file, whole, and a table to the terminal.',
      helpValue: 'FILE',
    }),
    full: Flags.boolean({ description: 'Also list what is in sync.' }),
    watch: Flags.boolean({
      description:
        'Go on until Ctrl-C, and tell every change as one line, with --json as one JSON object: what appeared, changed or is gone.',
    }),
    interval: Flags.string({
      description: 'How often to look at everything with --watch.',
      default: '5m',
      helpValue: 'SPAN',
    }),
    webhook: Flags.string({
      description: 'With --watch, send every change to this URL; see docs/drift.md.',
      env: 'INFRA_WEBHOOK_URL',
      helpValue: 'URL',
    }),
    'webhook-secret-file': Flags.string({
      description:
        'A file with the secret that signs what is sent. INFRA_WEBHOOK_SECRET is the other way to say it.',
      helpValue: 'FILE',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Drift)
    this.everyErrorIs(1)
    if (flags.watch) {
      await this.#watch(args.path, flags)
      return
    }
    requireWatchFor(this.argv)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      await requireSettled(session)
      const report = await this.reading(() => session.drift())
      await this.#remember(session.stateFolder, report)
      const format = flags.format ?? (flags.json ? 'json' : 'table')
      const text = await this.#render(report, format, flags.full, flags.output)
      if (flags.output === undefined) process.stdout.write(text)
      else {
        await writeOutput(this.ports.files, flags.output, text, 0o644)
        process.stdout.write(renderDriftTable(report, { ...this.tableOptions, full: flags.full }))
      }
      this.exitCode = driftExitCode(report)
    } finally {
      await session.close()
    }
  }

  async #watch(path: string, flags: WatchFlags): Promise<void> {
    const interval = spanOf('--interval', flags.interval) * 1000
    const { format = 'table', output } = flags
    if (output === undefined && format !== 'table' && format !== 'json') throw noFile(format)
    const secret = await webhookSecret(flags['webhook-secret-file'], process.env)
    await runDriftWatch({
      session: this.sessionInput(flags, path),
      ports: this.ports,
      signal: this.stopping.signal,
      interval,
      json: flags.json || (format === 'json' && output === undefined),
      colour: this.colour,
      ...(flags.webhook !== undefined && {
        webhook: { url: flags.webhook, ...(secret !== undefined && { secret }) },
      }),
      hide: secrets => this.hide(secrets),
      looked: async (session, report, inPart) => {
        await this.#remember(session.stateFolder, report, inPart)
        if (output === undefined) return
        const text = await this.#render(report, format, flags.full, output, inPart !== undefined)
        await writeOutput(this.ports.files, output, text, 0o644)
      },
    })
    this.exitCode = 0
  }

  /** Writes the scan into the history; a stack that was never applied has none. */
  async #remember(
    stateFolder: string,
    report: DriftReport,
    inPart?: (subject: string) => boolean,
  ): Promise<void> {
    if (report.base.serial === 0) return
    const history = await readDriftHistory(this.ports.files, stateFolder)
    const after = withScan(history, report, inPart)
    if (after.length > 0) await writeDriftHistory(this.ports.files, stateFolder, after)
  }

  /** What the scan before has written there. */
  async #written(file: string): Promise<string> {
    const bytes = await this.ports.files.read(file).catch(cause => {
      throw cannotWrite(file, cause)
    })
    return Buffer.from(bytes ?? []).toString('utf8')
  }

  async #render(
    report: DriftReport,
    format: Format,
    full: boolean,
    output: string | undefined,
    part = false,
  ): Promise<string> {
    switch (format) {
      case 'table':
        return renderDriftTable(report, { ...this.tableOptions, full })
      case 'json':
        return `${JSON.stringify(report, undefined, 2)}\n`
      case 'sarif':
        return renderDriftSarif(report, this.config.version)
      case 'junit':
        return renderDriftJunit(report)
      case 'markdown':
        return renderDriftMarkdown(report)
      case 'prometheus': {
        const before = output === undefined ? '' : await this.#written(output)
        const lastSuccess = lastSuccessIn(before, report.stack)
        return renderDriftPrometheus(report, { part, ...(lastSuccess !== undefined && { lastSuccess }) })
      }
    }
  }
}

/** Flags that say nothing without --watch; in the environment they may stand for all runs. */
function requireWatchFor(argv: readonly string[]): void {
  const flag = ['--interval', '--webhook-secret-file', '--webhook'].find(name =>
    argv.some(word => word === name || word.startsWith(`${name}=`)),
  )
  if (flag === undefined) return
  throw new InfraError({
    kind: 'configuration',
    code: 'needs-watch',
    message: `${flag} is for a watch`,
    hint: 'Say --watch, too.',
  })
}

function noFile(format: Format): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'watch-needs-file',
    message: `a watch prints changes, and no ${format}`,
    hint: `Say with --output FILE where the ${format} goes: it is written anew after every look.`,
  })
}

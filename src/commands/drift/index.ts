import { readFile } from 'node:fs/promises'
import { Args, Flags } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { requireSettled } from '../../cli/run-plan.js'
import { renderDriftJunit } from '../../report/drift/junit.js'
import { renderDriftMarkdown } from '../../report/drift/markdown.js'
import { type DriftReport, driftExitCode } from '../../report/drift/model.js'
import { lastSuccessIn, renderDriftPrometheus } from '../../report/drift/prometheus.js'
import { renderDriftSarif } from '../../report/drift/sarif.js'
import { renderDriftTable } from '../../report/drift/table.js'
import { readDriftHistory, withScan, writeDriftHistory } from '../../session/drift-history.js'
import { openSession } from '../../session/session.js'

const formats = ['table', 'json', 'sarif', 'junit', 'prometheus', 'markdown'] as const
type Format = (typeof formats)[number]

export default class Drift extends InfraCommand {
  static override summary = 'Tell what differs between what was applied and what is really there.'
  static override description =
    'Reads every managed resource, and lists what nobody declared in the places that the stack manages. It changes nothing. ' +
    'Exits 0 when there is no drift, 2 when there is, 3 when something could not be read, 1 on any error.'
  static override examples = [
    '<%= config.bin %> drift',
    '<%= config.bin %> drift --format sarif --output drift.sarif',
    '<%= config.bin %> drift --format prometheus --output /var/lib/node_exporter/infra.prom',
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
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Drift)
    this.everyErrorIs(1)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      await requireSettled(session)
      const report = await session.drift()
      await this.#remember(session.stateFolder, report)
      const format = flags.format ?? (flags.json ? 'json' : 'table')
      const text = await this.#render(report, format, flags.full, flags.output)
      if (flags.output === undefined) process.stdout.write(text)
      else {
        await this.ports.files.replace(flags.output, Buffer.from(text), 0o644)
        process.stdout.write(renderDriftTable(report, { ...this.tableOptions, full: flags.full }))
      }
      this.exitCode = driftExitCode(report)
    } finally {
      await session.close()
    }
  }

  /** Writes the scan into the history; a stack that was never applied has none. */
  async #remember(stateFolder: string, report: DriftReport): Promise<void> {
    if (report.base.serial === 0) return
    const history = await readDriftHistory(this.ports.files, stateFolder)
    const after = withScan(history, report)
    if (after.length > 0) await writeDriftHistory(this.ports.files, stateFolder, after)
  }

  async #render(
    report: DriftReport,
    format: Format,
    full: boolean,
    output: string | undefined,
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
        const before = output === undefined ? '' : await readFile(output, 'utf8').catch(() => '')
        const lastSuccess = lastSuccessIn(before, report.stack)
        return renderDriftPrometheus(report, lastSuccess === undefined ? {} : { lastSuccess })
      }
    }
  }
}

import { Args, Flags } from '@oclif/core'
import { choiceFlags, InfraCommand, stackFlags } from '../cli/base-command.js'
import { keepPlan } from '../cli/kept-plans.js'
import { writeOutput } from '../cli/output-file.js'
import { commitOf, formatOfFile, planFlags, planFormats, renderPlan } from '../cli/render-plan.js'
import { savePlan } from '../cli/saved-plan.js'
import { InfraErrors } from '../model/error.js'
import type { Plan } from '../planner/plan.js'
import { requireComplete, requirePolicy, requireSettled } from '../session/require.js'
import { openSession, type Session } from '../session/session.js'

export default class PlanCommand extends InfraCommand {
  static override summary = 'Show what an apply would do.'
  static override description =
    'Compares the stack with the state and with the real systems, and shows the steps in order. It changes nothing.'
  static override examples = [
    '<%= config.bin %> plan',
    '<%= config.bin %> plan examples/homelab -o plan.json',
  ]
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    out: Flags.string({
      char: 'o',
      description: 'Save the plan, to be applied as it is.',
      helpValue: 'FILE',
    }),
    ...choiceFlags,
    destroy: Flags.boolean({ description: 'Plan to destroy everything.' }),
    'refresh-only': Flags.boolean({
      description: 'Plan to take reality into the state, and change nothing.',
    }),
    refresh: Flags.boolean({ allowNo: true, default: true, description: 'Read the real systems.' }),
    format: Flags.option({ options: planFormats })({
      description: 'How to print it; `--json` is short for json.',
      default: 'terminal',
    }),
    report: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Also write it to this file, in the format of its ending: .md, .html, .json, .txt.',
      helpValue: 'FILE',
    }),
    budget: Flags.integer({
      min: 2000,
      description: 'Bytes that a markdown report may take; 60,000 by default.',
      helpValue: 'BYTES',
    }),
    whole: Flags.string({
      description:
        'Where the whole report is, told in a markdown report that had to leave something out; the HTML report by default.',
      helpValue: 'URL',
    }),
    manifests: Flags.boolean({
      description: 'Also show what becomes of the Kubernetes objects that charts render (runs helm, dry).',
    }),
    full: Flags.boolean({ description: 'Show all attributes, and no list cut short.' }),
    'detailed-exitcode': Flags.boolean({
      description: 'Exit 2 when there are changes; every error is 1 then.',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PlanCommand)
    if (flags['detailed-exitcode']) this.everyErrorIs(1)
    const reports = (flags.report ?? []).map(file => ({ file, format: formatOfFile(file) }))
    const began = this.ports.clock.now()
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      await requireSettled(session)
      const result = await this.reading(() =>
        session.plan({
          mode: flags.destroy ? 'destroy' : flags['refresh-only'] ? 'accept' : 'apply',
          targets: flags.target ?? [],
          replace: flags.replace ?? [],
          restart: flags.restart,
          noRefresh: !flags.refresh,
        }),
      )
      const now = this.ports.clock.now()
      const commit = commitOf(process.env)
      const whole = flags.whole ?? reports.find(({ format }) => format === 'html')?.file
      const input = {
        result,
        policy: await session.policy(result.plan),
        secrets: session.stack.secrets,
        ...(flags.manifests && { rendered: await this.#rendered(session, result.plan) }),
        full: flags.full,
        path: args.path,
        flags: planFlags(flags, session.stack.secrets),
        ...(whole !== undefined && { whole }),
        readAt: now,
        milliseconds: now - began,
        ...(commit !== undefined && { commit }),
        ...(flags.budget !== undefined && { budget: flags.budget }),
        ...this.tableOptions,
      }
      process.stdout.write(await renderPlan(flags.json ? 'json' : flags.format, input))
      for (const { file, format } of reports) {
        const text = await renderPlan(format, { ...input, colour: false })
        await writeOutput(this.ports.files, file, text, 0o600)
      }
      if (result.problems.length > 0) throw new InfraErrors(result.problems)
      await keepPlan(this.cacheFolder('plans'), result.plan, session.stack.secrets, now)
      if (flags.out !== undefined) {
        const { target: targets = [], replace = [], restart = false } = flags
        await savePlan(
          this.ports.files,
          flags.out,
          result.plan,
          { path: args.path, targets, replace, restart },
          session.stack.secrets,
        )
      }
      requirePolicy(input.policy)
      requireComplete(result.plan, [])
      const changes = result.plan.steps.some(step => step.action !== 'no-op')
      if (flags['detailed-exitcode'] && changes) this.exitCode = 2
    } finally {
      await session.close()
    }
  }
  /** What renders is loaded for those who ask. */
  async #rendered(session: Session, plan: Plan) {
    const { renderedChanges } = await import('../cli/clusters/manifests.js')
    return renderedChanges(session, plan, this.ports, this.stopping.signal)
  }
}

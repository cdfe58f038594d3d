import { Args, Flags } from '@oclif/core'
import { InfraCommand, stackFlags } from '../cli/base-command.js'
import { renderDot } from '../report/graph/dot.js'
import { renderMermaid } from '../report/graph/mermaid.js'
import { planGraph, stackGraph } from '../report/graph/model.js'
import { renderSvg } from '../report/graph/svg.js'
import { openSession } from '../session/session.js'

export default class Graph extends InfraCommand {
  static override summary = 'Draw the stack, or the steps of its plan.'
  static override examples = [
    '<%= config.bin %> graph --format svg > stack.svg',
    '<%= config.bin %> graph --plan',
  ]
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    format: Flags.option({ options: ['dot', 'mermaid', 'svg'] as const })({
      description: 'The language.',
      default: 'mermaid',
    }),
    plan: Flags.boolean({ description: 'Draw the steps of the plan instead of the resources.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Graph)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      const graph = flags.plan
        ? planGraph((await this.reading(() => session.plan())).plan)
        : stackGraph([...session.stack.resources.values()])
      const text =
        flags.format === 'dot'
          ? renderDot(graph)
          : flags.format === 'svg'
            ? renderSvg(graph, { standalone: true })
            : renderMermaid(graph)
      this.print({ json: () => graph, text: () => (text.endsWith('\n') ? text : `${text}\n`) })
    } finally {
      await session.close()
    }
  }
}

import { Args, Flags } from '@oclif/core'
import { InfraCommand, stackFlags } from '../cli/base-command.js'
import { maskPaths } from '../planner/mask.js'
import { plural } from '../report/text.js'
import { renderYaml } from '../report/yaml.js'
import { inspectWith } from '../session/inspect.js'
import { connectionTypes, kinds } from '../session/provider-types.js'
import { loadStack } from '../stack/load.js'

export default class Validate extends InfraCommand {
  static override summary = 'Check a stack without looking at any system.'
  static override description = 'Reports everything that is wrong, each with its file, line and column.'
  static override examples = [
    '<%= config.bin %> validate',
    '<%= config.bin %> validate --resolved examples/homelab',
  ]
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    resolved: Flags.boolean({
      description:
        'Print every resource as it comes out: variables, references, templates and defaults resolved, secrets masked.',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Validate)
    const input = this.sessionInput(flags, args.path)
    const inspect = inspectWith(process.env)
    const stack = await loadStack({ ...input, inspect, kinds, providerTypes: connectionTypes })
    const resources = [...stack.resources.values()].map(one => ({
      ...one,
      spec: maskPaths(one.spec, one.sensitive),
    }))
    this.print({
      json: () => ({
        valid: true,
        stack: stack.name,
        resources: flags.resolved ? resources : resources.length,
      }),
      text: () => {
        if (!flags.resolved) return `${stack.name} is valid: ${plural(resources.length, 'resource')}.\n`
        return resources
          .map(({ address, connection, dependencies, spec }) =>
            renderYaml({ address, connection, dependencies: [...dependencies], spec }),
          )
          .join('---\n')
      },
    })
  }
}

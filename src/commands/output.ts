import { Args, Flags } from '@oclif/core'
import { InfraCommand, stackFlags } from '../cli/base-command.js'
import { InfraError } from '../model/error.js'
import { holdsSecret } from '../model/value.js'
import { renderTable } from '../report/table.js'
import { openSession } from '../session/session.js'

export default class Output extends InfraCommand {
  static override summary = "Print the stack's outputs, as of the last apply."
  static override examples = ['<%= config.bin %> output', '<%= config.bin %> output --name address --raw']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    name: Flags.string({
      description: 'Only this one; a secret is shown when it is asked for by name.',
      helpValue: 'NAME',
    }),
    raw: Flags.boolean({ description: 'The bare text, for a shell.', dependsOn: ['name'] }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Output)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      const outputs = session.state?.outputs ?? {}
      const { name } = flags
      if (name !== undefined) {
        const output = outputs[name]
        if (!output) {
          throw new InfraError({
            kind: 'validation',
            code: 'no-output',
            message: `the stack has no output ${name}`,
            hint: `Outputs are ${Object.keys(outputs).join(', ') || 'recorded by an apply; there are none yet'}.`,
          })
        }
        const { value } = output
        if (holdsSecret(value)) {
          throw new InfraError({
            kind: 'validation',
            code: 'secret-elsewhere',
            message: `the output ${name} is the secret of a resource, which is recorded nowhere`,
            hint: 'Read it where it is: `infra cluster kubeconfig NAME --stdout`, or `ceph auth get-key client.NAME`.',
          })
        }
        const bare = typeof value === 'string' ? value : JSON.stringify(value)
        if (flags.raw) process.stdout.write(bare)
        else this.print({ json: () => value, text: () => `${bare}\n` })
        return
      }
      const shown = Object.entries(outputs).map(
        ([key, one]) => [key, one.sensitive ? '(sensitive)' : one.value] as const,
      )
      this.print({
        json: () => Object.fromEntries(shown),
        text: () =>
          renderTable(
            shown,
            [
              { title: 'OUTPUT', value: ([key]) => key, fixed: true },
              {
                title: 'VALUE',
                value: ([, value]) => (typeof value === 'string' ? value : JSON.stringify(value)),
              },
            ],
            { ...this.tableOptions, empty: 'There are no outputs.' },
          ),
      })
    } finally {
      await session.close()
    }
  }
}

import { Flags } from '@oclif/core'
import { hostFlags, oneMachine } from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { parseVariables } from '../../cli/variables.js'
import { InfraError } from '../../model/error.js'
import { execInGuest } from '../../providers/libvirt/acts/exec.js'

export default class VmExec extends MachineCommand {
  static override summary = 'Run a command in a guest, through its agent.'
  static override description =
    'What it says comes as it is said; its exit status is the exit status. Ctrl-C ends it there, too. What it changes in the ' +
    'guest is the guest’s affair: the stack is not locked.'
  static override examples = [
    '<%= config.bin %> vm exec web -- systemctl status nginx',
    "<%= config.bin %> vm exec web -- sh -c 'df -h / | tail -1'",
    'tar c site | <%= config.bin %> vm exec web --stdin -- tar x -C /srv',
  ]
  static override strict = false
  static override args = oneMachine
  static override flags = {
    ...hostFlags,
    stdin: Flags.boolean({ char: 'i', description: 'Give what comes in here to the command.' }),
    folder: Flags.string({
      char: 'C',
      description: 'Folder of the guest to run it in.',
      helpValue: 'FOLDER',
    }),
    env: Flags.string({
      char: 'e',
      multiple: true,
      multipleNonGreedy: true,
      description: 'A variable of its environment.',
      helpValue: 'NAME=VALUE',
    }),
    timeout: Flags.integer({ min: 1, description: 'Seconds after which it is ended.', helpValue: 'SECONDS' }),
  }

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(VmExec)
    const [program, ...rest] = argv.slice(1).map(String)
    if (program === undefined) {
      throw new InfraError({
        kind: 'configuration',
        code: 'no-command',
        message: 'There is no command to run',
        hint: `infra vm exec ${args.name} -- uname -a`,
      })
    }
    await this.withHosts(flags, { changes: false }, async context => {
      const machine = await this.chooseOne(context, args.name)
      const request = {
        command: [program, ...rest] as const,
        environment: parseVariables(flags.env ?? []),
        ...(flags.stdin && { stdin: process.stdin as AsyncIterable<Uint8Array> }),
        ...(flags.folder !== undefined && { folder: flags.folder }),
        ...(flags.timeout !== undefined && { timeoutSeconds: flags.timeout }),
      }
      const streams = {
        stdout: (bytes: Uint8Array) => void process.stdout.write(bytes),
        stderr: (bytes: Uint8Array) => void process.stderr.write(bytes),
      }
      try {
        this.exitCode = await execInGuest(machine, request, streams, this.signal)
      } catch (error) {
        if (!this.signal.aborted) throw error
        this.exitCode = 130
      }
    })
  }
}

import { Flags } from '@oclif/core'
import { severalFlags, severalMachines } from '../../cli/hosts/flags.js'
import { MachineCommand, told } from '../../cli/hosts/machine-command.js'
import { textCleaner } from '../../providers/libvirt/acts/logs.js'
import { upgradeMachine } from '../../providers/libvirt/acts/upgrade.js'

export default class VmUpgrade extends MachineCommand {
  static override summary = 'Upgrade the software of machines, with a way back.'
  static override description =
    'A snapshot is taken; the guest’s own package manager (apt, dnf, yum, zypper, apk, pacman) upgrades all; the guest is ' +
    'restarted if it needs that, and must become ready again. Where any of it fails, the snapshot is put back.'
  static override examples = [
    '<%= config.bin %> vm upgrade web',
    "<%= config.bin %> vm upgrade --selector role=db --check 'systemctl is-active postgresql'",
  ]
  static override strict = false
  static override args = severalMachines
  static override flags = {
    ...severalFlags,
    command: Flags.string({
      description: "Instead of its package manager: a command for the guest's shell.",
      helpValue: 'COMMAND',
    }),
    check: Flags.string({
      description: "A command for the guest's shell that must succeed afterwards.",
      helpValue: 'COMMAND',
    }),
    reboot: Flags.option({ options: ['if-needed', 'never', 'always'] as const })({
      description: 'Whether the guest is restarted.',
      default: 'if-needed',
    }),
    'keep-snapshot': Flags.boolean({ description: 'Keep the snapshot, for a way back later.' }),
    timeout: Flags.integer({
      min: 1,
      description: 'Seconds for the upgrade itself; an hour by default.',
      helpValue: 'SECONDS',
    }),
    quiet: Flags.boolean({ char: 'q', description: 'Do not show what the guests say.' }),
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmUpgrade)
    const shows = !flags.quiet && !flags.json && !flags.yaml
    const clean = textCleaner()
    const options = {
      reboot: flags.reboot,
      keepSnapshot: flags['keep-snapshot'],
      ...(flags.command !== undefined && { command: flags.command }),
      ...(flags.check !== undefined && { check: flags.check }),
      ...(flags.timeout !== undefined && { timeoutSeconds: flags.timeout }),
      ...(shows && { output: (text: string) => void process.stderr.write(clean(text)) }),
    }
    await this.actOn(
      flags,
      argv.map(String),
      (machine, call, { journal }) => upgradeMachine(machine, options, call, journal),
      (done, { name }) => {
        const count = done.changed === undefined ? '' : `, ${done.changed.length} packages changed`
        const end = `${name} was upgraded by ${done.by}${count}${done.rebooted ? ', and restarted' : ''}.`
        return told(end, done.snapshot === undefined ? undefined : `The snapshot ${done.snapshot} is kept.`)
      },
    )
  }
}

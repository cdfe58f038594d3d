import { Flags } from '@oclif/core'
import { actFlags, oneMachine, shutdownFlag, shutdownOptions } from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { beginRescue, endRescue } from '../../providers/libvirt/acts/rescue.js'

export default class VmRescue extends MachineCommand {
  static override summary =
    'Boot a machine from a rescue medium with its own disks attached, and put it back.'
  static override description =
    'The machine is stopped for it. An image is not written to: what is written goes to a disk that is removed with --end.'
  static override examples = [
    '<%= config.bin %> vm rescue web --iso images:debian-live.iso',
    '<%= config.bin %> vm rescue web --image images:rescue.qcow2',
    '<%= config.bin %> vm rescue web --end',
  ]
  static override args = oneMachine
  static override flags = {
    ...actFlags,
    iso: Flags.string({
      description: 'A bootable ISO: POOL:VOLUME, or a path on the host.',
      helpValue: 'VOLUME',
      exclusive: ['image', 'end'],
    }),
    image: Flags.string({
      description: 'A bootable disk image: POOL:VOLUME, or a path on the host.',
      helpValue: 'VOLUME',
      exclusive: ['end'],
    }),
    end: Flags.boolean({ description: 'Back to its own disks, and to what it did before.' }),
    ...shutdownFlag,
    start: Flags.boolean({
      allowNo: true,
      description: 'With --end, whether it runs afterwards; as before by default.',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmRescue)
    const timeout = shutdownOptions(flags)
    const request = {
      ...timeout,
      ...(flags.iso !== undefined && { iso: flags.iso }),
      ...(flags.image !== undefined && { image: flags.image }),
    }
    const back = { ...timeout, ...(flags.start !== undefined && { start: flags.start }) }
    await this.actOn(
      flags,
      [args.name],
      (machine, call, { journal }) =>
        flags.end ? endRescue(machine, back, call, journal) : beginRescue(machine, request, call, journal),
      (done, { name }) =>
        done.rescue
          ? `${name} boots from ${done.medium}, its disk ${done.device}. \`infra vm console ${name}\` shows it; \`infra vm rescue ${name} --end\` puts it back.`
          : `${name} has its own disks alone again; it is ${done.state}.`,
    )
  }
}

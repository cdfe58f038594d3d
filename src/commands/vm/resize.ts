import { Flags } from '@oclif/core'
import { settleDeclared } from '../../cli/hosts/declared.js'
import { severalFlags, severalMachines, writeFlag } from '../../cli/hosts/flags.js'
import { MachineCommand, told } from '../../cli/hosts/machine-command.js'
import { InfraError } from '../../model/error.js'
import { type Resized, resizeMachine } from '../../providers/libvirt/acts/resize.js'
import { parseSize } from '../../providers/libvirt/kinds/units.js'

export default class VmResize extends MachineCommand {
  static override summary = 'Give machines more or fewer CPUs, more or less memory, or larger disks.'
  static override description =
    'At once where libvirt can do it with the machine running, else from its next start on. Disks only grow. What the stack ' +
    'declares otherwise the next plan would undo; --write changes the stack’s file, too.'
  static override examples = [
    '<%= config.bin %> vm resize web --vcpus 4 --memory 8GiB',
    '<%= config.bin %> vm resize db --disk vdb=200GiB --write',
  ]
  static override strict = false
  static override args = severalMachines
  static override flags = {
    ...severalFlags,
    ...writeFlag,
    vcpus: Flags.integer({ min: 1, description: 'Virtual CPUs.', helpValue: 'N' }),
    memory: Flags.string({ description: 'Memory: 8GiB, 512MiB; a number alone is GiB.', helpValue: 'SIZE' }),
    disk: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Size of a disk: vda=40GiB; a number alone is GiB.',
      helpValue: 'DEVICE=SIZE',
    }),
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmResize)
    const request = {
      ...(flags.vcpus !== undefined && { vcpus: flags.vcpus }),
      ...(flags.memory !== undefined && { memoryGiB: gibOf(flags.memory) }),
      ...(flags.disk !== undefined && { disks: Object.fromEntries(flags.disk.map(diskOf)) }),
    }
    if (Object.keys(request).length === 0) {
      throw new InfraError({
        kind: 'configuration',
        code: 'nothing-to-resize',
        message: 'It was not said what to resize',
        hint: 'Say --vcpus, --memory or --disk.',
      })
    }
    await this.actOn(
      flags,
      argv.map(String),
      async (machine, call, { session, journal }) => {
        const changes = await resizeMachine(machine, request, call.signal, journal)
        const values = valuesOf(changes)
        const writing = settleDeclared(session, machine, values, flags.write, this.ports.files)
        const note = await writing.catch(error => {
          // the machine is as it was asked for all the same
          journal.ended()
          throw error
        })
        return { changes, ...(note !== undefined && { note }) }
      },
      ({ changes, note }, { name }) => told(`${name}: ${textOf(changes)}`, note),
    )
  }
}

function textOf(all: readonly Resized[]): string {
  const changes = all.filter(one => one.from !== one.to)
  if (changes.length === 0) return 'it is so already.'
  return changes
    .map(
      one => `${one.path} ${one.from} → ${one.to}${one.when === 'restart' ? ' from its next start on' : ''}`,
    )
    .join(', ')
}

function valuesOf(changes: readonly Resized[]) {
  return changes.map(({ path, to }) => ({
    path,
    value: to as number,
    ...(path.startsWith('max') && { follows: true as const }),
  }))
}

function gibOf(text: string): number {
  const bytes = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 2 ** 30 : parseSize(text)
  if (bytes !== undefined && bytes > 0) return bytes / 2 ** 30
  throw new InfraError({
    kind: 'configuration',
    code: 'bad-size',
    message: `${JSON.stringify(text)} is no size`,
    hint: 'For example: 8GiB, 512MiB, 1.5T.',
  })
}

function diskOf(text: string): [string, number] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), gibOf(text.slice(at + 1))]
  throw new InfraError({
    kind: 'configuration',
    code: 'bad-disk',
    message: `--disk takes DEVICE=SIZE, not ${text}`,
    hint: 'For example: --disk vdb=20GiB',
  })
}

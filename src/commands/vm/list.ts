import { filterFlags, hostFlags } from '../../cli/hosts/flags.js'
import { MachineCommand, unreachable } from '../../cli/hosts/machine-command.js'
import { renderTable } from '../../report/table.js'
import { gibibytes } from '../../report/text.js'

export default class VmList extends MachineCommand {
  static override summary = 'List the machines of the hosts, whoever made them.'
  static override description =
    'All hosts are read at once; one that is down does not hide the others, and is told (exit code 3).'
  static override examples = [
    '<%= config.bin %> vm list',
    '<%= config.bin %> vm list --status running --selector role=web',
    '<%= config.bin %> vm list --connect qemu+ssh://root@host/system --json',
  ]
  static override flags = { ...hostFlags, ...filterFlags }

  async run(): Promise<void> {
    const { flags } = await this.parse(VmList)
    await this.withHosts(flags, { changes: false }, async context => {
      const { machines, down } = await this.choose(context, flags, [], false)
      const views = machines.map(one => one.view)
      const several = new Set(views.map(one => one.host)).size > 1 || context.hosts.open.length > 1
      this.tell(flags, { machines: views, ...(down.length > 0 && { unreachable: unreachable(down) }) }, () =>
        renderTable(
          views,
          [
            ...(several ? [{ title: 'HOST', value: (one: (typeof views)[number]) => one.host }] : []),
            { title: 'NAME', value: one => one.name, fixed: true },
            { title: 'STATE', value: one => one.state, fixed: true },
            { title: 'VCPUS', value: one => one.vcpus, right: true },
            { title: 'MEMORY', value: one => gibibytes(one.memoryGiB), right: true },
            { title: 'ADDRESSES', value: one => one.addresses.join(', ') },
            { title: 'LABELS', value: one => labelText(one.labels) },
            { title: 'REMARK', value: remark },
          ],
          { ...this.tableOptions, ...(down.length === 0 && { empty: 'There is no machine.' }) },
        ),
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
}

function remark(one: {
  readonly pending: readonly string[]
  readonly unfinished: boolean
  readonly rescue: boolean
  readonly address?: string
}): string {
  if (one.rescue) return 'in rescue'
  if (one.unfinished) return 'made or deleted in part only'
  if (one.pending.length > 0) return `waits for a restart: ${one.pending.join(', ')}`
  return one.address === undefined ? 'not managed' : ''
}

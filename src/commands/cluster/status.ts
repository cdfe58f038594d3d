import { Args } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { clusterStatus, type ClusterStatus as Status } from '../../providers/vcluster/acts/status.js'
import { renderTable } from '../../report/table.js'
import { gibibytes } from '../../report/text.js'

export default class ClusterStatus extends ClusterCommand {
  static override summary = 'Tell how a virtual cluster is: pods, events, versions, use, time left.'
  static override description = 'CPU and memory are told where the host cluster has a metrics API.'
  static override examples = [
    '<%= config.bin %> cluster status team-a',
    '<%= config.bin %> cluster status team-a --yaml',
  ]
  static override args = { name: Args.string({ description: nameHelp, required: true }) }
  static override flags = namedFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterStatus)
    await this.withHosts(flags, { changes: false }, async context => {
      const { connection, host, choice } = await this.find(context, flags, args.name)
      const status = await clusterStatus(host, choice.name, choice.namespace, this.signal)
      this.tell(flags, { connection, ...status }, () => this.#text(status, host.host.name))
    })
  }

  #text(one: Status, host: string): string {
    const facts = [
      ['name', one.name],
      ['namespace', one.namespace],
      ['host', host],
      ['phase', one.phase],
      ['trouble', one.trouble],
      ['kubernetes', one.version],
      ['chart', one.chartVersion],
      ['release', one.revision === undefined ? undefined : `revision ${one.revision}, ${one.releaseStatus}`],
      ['created', one.createdAt],
      ['expires', one.expiresAt === undefined ? undefined : `${one.expiresAt} (${one.expiry ?? 'no time'})`],
      ['cpu', one.usage && `${one.usage.cpuMillicores}m`],
      ['memory', one.usage && gibibytes(one.usage.memoryBytes / 2 ** 30)],
      ['resource', one.address ?? 'none: not managed by a stack'],
    ] as const
    const rows = facts.filter(([, value]) => value !== undefined && value !== '')
    const lines = rows.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join('')
    const pods = renderTable(
      one.pods,
      [
        { title: 'POD', value: pod => pod.name, fixed: true },
        { title: 'PHASE', value: pod => pod.phase },
        { title: 'READY', value: pod => (pod.ready ? 'yes' : 'no') },
        { title: 'RESTARTS', value: pod => pod.restarts, right: true },
        { title: 'NODE', value: pod => pod.node },
      ],
      { ...this.tableOptions, empty: 'It has no pods.' },
    )
    const events = renderTable(
      one.events,
      [
        { title: 'TIME', value: event => event.at, fixed: true },
        { title: 'TYPE', value: event => event.type },
        { title: 'REASON', value: event => event.reason },
        { title: 'OBJECT', value: event => event.object },
        { title: 'MESSAGE', value: event => event.message },
      ],
      { ...this.tableOptions, empty: 'There are no events of late.' },
    )
    return `${lines}\n${pods}\n${events}`
  }
}

import { Args } from '@oclif/core'
import { lockFlags } from '../../cli/act-flags.js'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { recordOf } from '../../cli/clusters/find.js'
import { namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { backupCluster } from '../../providers/vcluster/acts/backup.js'

export default class ClusterBackup extends ClusterCommand {
  static override summary = 'Back up a virtual cluster by a snapshot of vCluster’s own, and read it back.'
  static override description =
    'Journaled: one that is cut off is settled by `infra recover`. Needs the vcluster tool. Credentials of a registry or bucket are taken from where that tool takes them.'
  static override examples = [
    '<%= config.bin %> cluster backup team-a oci://registry.example.com/backups/team-a:monday',
    '<%= config.bin %> cluster backup team-a s3://backups/team-a',
    '<%= config.bin %> cluster backup team-a container:///data/monday.tar.gz',
  ]
  static override args = {
    name: Args.string({ description: nameHelp, required: true }),
    address: Args.string({
      description: 'Where to: oci://, s3://, container:/// or https://.',
      required: true,
    }),
  }
  static override flags = { ...namedFlags, ...lockFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterBackup)
    await this.withHosts(flags, { changes: true }, async context => {
      const cluster = await this.find(context, flags, args.name)
      recordOf(cluster)
      const { host, choice } = cluster
      const tell = this.progress(flags)
      const progress = (message: string) => tell(choice.name, message)
      const done = await this.journaled(context, flags, begin =>
        backupCluster(host, choice, args.address, begin(cluster), progress, this.signal),
      )
      this.tell(
        flags,
        { name: choice.name, ...done },
        () => `${choice.name} → ${done.address} (${done.verified})\n`,
      )
    })
  }
}

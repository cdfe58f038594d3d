import { Args } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { recordOf } from '../../cli/clusters/find.js'
import { lockFlags, namedFlags, nameHelp, yesFlag } from '../../cli/clusters/flags.js'
import { confirm } from '../../cli/hosts/confirm.js'
import { restoreCluster } from '../../providers/vcluster/acts/restore.js'

export default class ClusterRestore extends ClusterCommand {
  static override summary = 'Put a backup back: the objects in a virtual cluster become those of the backup.'
  static override description =
    'The backup is read before the cluster is stopped. What was made in it since the backup is lost; `infra rollback` does not ' +
    'bring it back: make a backup of it first. Journaled: one that is cut off is completed by `infra recover --forward`.'
  static override examples = [
    '<%= config.bin %> cluster restore team-a container:///data/monday.tar.gz',
    '<%= config.bin %> cluster restore team-a s3://backups/team-a --yes',
  ]
  static override args = {
    name: Args.string({ description: nameHelp, required: true }),
    address: Args.string({ description: 'Where it is, as `cluster backup` was told.', required: true }),
  }
  static override flags = { ...namedFlags, ...lockFlags, ...yesFlag }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterRestore)
    await this.withHosts(flags, { changes: true }, async context => {
      const cluster = await this.find(context, flags, args.name)
      recordOf(cluster)
      const { host, choice } = cluster
      const leave = { yes: flags.yes, interactive: this.interactive, signal: this.signal }
      if (!(await confirm(`Restore ${choice.name}? What was made in it since is lost.`, leave))) {
        this.exitCode = 1
        return
      }
      const tell = this.progress(flags)
      const progress = (message: string) => tell(choice.name, message)
      await this.journaled(context, flags, begin =>
        restoreCluster(host, choice, args.address, begin(cluster), progress, this.signal),
      )
      this.tell(
        flags,
        { name: choice.name, address: args.address, restored: true },
        () => `${choice.name} is as in ${args.address}, and ready.\n`,
      )
    })
  }
}

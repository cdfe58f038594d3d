import { Args, Flags } from '@oclif/core'
import { lockFlags, yesFlag } from '../../cli/act-flags.js'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { recordOf } from '../../cli/clusters/find.js'
import { namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { restoreCluster } from '../../providers/vcluster/acts/restore.js'

export default class ClusterRestore extends ClusterCommand {
  static override summary = 'Put a backup back: the objects in a virtual cluster become those of the backup.'
  static override description =
    'The backup is read before the cluster is stopped. What is in the cluster is kept first, by a backup of its own on the ' +
    'volume of the cluster: seconds, and some kilobytes to megabytes there until the next restore. A restore that fails puts ' +
    'it back; one that is cut off is completed by `infra recover --forward`, or undone by `infra recover --back`; and one that ' +
    'succeeded is undone by restoring what was kept, whose address is told. `infra rollback` knows nothing of it.'
  static override examples = [
    '<%= config.bin %> cluster restore team-a container:///data/monday.tar.gz',
    '<%= config.bin %> cluster restore team-a s3://backups/team-a --yes',
    '<%= config.bin %> cluster restore team-a s3://backups/team-a --keep s3://backups/team-a-before',
  ]
  static override args = {
    name: Args.string({ description: nameHelp, required: true }),
    address: Args.string({ description: 'Where it is, as `cluster backup` was told.', required: true }),
  }
  static override flags = {
    ...namedFlags,
    ...lockFlags,
    ...yesFlag,
    keep: Flags.string({
      description: 'Keep what is in it here, as `cluster backup` takes it, and not on its own volume.',
      helpValue: 'ADDRESS',
      exclusive: ['forget'],
    }),
    forget: Flags.boolean({ description: 'Keep nothing of what is in it: there is no way back.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterRestore)
    await this.withHosts(flags, { changes: true }, async context => {
      const cluster = await this.find(context, flags, args.name)
      recordOf(cluster)
      const { host, choice } = cluster
      const lost = flags.forget ? 'lost, for good' : 'no longer in it, and kept beside it'
      if (!(await this.agreed(`Restore ${choice.name}? What was made in it since is ${lost}.`, flags))) return
      const tell = this.progress(flags)
      const progress = (message: string) => tell(choice.name, message)
      const keep = flags.forget ? 'forget' : flags.keep === undefined ? {} : { address: flags.keep }
      const { kept } = await this.journaled(context, flags, begin =>
        restoreCluster(host, choice, args.address, keep, begin(cluster), progress, this.signal),
      )
      this.tell(
        flags,
        { name: choice.name, address: args.address, restored: true, ...(kept !== undefined && { kept }) },
        () =>
          `${choice.name} is as in ${args.address}, and ready.\n` +
          (kept === undefined ? '' : `What was in it before is kept: ${kept}\n`),
      )
    })
  }
}

import { Args, Flags } from '@oclif/core'
import { ClusterCommand } from '../../cli/ceph/cluster-command.js'
import { clusterFlags, volumeHelp } from '../../cli/ceph/flags.js'
import { findVolume } from '../../cli/ceph/volume-place.js'
import { confirm } from '../../cli/hosts/confirm.js'
import { lockFlags } from '../../cli/hosts/flags.js'

export default class VolumeRollback extends ClusterCommand {
  static override summary = 'Put a volume back to one of its snapshots.'
  static override description =
    'What is there now is kept as a snapshot, to which the volume can be rolled back in turn. Its path changes: it has to be ' +
    'mounted anew. One that was cut off is completed by the same command.'
  static override examples = [
    '<%= config.bin %> volume rollback files/home nightly-20261121T020000Z',
    '<%= config.bin %> volume rollback files/home nightly-20261121T020000Z --dry-run',
  ]
  static override args = {
    volume: Args.string({ description: volumeHelp, required: true }),
    snapshot: Args.string({ description: 'Name of the snapshot.', required: true }),
  }
  static override flags = {
    ...clusterFlags,
    ...lockFlags,
    'dry-run': Flags.boolean({ description: 'Only tell what would be done.' }),
    yes: Flags.boolean({ char: 'y', description: 'Do not ask.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VolumeRollback)
    const dry = flags['dry-run']
    await this.withCluster(flags, { changes: !dry }, async (cluster, acts) => {
      const place = await findVolume(cluster, args.volume, this.options)
      const id = await acts.rollbackId(cluster, place, this.ports.random, this.options)
      const plan = await acts.planRollback(cluster, place, args.snapshot, id, this.options)
      const steps = plan.steps.map((step, index) => `${index + 1}. ${step}\n`).join('')
      if (dry) return this.tell(flags, plan, () => steps)
      if (!flags.json && !flags.yaml && !flags.yes) process.stdout.write(steps)
      const leave = { yes: flags.yes, interactive: this.interactive, signal: this.stopping.signal }
      const question = `${args.volume} goes back to ${args.snapshot}, and what has it mounted loses it.`
      if (!(await confirm(question, leave))) {
        this.exitCode = 1
        return
      }
      const { path } = await acts.rollbackVolume(cluster, plan, this.call(flags))
      this.tell(
        flags,
        { ...plan, path },
        () =>
          `${args.volume} is as it was at ${plan.snapshot}. Mount it anew: ${path}\n` +
          `What it was before is kept: infra volume rollback ${args.volume} ${plan.keptAs}\n`,
      )
    })
  }
}

import { Args, Flags } from '@oclif/core'
import { changeFlags } from '../../cli/base-command.js'
import { ClusterCommand } from '../../cli/ceph/cluster-command.js'
import { clusterFlags, volumeHelp } from '../../cli/ceph/flags.js'
import { findVolume } from '../../cli/ceph/volume-place.js'
import { keepFor, managed, restoreOf } from '../../cli/ceph/volume-rollback.js'
import { confirm } from '../../cli/confirm.js'
import { renderTerminal } from '../../report/terminal.js'

export default class VolumeRollback extends ClusterCommand {
  static override summary = 'Put a volume back to one of its snapshots.'
  static override description =
    'What is there now is kept until `infra checkpoint prune`. A volume of the stack goes back with a plan and a journal: ' +
    '`infra rollback` undoes it, `infra recover` settles one that was cut off. Of any other, what is there is kept as a ' +
    'snapshot, to which it can be rolled back in turn, and the same command completes what was cut off. The volume’s path ' +
    'changes: it has to be mounted anew.'
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
    yes: changeFlags.yes,
    'lock-timeout': changeFlags['lock-timeout'],
    'on-failure': changeFlags['on-failure'],
    'dry-run': Flags.boolean({ description: 'Only tell what would be done.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VolumeRollback)
    const began = this.ports.clock.now()
    const dry = flags['dry-run']
    await this.withCluster(flags, { changes: !dry }, async (cluster, acts, stack) => {
      const place = await findVolume(cluster, args.volume, this.options)
      const id = await acts.rollbackId(cluster, place, this.ports.random, this.options)
      const plan = await acts.planRollback(cluster, place, args.snapshot, id, this.options)
      const known = stack && managed(stack, place)
      if (stack && known) {
        const { metadata } = await acts.volumeDetails(cluster, place, this.options)
        const restore = await restoreOf(stack, known, plan, metadata, this.ports.random)
        const result = await stack.session.planRestore(known.address, restore)
        if (dry)
          return this.tell(flags, result.plan, () => renderTerminal(result.plan, { ...this.tableOptions }))
        await this.carryOut(stack.session, result, 'Go back to this snapshot?', flags, began)
        const path = stack.session.state?.resources[known.address]?.facts.path
        if (!flags.json && !process.exitCode) process.stdout.write(`Mount it anew: ${path}\n`)
        return
      }
      const steps = plan.steps.map((step, index) => `${index + 1}. ${step}\n`).join('')
      if (dry) return this.tell(flags, plan, () => steps)
      if (!flags.json && !flags.yaml && !flags.yes) process.stdout.write(steps)
      const leave = { yes: flags.yes, interactive: this.interactive, signal: this.stopping.signal }
      const question = `${args.volume} goes back to ${args.snapshot}, and what has it mounted loses it.`
      if (!(await confirm(question, leave))) {
        this.exitCode = 1
        return
      }
      const call = { ...this.call(flags), keep: keepFor(stack, plan, this.holder(flags).command) }
      const { path } = await acts.rollbackVolume(cluster, plan, call)
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

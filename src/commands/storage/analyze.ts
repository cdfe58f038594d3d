import { Flags } from '@oclif/core'
import { hostFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { unreachable } from '../../cli/hosts/machine-command.js'
import { size } from '../../cli/hosts/size.js'
import { analyzeStorage, usualThresholds } from '../../providers/libvirt/acts/storage.js'
import { renderTable } from '../../report/table.js'

export default class StorageAnalyze extends HostCommand {
  static override summary = 'Tell what is to be done about the storage of the hosts.'
  static override description =
    'Pools that fill up or promise more than they have, volumes that nothing uses, and deleted data that waits for a rollback. ' +
    'It changes nothing. Exits 2 where a pool is full.'
  static override examples = [
    '<%= config.bin %> storage analyze',
    '<%= config.bin %> storage analyze --filling 70',
  ]
  static override flags = {
    ...hostFlags,
    filling: Flags.integer({
      min: 1,
      max: 100,
      default: usualThresholds.filling,
      description: 'Percent of a pool from which on it counts as filling.',
      helpValue: 'PERCENT',
    }),
    full: Flags.integer({
      min: 1,
      max: 100,
      default: usualThresholds.full,
      description: 'Percent of a pool from which on it counts as full.',
      helpValue: 'PERCENT',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(StorageAnalyze)
    const thresholds = { filling: flags.filling, full: flags.full }
    await this.withHosts(flags, { changes: false }, async context => {
      const { found, down } = await this.fromAll(context, host =>
        analyzeStorage(host, thresholds, this.signal),
      )
      const advice = found.flat()
      this.tell(flags, { advice, ...(down.length > 0 && { unreachable: unreachable(down) }) }, () =>
        renderTable(
          advice,
          [
            { title: 'IS', value: one => one.severity, fixed: true },
            { title: 'HOST', value: one => one.host },
            { title: 'POOL', value: one => one.pool },
            { title: 'WHAT', value: one => one.message },
            { title: 'SIZE', value: one => size(one.bytes), right: true },
            { title: 'DO', value: one => one.hint },
          ],
          { ...this.tableOptions, empty: 'There is nothing to be done.' },
        ),
      )
      if (advice.some(one => one.severity === 'error')) this.exitCode = 2
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}

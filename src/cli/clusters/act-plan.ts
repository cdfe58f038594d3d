/** Acts that change what a stack's virtual clusters are: planned, journaled and read back as an apply is. */
import type { Address } from '../../model/address.js'
import type { Attributes } from '../../model/value.js'
import { requireSettled } from '../../session/require.js'
import type { ResourceRecord } from '../../state/document.js'
import { ChangeCommand, type ChangeFlags } from '../change-command.js'
import { findRecord, requireNames } from './find.js'

export interface ActFlags extends ChangeFlags {
  readonly stack: string
  readonly host?: string[] | undefined
  readonly namespace?: string | undefined
}

export abstract class ClusterActCommand extends ChangeCommand {
  /** Brings the named clusters to the specs that `edit` makes of what is recorded. All in one plan. */
  protected async act(
    flags: ActFlags,
    names: readonly string[],
    question: string,
    edit: (record: ResourceRecord) => Attributes,
  ): Promise<void> {
    requireNames(names)
    const began = this.ports.clock.now()
    const session = await this.openLocked(flags, flags.stack)
    try {
      await requireSettled(session)
      const specs = new Map<Address, Attributes>()
      for (const name of names) {
        const record = findRecord(session, name, flags)
        specs.set(record.address, edit(record))
      }
      const result = await session.planAct(specs)
      await this.carryOut(session, result, question, flags, began)
    } finally {
      await session.close()
    }
  }
}

/** A machine that moved to another host: its record in the state and its document in the stack follow. */
import { readFile } from 'node:fs/promises'
import { parseAddress } from '../../model/address.js'
import { InfraError } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import type { Machine } from '../../providers/libvirt/acts/machines.js'
import type { Session } from '../../session/session.js'
import { editStackText } from '../../stack/edit.js'
import type { StateDocument } from '../../state/document.js'
import { documentOf } from './declared.js'

export interface Follow {
  /** The connection that the stack has it under. */
  readonly from: string
  /** To be called once the machine is there. Returns what was done. */
  follow(): Promise<string | undefined>
}

/**
 * Looks whether the stack can follow, before the machine is touched: else the next plan would make it anew. A machine that is
 * there already came from where the stack's record of it says: its move was cut off.
 */
export async function prepareMove(
  session: Session | undefined,
  machine: Machine,
  to: string,
  files: Ports['files'],
  command: string,
): Promise<Follow> {
  const { name, host, uuid } = machine.view
  const records = Object.values(session?.state?.resources ?? {}).filter(
    one => one.kind === 'VirtualMachine' && one.name === name,
  )
  const record = records.find(one =>
    host === to ? one.identity.uuid === uuid && one.connection !== to : one.connection === host,
  )
  const from = record?.connection ?? host
  const document = documentOf(session, { view: { ...machine.view, host: from } })
  const edited = document && (await editedText(document.address, document.source.file, to))
  return {
    from,
    async follow() {
      if (session !== undefined && record !== undefined) {
        await session.editState(command, state => ({
          ...state,
          resources: {
            ...state.resources,
            [record.address]: {
              ...record,
              connection: to,
              spec: { ...record.spec, host: to },
              dependencies: moved(record.dependencies, state.resources, to),
            },
          },
        }))
      }
      if (edited === undefined) return undefined
      await files.replace(edited.file, Buffer.from(edited.text), 0o644)
      return `Written into ${edited.file}: host: ${to}`
    },
  }
}

/** What it needs (pools, networks), as the other host has it by the same name: it must not go before the machine does. */
function moved(
  dependencies: readonly string[],
  resources: StateDocument['resources'],
  to: string,
): readonly string[] {
  return dependencies
    .map(address => {
      const here = resources[address]
      const there = Object.values(resources).find(
        one => one.connection === to && one.kind === here?.kind && one.name === here.name,
      )
      return there?.address ?? address
    })
    .sort()
}

async function editedText(
  address: string,
  file: string,
  to: string,
): Promise<{ file: string; text: string }> {
  const parts = parseAddress(address)
  if (parts === undefined || parts.key !== undefined) {
    throw new InfraError({
      kind: 'validation',
      code: 'cannot-write',
      address,
      message:
        'it cannot be moved: several machines are made from its document, which says where all of them are',
      hint: 'Give it a document of its own first: infra state mv, and a document with that name.',
    })
  }
  const text = await readFile(file, 'utf8')
  return { file, text: editStackText(text, parts, [{ path: ['spec', 'host'], value: to }]) }
}

/** A machine that moved to another host: its record in the state and its document in the stack follow. */
import { readFile } from 'node:fs/promises'
import { parseAddress } from '../../model/address.js'
import { InfraError } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import type { Session } from '../../session/session.js'
import { editStackText } from '../../stack/edit.js'
import type { ResourceRecord, StateDocument } from '../../state/document.js'
import { documentOf } from './declared.js'
import { editStackFile } from './stack-file.js'

export interface Follow {
  /** Its address in the stack: of its record, else of its document. */
  readonly address: string | undefined
  /** To be called once the machine is there; a second time it does nothing. Returns what was done to the stack's file. */
  follow(): Promise<string | undefined>
}

interface Moving {
  readonly name: string
  readonly uuid: string
  /** The connection to the host that it leaves, or has left. */
  readonly from: string
}

/** The connection that the stack has the machine recorded on; undefined where it is not recorded. */
export function recordedOn(session: Session | undefined, uuid: string): string | undefined {
  return recordOf(session, uuid)?.connection
}

function recordOf(session: Session | undefined, uuid: string): ResourceRecord | undefined {
  return Object.values(session?.state?.resources ?? {}).find(
    one => one.kind === 'VirtualMachine' && one.identity.uuid === uuid,
  )
}

/** Of a machine that was made anew by hand: what is recorded under its name. */
function recordNamed(session: Session | undefined, name: string, host: string): ResourceRecord | undefined {
  return Object.values(session?.state?.resources ?? {}).find(
    one => one.kind === 'VirtualMachine' && one.name === name && one.connection === host,
  )
}

/**
 * Looks whether the stack can follow, before the machine is touched: else the next plan would make it anew. What follows may
 * have followed in part already: the state, and not the file.
 */
export async function prepareMove(
  session: Session | undefined,
  { name, uuid, from }: Moving,
  to: string,
  files: Ports['files'],
  command: string,
): Promise<Follow> {
  const known = recordOf(session, uuid) ?? recordNamed(session, name, from)
  const record = known?.connection === from ? known : undefined
  const document = documentOf(session, { host: from, name })
  const file = document?.source.file
  const edit = document && hostEdit(document.address, to)
  // refused now rather than once the machine has moved
  if (file !== undefined && edit !== undefined) edit(await readFile(file, 'utf8'))
  return {
    address: known?.address ?? document?.address,
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
      if (file === undefined || edit === undefined) return undefined
      // a move takes its time: the file may have been edited meanwhile
      await editStackFile(files, file, edit)
      return `Written into ${file}: host: ${to}`
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

/** What writes the host into the text of the stack's file. Fails where the document is of several machines. */
function hostEdit(address: string, to: string): (text: string) => string {
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
  return text => editStackText(text, parts, [{ path: ['spec', 'host'], value: to }])
}

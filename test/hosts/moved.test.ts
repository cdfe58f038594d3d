/** State and stack file follow a machine to another host, and also where they have followed in part. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { prepareMove, recordedOn } from '../../src/cli/hosts/moved.js'
import { nodePorts } from '../../src/model/node-ports.js'
import type { Session } from '../../src/session/session.js'
import type { StateDocument } from '../../src/state/document.js'

const folder = mkdtempSync(join(tmpdir(), 'infra-moved-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const address = 'VirtualMachine/web'
const machine = { name: 'web', uuid: 'u', from: 'near' }

/** A stack in which the record and the document are on these hosts. */
function stackWith(recorded: string, declared: string) {
  const file = join(folder, 'stack.yaml')
  writeFileSync(
    file,
    `kind: VirtualMachine\nmetadata: {name: web}\nspec:\n  host: ${declared} # where it stands\n`,
  )
  const known = { address, kind: 'VirtualMachine', name: 'web', identity: { uuid: 'u' }, dependencies: [] }
  let state = { resources: { [address]: { ...known, connection: recorded, spec: { host: recorded } } } }
  let edits = 0
  const resources = new Map([
    [
      address,
      { address, kind: 'VirtualMachine', name: 'web', connection: declared, source: { file, line: 1 } },
    ],
  ])
  const session = {
    stack: { resources },
    get state() {
      return state
    },
    editState: async (_: string, edit: (was: StateDocument) => StateDocument) => {
      edits += 1
      state = edit(state as unknown as StateDocument) as unknown as typeof state
    },
  } as unknown as Session
  return {
    session,
    at: () => ({
      recorded: state.resources[address]?.connection,
      spec: state.resources[address]?.spec.host,
      declared: /host: (\S+)/.exec(readFileSync(file, 'utf8'))?.[1],
    }),
    text: () => readFileSync(file, 'utf8'),
    append: (more: string) => appendFileSync(file, more),
    edits: () => edits,
  }
}

const far = { recorded: 'far', spec: 'far', declared: 'far' }

describe('a stack whose machine has moved', () => {
  it.each([
    { reason: 'neither has followed', recorded: 'near', declared: 'near', edits: 1 },
    { reason: 'cut off between state and file', recorded: 'far', declared: 'near', edits: 0 },
    { reason: 'the file was changed by hand', recorded: 'near', declared: 'far', edits: 1 },
    { reason: 'both have followed', recorded: 'far', declared: 'far', edits: 0 },
  ])('follows where $reason', async ({ recorded, declared, edits }) => {
    const stack = stackWith(recorded, declared)
    const move = await prepareMove(stack.session, machine, 'far', nodePorts.files, 'infra recover')
    expect(move.address).toBe(address)
    const note = await move.follow()
    expect(stack.at()).toEqual(far)
    expect(stack.text()).toContain('# where it stands')
    expect(stack.edits()).toBe(edits)
    expect(note !== undefined).toBe(declared === 'near')
  })

  it('keeps what was written into the file while the machine moved', async () => {
    const stack = stackWith('near', 'near')
    const move = await prepareMove(stack.session, machine, 'far', nodePorts.files, 'infra vm migrate')
    stack.append('---\nkind: Volume\nmetadata: {name: data}\n')
    await move.follow()
    expect(stack.at()).toEqual(far)
    expect(stack.text()).toContain('kind: Volume')
  })

  it('knows by its UUID where it is recorded', () => {
    const { session } = stackWith('near', 'near')
    expect(recordedOn(session, 'u')).toBe('near')
    expect(recordedOn(session, 'v')).toBeUndefined()
    expect(recordedOn(undefined, 'u')).toBeUndefined()
  })
})

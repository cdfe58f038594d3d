/** What is read may be on disk only where no secret can be in it. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type KeeperInput, keepersOf } from '../../src/session/keeper.js'
import type { StateDocument } from '../../src/state/document.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-keeper-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const connection = { name: 'libvirt', type: 'libvirt', settings: { uri: 'qemu:///system' } }
const given = (): KeeperInput => ({
  folder,
  version: '1',
  stateFolder: '/stack/.infra',
  isStackKept: true,
  state: undefined,
})
const stateWith = (...sensitive: string[]) =>
  ({ resources: { 'VirtualMachine/web': { sensitive } } }) as unknown as StateDocument

describe('what a connection reads', () => {
  it('is kept for this connection, this state and this build', async () => {
    const keeper = keepersOf({ ...given(), state: stateWith() })?.(connection)
    await keeper?.put('machines', 'what was read')
    expect(await readdir(folder)).toHaveLength(1)
    expect(await keeper?.get('machines')).toBe('what was read')
    const others = [
      keepersOf({ ...given(), version: '2' })?.(connection),
      keepersOf({ ...given(), stateFolder: '/other/.infra' })?.(connection),
      keepersOf(given())?.({ ...connection, settings: { uri: 'qemu+ssh://there/system' } }),
    ]
    for (const other of others) expect(await other?.get('machines')).toBeUndefined()
    expect(others).not.toContain(undefined)
  })

  it.each([
    { reason: 'the stack holds a secret', change: { isStackKept: false } },
    { reason: 'the state holds a secret', change: { state: stateWith('title') } },
    { reason: 'nothing is kept at all', change: { folder: undefined } },
    { reason: 'nobody says which build this is', change: { version: undefined } },
  ])('is not kept where $reason', ({ change }) => {
    expect(keepersOf({ ...given(), ...change })).toBeUndefined()
  })
})

/** What is decided when a move that was cut off is settled. */
import { describe, expect, test } from 'vitest'
import { type MoveAct, moveAct } from '../../../../src/providers/libvirt/acts/journaled-move.js'
import { type Found, moveWay, standing, wayBack } from '../../../../src/providers/libvirt/acts/settle-move.js'

const act: MoveAct = {
  verb: 'migrate',
  name: 'web',
  uuid: '00112233-4455-6677-8899-aabbccddeeff',
  from: 'near',
  to: 'far',
  live: true,
  running: true,
  made: [{ pool: 'yard', name: 'web_boot' }],
  left: { from: 'near', volumes: [{ pool: 'yard', name: 'web_boot' }], autostart: false },
  choice: {},
}

describe('where a machine is whose move was cut off', () => {
  const rows: readonly {
    reason: string
    live?: boolean
    here: Found
    there: Found
    is: 'here' | 'there' | undefined
  }[] = [
    { reason: 'it never left', here: 'runs', there: 'absent', is: 'here' },
    { reason: 'it is off, and never left', here: 'off', there: 'absent', is: 'here' },
    { reason: 'it is only begun to be made there', live: false, here: 'off', there: 'part', is: 'here' },
    { reason: 'it arrived', here: 'absent', there: 'runs', is: 'there' },
    { reason: 'it arrived, and was switched off since', here: 'absent', there: 'off', is: 'there' },
    { reason: 'it arrived, and its definition is still here', here: 'off', there: 'runs', is: 'there' },
    {
      reason: 'on its way back it is begun to be made here',
      live: false,
      here: 'part',
      there: 'off',
      is: 'there',
    },
    {
      reason: 'it was started here again: the copy is old',
      live: false,
      here: 'runs',
      there: 'off',
      is: 'here',
    },
    { reason: 'live, what is off there is going or coming', here: 'runs', there: 'off', is: undefined },
    { reason: 'live, two definitions that are off tell nothing', here: 'off', there: 'off', is: undefined },
    { reason: 'it is being received', here: 'runs', there: 'between', is: undefined },
    { reason: 'a host that does not answer may have it', here: 'absent', there: 'unknown', is: undefined },
    { reason: 'a host that does not answer may have it', here: 'unknown', there: 'runs', is: undefined },
    { reason: 'nowhere is not somewhere', here: 'absent', there: 'absent', is: undefined },
    { reason: 'a part is no machine', live: false, here: 'absent', there: 'part', is: undefined },
    { reason: 'never to be taken for done', live: false, here: 'runs', there: 'runs', is: undefined },
  ]
  test.each(rows)('$here here and $there there: $reason', ({ live = true, here, there, is }) => {
    expect(standing(live, here, there, 'forward')).toBe(is)
    expect(standing(live, here, there, 'back')).toBe(is)
  })

  test('off on both, it is the same on both: the direction decides', () => {
    expect(standing(false, 'off', 'off', 'forward')).toBe('there')
    expect(standing(false, 'off', 'off', 'back')).toBe('here')
  })
})

describe('the way back of a move', () => {
  const rows = [
    {
      reason: 'by loopback both hosts are one machine',
      choice: { migrateUri: 'tcp://127.0.0.1' },
      is: { migrateUri: 'tcp://127.0.0.1' },
    },
    {
      reason: 'the address of the one host is not the other’s',
      choice: { migrateUri: 'tcp://10.0.0.2' },
      is: {},
    },
    {
      reason: 'nor is a name that only begins like loopback',
      choice: { migrateUri: 'tcp://127.example' },
      is: {},
    },
    { reason: 'the first host reached the other so', choice: { peerUri: 'qemu+ssh://far/system' }, is: {} },
    {
      reason: 'its disks go where they were',
      choice: { pool: 'barn', bandwidthMiB: 3 },
      is: { pool: 'yard', bandwidthMiB: 3 },
    },
  ]
  test.each(rows)('$reason', ({ choice, is }) => {
    expect(wayBack({ ...act, choice })).toEqual(is)
  })

  test('is refused where its disks were in several pools, and are in one', () => {
    const volumes = [...act.left.volumes, { pool: 'barn', name: 'web_data-vdb' }]
    const several = { ...act, left: { ...act.left, volumes }, choice: { pool: 'loft' } }
    expect(() => wayBack(several)).toThrow(expect.objectContaining({ code: 'cannot-migrate' }))
    expect(wayBack({ ...several, choice: {} })).toEqual({})
  })
})

describe('a move in the journal', () => {
  test('is read as it was written', () => {
    expect(moveAct(JSON.parse(JSON.stringify(act)))).toEqual(act)
    expect(moveWay(act, 'forward')).toContain('web is moved to far')
    expect(moveWay(act, 'back')).toContain('web stays on near')
  })

  test.each([
    { reason: 'an act of another kind', what: { verb: 'extend', name: 'web' } },
    { reason: 'volumes that are none', what: { ...act, made: ['yard:web_boot'] } },
    { reason: 'what is left is not told', what: { ...act, left: null } },
  ])('$reason is not taken for one', ({ what }) => {
    expect(moveAct(JSON.parse(JSON.stringify(what)))).toBeUndefined()
  })
})

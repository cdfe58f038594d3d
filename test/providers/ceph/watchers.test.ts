/** Deleting an image that somebody is listed as using, on a clock of the test's own. */
import { describe, expect, it } from 'vitest'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import { deleteImage } from '../../../src/providers/ceph/images/remove.js'
import { aCall, lineage } from './harness.js'

/** A pool with one image that is listed as used for so many seconds, and what was moved to the trash when. */
function usedFor(seconds: number) {
  let now = 0
  const moved: number[] = []
  const rbd = {
    info: async () => ({ id: 'abc', name: 'disk' }),
    children: async () => [],
    watchers: async () => (now / 1000 < seconds ? ['10.0.0.1:0/77'] : []),
    trashMove: async () => void moved.push(now / 1000),
  }
  const clock = {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds
    },
  }
  const mon = async () => ({ output: JSON.stringify([{ pool_name: 'vms', pool_id: 4 }]), status: '' })
  return { ceph: { connection: { rbd, mon }, clock } as unknown as Ceph, moved, seconds: () => now / 1000 }
}

const request = {
  ...{ address: 'RbdImage/disk', kind: 'RbdImage', name: 'disk', spec: { pool: 'vms' } },
  ...{ identity: { id: 'abc' }, owner: { lineage, address: 'RbdImage/disk' }, trash: 't' },
}

describe('an image that is listed as used', () => {
  it('by a client that has died is deleted once it is listed no more', async () => {
    const { ceph, moved } = usedFor(30)
    const { call, told, kept } = aCall()
    await deleteImage(ceph, request, call)
    expect(moved).toEqual([30])
    expect(kept).toEqual([{ kind: 'RbdImage', poolId: 4, id: 'abc', name: 'disk' }])
    expect(told[0]).toContain('in use by the client at 10.0.0.1:0/77')
  })

  it('by one that lives is not, after longer than a dead one is listed', async () => {
    const { ceph, moved, seconds } = usedFor(1e9)
    const { call, kept } = aCall()
    await expect(deleteImage(ceph, request, call)).rejects.toMatchObject({
      code: 'ceph-held',
      message: expect.stringContaining('the client at 10.0.0.1:0/77'),
    })
    expect(seconds()).toBeGreaterThan(30)
    expect([moved, kept]).toEqual([[], []])
  })

  it('by nobody is deleted at once', async () => {
    const { ceph, moved } = usedFor(0)
    await deleteImage(ceph, request, aCall().call)
    expect(moved).toEqual([0])
  })
})

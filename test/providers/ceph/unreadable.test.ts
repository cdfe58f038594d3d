/** One image or snapshot that cannot be read, among others that can. */
import { describe, expect, it } from 'vitest'
import { volumeViews } from '../../../src/providers/ceph/acts/index.js'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import { CephError } from '../../../src/providers/ceph/client/error.js'
import type { Handler } from '../../../src/providers/ceph/handler.js'
import { images } from '../../../src/providers/ceph/images/index.js'
import { pools } from '../../../src/providers/ceph/pools/index.js'
import { snapshots } from '../../../src/providers/ceph/snapshots/index.js'
import { aCall, lineage } from './harness.js'

const { signal } = new AbortController()
const silent = new CephError('reading', 110, 'no answer after 65 s')

const served = { mdsmap: { fs_name: 'files', info: { a: { state: 'up:active' } } } }
const answers: Readonly<Record<string, unknown>> = {
  'fs dump': { filesystems: [served, { mdsmap: { fs_name: 'left', info: {} } }] },
  'mon dump': { mons: [] },
  'fs ls': [],
  'osd pool ls': [{ pool_name: 'vms', pool_id: 1, flags_names: '', application_metadata: { rbd: {} } }],
  'fs subvolume snapshot ls': [{ name: 'good' }, { name: 'bad' }],
  'fs subvolume snapshot info': { created_at: 'then', has_pending_clones: 'no' },
}

function cluster(notes: Readonly<Record<string, string>> = {}) {
  const told: string[] = []
  const ask = async ({ prefix, snap_name }: { readonly prefix: string; readonly snap_name?: string }) => {
    if (snap_name === 'bad') throw silent
    if (prefix === 'fs subvolume snapshot metadata ls') return { output: JSON.stringify(notes), status: '' }
    if (!(prefix in answers)) told.push(prefix)
    return { output: JSON.stringify(answers[prefix] ?? ''), status: '' }
  }
  const info = async ({ image }: { readonly image: string }) => {
    if (image === 'bad') throw silent
    return { id: image, name: image, size: 1, features: [], snapshots: [], metadata: {} }
  }
  const rbd = { list: async () => ['good', 'bad'], info }
  const connection = { mon: ask, mgr: ask, rbd, offers: () => true }
  return { ceph: { connection, clock: { now: () => 0 } } as unknown as Ceph, told }
}

describe('what cannot be read', () => {
  const cases: readonly { readonly kind: string; readonly handler: Handler; readonly spec: object }[] = [
    { kind: 'RbdImage', handler: images, spec: { pool: 'vms' } },
    { kind: 'CephSnapshot', handler: snapshots, spec: { filesystem: 'files', volume: 'home' } },
  ]
  for (const { kind, handler, spec } of cases) {
    it(`hides no other ${kind}`, async () => {
      const targets = ['good', 'bad'].map(name => ({
        address: `${kind}/${name}`,
        kind,
        name,
        spec: { ...spec },
      }))
      const seen = await handler.observe(cluster().ceph, targets, signal)
      expect(seen.get(`${kind}/good`)).toMatchObject({ status: 'present' })
      expect(seen.get(`${kind}/bad`)).toMatchObject({
        status: 'unreadable',
        why: expect.stringContaining('no answer after 65 s'),
      })
    })
  }

  it('is no note of infra’s hides nothing', async () => {
    const { ceph } = cluster({ 'infra.retention': 'at will' })
    const target = { address: 'CephSnapshot/good', kind: 'CephSnapshot', name: 'good' }
    const seen = await snapshots.observe(
      ceph,
      [{ ...target, spec: { filesystem: 'files', volume: 'home' } }],
      signal,
    )
    const spec = { filesystem: 'files', volume: 'home' }
    expect(seen.get(target.address)).toMatchObject({ status: 'present', spec })
  })

  it('is of a file system that no server serves is told at once, and the manager is not asked', async () => {
    const { ceph } = cluster()
    const listed = volumeViews(ceph, { filesystem: 'left' }, { signal })
    await expect(listed).rejects.toMatchObject({ why: expect.stringContaining('no metadata server serves') })
  })

  it('may hold a pool, which is not deleted then', async () => {
    const { ceph, told } = cluster()
    const owner = { lineage, address: 'CephPool/vms' }
    const request = { ...{ address: owner.address, kind: 'CephPool', name: 'vms', spec: {} }, owner }
    const { call, kept } = aCall()
    const deleted = pools.delete(ceph, { ...request, identity: { id: '1' }, trash: 'a' }, call)
    await expect(deleted).rejects.toBe(silent)
    expect([told, kept]).toEqual([[], []])
  })
})

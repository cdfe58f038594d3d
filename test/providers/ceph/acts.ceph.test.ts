import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import {
  changeSize,
  cloneSnapshot,
  clusterStatus,
  openForActs,
  planRollback,
  poolView,
  poolViews,
  rollbackId,
  rollbackVolume,
  snapshotVolume,
  volumeDetails,
  volumeViews,
} from '../../../src/providers/ceph/acts/index.js'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import type { Provider } from '../../../src/providers/provider.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'
import { aCall, openProvider, Subject } from './harness.js'

const missing = await cephLabMissing()

describe.skipIf(missing)(`acts ${missing ?? ''}`, () => {
  let lab: CephLab
  let provider: Provider
  let ceph: Ceph
  const options = { signal: new AbortController().signal }
  const place = { filesystem: 'files', group: 'team', volume: 'v' }
  let volume: Subject

  beforeAll(async () => {
    lab = await cephLab({ name: 'acts', port: 17500 })
    provider = await openProvider(lab)
    ceph = await openForActs({ settings: {}, folder: '/' }, lab.env, nodePorts, options.signal)
    await new Subject(provider, 'CephFilesystem', 'files', {}).create()
    await new Subject(provider, 'CephSubvolumeGroup', 'team', { filesystem: 'files' }).create()
    volume = new Subject(provider, 'CephVolume', 'v', {
      filesystem: 'files',
      group: 'team',
      size: '64MiB',
      uid: 7,
    })
    await volume.create()
  })
  afterAll(async () => {
    await ceph?.connection.close()
    await provider?.close()
    await lab?.clean()
  })

  const mounted = async <T>(work: (folder: string) => Promise<T>) =>
    lab.mounted('files', (await volumeDetails(ceph, place, options)).path ?? '', work)
  const write = (text: string) => mounted(folder => writeFile(join(folder, 'data'), text))
  const read = () => mounted(folder => readFile(join(folder, 'data'), 'utf8'))

  it('tells how the cluster is', async () => {
    const status = await clusterStatus(ceph, options)
    expect(status).toMatchObject({
      monitors: { known: 1, inQuorum: ['a'] },
      managers: { active: true, standbys: 0 },
      osds: { known: 1, up: 1, in: 1 },
      filesystems: [{ name: 'files', active: 1, wanted: 1 }],
      pools: 2,
    })
    expect(status.health).toMatch(/^HEALTH_/)
    expect(status.space.totalBytes).toBeGreaterThan(0)
  })

  it('lists and shows pools', async () => {
    const views = await poolViews(ceph, options)
    expect(views.map(view => view.name)).toEqual(['cephfs.files.data', 'cephfs.files.meta'])
    expect(await poolView(ceph, 'cephfs.files.meta', options)).toMatchObject({
      kept: false,
      spec: { size: 1 },
    })
    await expect(poolView(ceph, 'none', options)).rejects.toMatchObject({ code: 'ceph-no-pool' })
  })

  it('lists and shows volumes', async () => {
    const views = await volumeViews(ceph, {}, options)
    expect(views).toMatchObject([
      { filesystem: 'files', group: 'team', name: 'v', state: 'ready', size: 2 ** 26, uid: 7, mode: '755' },
    ])
    expect(views[0]?.owner?.address).toBe('CephVolume/v')
    await expect(volumeDetails(ceph, { ...place, volume: 'none' }, options)).rejects.toMatchObject({
      code: 'ceph-no-volume',
    })
  })

  it('takes snapshots of a series and keeps the last of them', async () => {
    const taken: string[] = []
    for (let n = 0; n < 3; n++) {
      const one = await snapshotVolume(ceph, place, 'nightly', { keepLast: 2 }, options)
      taken.push(one.created)
      expect(one.removed).toEqual(n < 2 ? [] : [taken[0]])
      await nodePorts.clock.sleep(1100)
    }
    const { snapshots } = await volumeDetails(ceph, place, options)
    expect(snapshots.map(snapshot => snapshot.name)).toEqual(taken.slice(1))
    for (const name of taken.slice(1))
      await lab.ceph('fs', 'subvolume', 'snapshot', 'rm', 'files', 'v', name, 'team')
  })

  it('rolls a volume back with its owner and its size, and undoes it', async () => {
    await write('before')
    await lab.ceph('fs', 'subvolume', 'snapshot', 'create', 'files', 'v', 'good', 'team')
    await write('after')
    const plan = await planRollback(ceph, place, 'good', 'r1', options)
    expect(plan).toMatchObject({ keptAs: 'infra-kept-r1', hazards: ['interrupts-service'] })
    expect(await read()).toBe('after')
    const { call, kept } = aCall()
    const { path } = await rollbackVolume(ceph, plan, call)
    expect(path).not.toBe(plan.path)
    expect(kept).toEqual([
      { kind: 'CephVolume', filesystem: 'files', group: 'team', volume: 'v', snapshot: 'infra-kept-r1' },
    ])
    expect(await read()).toBe('before')
    expect(await volume.differences()).toEqual([])
    expect((await volume.present()).owner?.address).toBe('CephVolume/v')

    const undo = await planRollback(ceph, place, plan.keptAs, 'r2', options)
    await rollbackVolume(ceph, undo, aCall().call)
    expect(await read()).toBe('after')
    await provider.discard?.(kept[0] ?? null, options.signal)
    const names = (await volumeDetails(ceph, place, options)).snapshots.map(snapshot => snapshot.name)
    expect(names).toEqual(['good', 'infra-kept-r2'])
    await expect(planRollback(ceph, place, 'none', 'r3', options)).rejects.toMatchObject({
      code: 'ceph-no-snapshot',
      hint: expect.stringContaining('good'),
    })
  })

  it('finishes a rollback that was cut off', async () => {
    const plan = await planRollback(ceph, place, 'good', 'r4', options)
    const abort = new AbortController()
    const call = { ...aCall(abort.signal).call, progress: () => abort.abort(new Error('cut off')) }
    await expect(rollbackVolume(ceph, plan, call)).rejects.toThrow('cut off')
    for (;;) {
      const state = (await volumeViews(ceph, {}, options))[0]?.state
      if (state !== 'cloning') break
      await nodePorts.clock.sleep(200)
    }
    const again = await planRollback(ceph, place, 'good', 'r5', options)
    await rollbackVolume(ceph, again, aCall().call)
    expect(await read()).toBe('before')
  })

  it('clones and resizes', async () => {
    const copy = { ...place, volume: 'copy' }
    const cloned = await cloneSnapshot(ceph, { ...place, snapshot: 'good' }, copy, aCall().call)
    expect(cloned).toMatchObject({ state: 'ready', size: 2 ** 26, uid: 7 })
    await expect(
      cloneSnapshot(ceph, { ...place, snapshot: 'good' }, copy, aCall().call),
    ).rejects.toMatchObject({
      code: 'ceph-exists',
    })
    expect(await changeSize(ceph, copy, 2 ** 27, aCall().call)).toMatchObject({ size: 2 ** 27 })
    expect(await changeSize(ceph, copy, 'infinite', aCall().call)).toMatchObject({ size: 'infinite' })
    await expect(changeSize(ceph, copy, 1, aCall().call)).rejects.toMatchObject({
      code: 'ceph-size-below-used',
    })
  })

  it('deletes a volume that was rolled back, though its path is another one', async () => {
    const rolled = new Subject(provider, 'CephVolume', 'rolled', { filesystem: 'files', group: 'team' })
    await rolled.create()
    const at = { ...place, volume: 'rolled' }
    await lab.ceph('fs', 'subvolume', 'snapshot', 'create', 'files', 'rolled', 'good', 'team')
    const id = await rollbackId(ceph, at, nodePorts.random, options)
    await rollbackVolume(ceph, await planRollback(ceph, at, 'good', id, options), aCall().call)
    for (const name of ['good', `infra-kept-${id}`])
      await lab.ceph('fs', 'subvolume', 'snapshot', 'rm', 'files', 'rolled', name, 'team')
    await rolled.discard(await rolled.remove())
    expect((await rolled.observe()).status).toBe('absent')
  })
})

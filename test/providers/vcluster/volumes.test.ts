/** Volumes that grow, and volumes that come back, on a host in memory. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Host } from '../../../src/providers/vcluster/client/host.js'
import { growStorage } from '../../../src/providers/vcluster/grow.js'
import type { Session } from '../../../src/providers/vcluster/session.js'
import { bringBack, type Kept } from '../../../src/providers/vcluster/volumes.js'
import { type SimulatedHost, simulatedHost } from './simulated-host.js'

const place = { namespace: 'team', name: 'team' }
const workload = '/apis/apps/v1/namespaces/team/statefulsets/team'
const claim = '/api/v1/namespaces/team/persistentvolumeclaims/data-team-0'
const volume = '/api/v1/persistentvolumes/pv-team'
const soon = () => AbortSignal.timeout(30_000)

let world: SimulatedHost
let session: Session
/** How objects were removed. */
let removed: (readonly [string, object | undefined])[]

beforeEach(() => {
  world = simulatedHost()
  removed = []
  const remove = async (path: string, _signal: AbortSignal, how?: object) => {
    removed.push([path, how])
    world.remove(path)
  }
  session = { host: { ...world.host, remove } as unknown as Host } as Session
})

describe('a volume that is to grow', () => {
  const labels = { app: 'vcluster', release: 'team' }
  const made = (allowVolumeExpansion: boolean, size = '1Gi') => {
    const spec = { storageClassName: 'fast', resources: { requests: { storage: size } } }
    world.put(workload, { metadata: { labels }, spec: { replicas: 1, template: {} } })
    world.put(claim, { metadata: { labels }, spec })
    world.put('/apis/storage.k8s.io/v1/storageclasses/fast', { allowVolumeExpansion })
  }
  const orphaned = [workload, expect.objectContaining({ propagationPolicy: 'Orphan' })]

  test('grows with its claim, and the StatefulSet makes way without its pods', async () => {
    made(true)
    await growStorage(session, place, '2Gi', soon())
    expect(world.at(claim)?.spec).toMatchObject({ resources: { requests: { storage: '2Gi' } } })
    expect(removed).toEqual([orphaned])
  })

  test('had grown already when that was cut off: the StatefulSet makes way', async () => {
    made(false, '2Gi')
    await growStorage(session, place, '2Gi', soon())
    expect(removed).toEqual([orphaned])
  })

  test('of a class that does not allow it stays as it is, and all around it', async () => {
    made(false)
    await expect(growStorage(session, place, '2Gi', soon())).rejects.toMatchObject({
      code: 'volume-cannot-grow',
      why: 'the storage class fast does not allow volume expansion',
      hint: expect.stringContaining('allowVolumeExpansion'),
    })
    expect(world.at(claim)?.spec).toMatchObject({ resources: { requests: { storage: '1Gi' } } })
    expect(removed).toEqual([])
  })
})

describe('a volume that was kept', () => {
  const kept: Kept = {
    ...{ type: 'virtual-cluster', trash: 't', ...place },
    volumes: [
      {
        ...{ volume: 'pv-team', policy: 'Delete' },
        claim: { name: 'data-team-0', labels: {}, annotations: {}, spec: { volumeName: 'pv-team' } },
      },
    ],
  }

  test('goes to a claim of the old name, which is made once', async () => {
    world.put(volume, { spec: { persistentVolumeReclaimPolicy: 'Retain', claimRef: { uid: 'old' } } })
    await bringBack(session, kept, soon())
    expect(world.at(claim)?.spec).toEqual({ volumeName: 'pv-team' })
    expect(world.at(volume)?.spec).toMatchObject({ claimRef: { namespace: 'team', name: 'data-team-0' } })
    expect(world.at(volume)?.spec).not.toHaveProperty('claimRef.uid')
    const before = world.all().map(path => world.at(path))
    await bringBack(session, kept, soon())
    expect(world.all().map(path => world.at(path))).toEqual(before)
  })

  test('and is gone, is said: the data cannot come back', async () => {
    await expect(bringBack(session, kept, soon())).rejects.toMatchObject({ code: 'volume-gone' })
    expect(world.all()).toEqual([])
  })

  test('is not put in the place of another that the claim has by now', async () => {
    world.put(volume, { spec: { persistentVolumeReclaimPolicy: 'Retain' } })
    world.put(claim, { spec: { volumeName: 'pv-new' } })
    await expect(bringBack(session, kept, soon())).rejects.toMatchObject({ code: 'claim-taken' })
    expect(world.at(claim)?.spec).toEqual({ volumeName: 'pv-new' })
  })
})

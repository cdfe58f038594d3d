/** How many replicas a paused cluster comes back with, by the mark that pausing leaves on it. */
import { describe, expect, test } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import { specOf } from '../../../src/providers/vcluster/declared.js'
import { setPaused } from '../../../src/providers/vcluster/pause.js'
import type { Session } from '../../../src/providers/vcluster/session.js'
import type { Found } from '../../../src/providers/vcluster/snapshot.js'
import { simulatedHost } from './simulated-host.js'

const path = '/apis/apps/v1/namespaces/team/statefulsets/team'
const place = { namespace: 'team', name: 'team' }

/** A cluster that was paused, with this mark. */
function pausedWith(mark: string | undefined) {
  const annotations = {
    'loft.sh/paused': 'true',
    ...(mark !== undefined && { 'loft.sh/paused-replicas': mark }),
  }
  const world = simulatedHost()
  const labels = { app: 'vcluster', release: 'team' }
  world.put(path, { metadata: { labels, annotations }, spec: { replicas: 0, template: {} } })
  return world
}

const rows = [
  { reason: 'as many as it had', mark: '3', replicas: 3 },
  { reason: 'one where that is not told', mark: undefined, replicas: 1 },
  { reason: 'one where a hand broke the mark', mark: 'many', replicas: 1 },
  { reason: 'one where it says that there were none', mark: '0', replicas: 1 },
  { reason: 'one where it says what cannot be', mark: '-2', replicas: 1 },
]

describe('a paused cluster', () => {
  test.each(rows)('is shown with $reason: $mark', ({ mark, replicas }) => {
    const workload = pausedWith(mark).at(path)
    const found = { ...place, workload, revisions: [], pods: [], claims: [], objects: {} } as unknown as Found
    const target = {
      address: 'VirtualCluster/team',
      kind: 'VirtualCluster',
      name: 'team',
      spec: {} as Attributes,
    }
    expect(specOf(target, found, undefined, undefined, [])).toMatchObject({ paused: true, replicas })
  })

  test.each(rows)('comes back with $reason: $mark', async ({ mark, replicas }) => {
    const world = pausedWith(mark)
    const session = { host: world.host } as unknown as Session
    await setPaused(session, place, false, AbortSignal.timeout(30_000))
    expect(world.at(path)).toMatchObject({ spec: { replicas }, metadata: { annotations: {} } })
  })
})

/** Many virtual clusters of one host are read in as many calls as one. */
import { beforeEach, expect, test } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import { listClusters } from '../../../src/providers/vcluster/acts/list.js'
import type { Host } from '../../../src/providers/vcluster/client/host.js'
import { vclusterKinds } from '../../../src/providers/vcluster/kinds/index.js'
import { digestOf } from '../../../src/providers/vcluster/marks.js'
import { observe } from '../../../src/providers/vcluster/observe.js'
import { openSession, type Session } from '../../../src/providers/vcluster/session.js'
import { simulatedHost } from './simulated-host.js'

const [kind] = vclusterKinds
const soon = () => AbortSignal.timeout(30_000)

let calls: string[]
beforeEach(() => {
  calls = []
})

/** So many clusters that are as an apply left them, and a session that counts what it asks. */
function clusters(count: number) {
  const world = simulatedHost()
  const targets = Array.from({ length: count }, (_, n) => {
    const name = `c-${n}`
    const spec = kind?.canonical({}, { name, labels: {}, annotations: {} }) ?? {}
    const applied = { digest: digestOf(spec), hash: '', revision: 0, objects: {}, proven: true }
    const metadata = {
      ...{ uid: name, generation: 1, labels: { app: 'vcluster', release: name, 'infra/lineage': 'l' } },
      annotations: { 'infra/address': `VirtualCluster/${name}`, 'infra/applied': JSON.stringify(applied) },
    }
    const status = { readyReplicas: 1 }
    world.put(`/apis/apps/v1/namespaces/vcluster-${name}/statefulsets/${name}`, {
      ...{ metadata, status, spec: { replicas: 1, template: {} } },
    })
    return { address: `VirtualCluster/${name}`, kind: 'VirtualCluster', name, spec }
  })
  const counted = Object.fromEntries(
    (['get', 'list'] as const).map(verb => [
      verb,
      (path: string, ...rest: never[]) => {
        calls.push(`${verb} ${path}`)
        return (world.host[verb] as (...args: unknown[]) => unknown)(path, ...rest)
      },
    ]),
  )
  const session: Session = openSession({
    ...{ ports: nodePorts, folder: '/nowhere', kubeconfigFolder: '/nowhere' },
    ...{ helm: 'helm', vcluster: 'vcluster', removal: 1_000 },
    host: { ...world.host, ...counted } as Host,
  })
  return { targets, session }
}

test.each([1, 200])('%i observed: one list a kind', async count => {
  const { targets, session } = clusters(count)
  const seen = await observe(session, targets, soon())
  const phases = [...seen.values()].map(one => one.status === 'present' && one.facts.phase)
  expect(phases).toEqual(Array(count).fill('Running'))
  expect(calls).toHaveLength(11)
  expect(new Set(calls.map(call => call.split(' ')[0]))).toEqual(new Set(['list']))
})

test.each([1, 200])('%i listed: one list a kind', async count => {
  const { session } = clusters(count)
  const [host] = await listClusters(new Map([['lab', session]]), soon())
  expect(host?.clusters).toHaveLength(count)
  expect(calls).toHaveLength(11)
})

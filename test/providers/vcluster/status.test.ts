/** Use of CPU and memory, where the host has a metrics API. */
import { expect, test } from 'vitest'
import { clusterStatus } from '../../../src/providers/vcluster/acts/status.js'
import type { Session } from '../../../src/providers/vcluster/session.js'

const labels = { app: 'vcluster', release: 'team' }
const workload = {
  metadata: { name: 'team', namespace: 'team', generation: 1, labels },
  spec: { replicas: 1, template: {} },
}

function sessionOf(
  metrics: (signal: AbortSignal) => Promise<readonly object[]> | readonly object[],
): Session {
  return {
    host: {
      name: 'test',
      now: () => 0,
      list: async (path: string, _query: object, signal: AbortSignal) =>
        path.startsWith('/apis/metrics.k8s.io/')
          ? metrics(signal)
          : path.endsWith('/statefulsets')
            ? [workload]
            : [],
      get: async () => undefined,
    },
    ports: { clock: { now: () => 0 } },
  } as unknown as Session
}

const pod = (cpu: string, memory: string) => ({
  metadata: { name: 'p' },
  containers: [{ usage: { cpu, memory } }],
})

test.each([
  {
    reason: 'all pods of the namespace are added up, whatever their units',
    metrics: () => [pod('250m', '64Mi'), pod('1', '1024Ki'), pod('500000000n', '2Gi')],
    usage: { cpuMillicores: 1750, memoryBytes: 2 ** 20 * 65 + 2 ** 31 },
  },
  {
    reason: 'as adapters of other systems spell it',
    metrics: () => [pod('0.25', '128M'), pod('1500u', '1.5Gi')],
    usage: { cpuMillicores: 252, memoryBytes: 128e6 + 1.5 * 2 ** 30 },
  },
  { reason: 'a host without the API tells none', metrics: () => [], usage: undefined },
  {
    reason: 'one that may not be read tells none, and hides nothing else',
    metrics: () => {
      throw new Error('forbidden')
    },
    usage: undefined,
  },
])('$reason', async ({ metrics, usage }) => {
  const status = await clusterStatus(sessionOf(metrics), 'team', undefined, AbortSignal.timeout(5_000))
  expect(status.name).toBe('team')
  expect(status.usage).toEqual(usage)
})

test('one that does not answer is not waited for', async () => {
  const asked = new AbortController()
  const session = sessionOf(
    signal =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
  )
  const status = await clusterStatus(session, 'team', undefined, asked.signal)
  expect([status.name, status.usage]).toEqual(['team', undefined])
}, 30_000)

/** Drift on a real Kubernetes with vCluster: none after an apply; and what others do there is told as it happens. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DriftReport } from '../../src/report/drift/model.js'
import { type Desk, desk } from '../acceptance/desk.js'
import { resource } from '../acceptance/documents.js'
import { type KubernetesLab, kubernetesLab } from '../lab/kubernetes.js'
import { drift, startWatch } from './helpers.js'

const lab = await kubernetesLab()

describe.skipIf('skip' in lab)(`drift of virtual clusters${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  const host = lab as KubernetesLab
  let here: Desk

  beforeAll(async () => {
    const head = {
      apiVersion: 'infra/v1',
      kind: 'Stack',
      metadata: { name: 'pens' },
      spec: {
        providers: { vcluster: { kubeconfig: host.kubeconfig, helm: `${host.bin}/helm`, timeout: '60s' } },
      },
    }
    const pen = resource('VirtualCluster', 'pen', {
      chart: { path: host.chart },
      values: { ...host.values, logging: { encoding: 'json' } } as never,
      ttl: '2d',
      storage: { size: '1Gi' },
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '2Gi' } },
      sync: { toHost: { ingresses: true } },
      readinessTimeout: '5m',
    })
    here = await desk({ 'stack.yaml': `${JSON.stringify(head)}\n---\n${JSON.stringify(pen)}\n` })
    await here.ok('apply', '--yes')
  })
  afterAll(async () => {
    await here?.infra('destroy', '--yes', '--allow', 'deletes-data', 'irreversible')
    await here?.clear()
    if (!('skip' in lab)) await lab.clean()
  })

  test('a clean apply is zero drift', async () => {
    const { code, out } = await here.infra('drift', '--json')
    const report = JSON.parse(out) as DriftReport
    const differs = report.resources.flatMap(one =>
      one.attributes.filter(a => a.status === 'modified' || a.status === 'deleted'),
    )
    expect(differs).toEqual([])
    expect(report.unmanaged).toEqual([])
    expect(code, out).toBe(0)
  })

  test('what others do is told as it happens, through a lost API server, until Ctrl-C', async () => {
    const watch = startWatch(here, '--interval', '1h')
    await watch.next(event => event.type === 'watching' && event.how === 'events', 120)
    await watch.next(event => event.type === 'scan', 120)

    const scale = (replicas: number) =>
      host.kubectl('scale', 'statefulset/pen', '-n', 'vcluster-pen', `--replicas=${replicas}`)
    await scale(0)
    await watch.next(drift('VirtualCluster/pen', 'appeared', 'paused'), 120)
    await scale(1)
    await watch.next(drift('VirtualCluster/pen', 'gone', 'paused'), 120)

    await host.apiServer('kill')
    await watch.next(event => event.type === 'blind', 180)
    await host.apiServer('start')
    await watch.next(event => event.type === 'watching' && event.again === true, 240)

    watch.running.signal('SIGINT')
    const { code, text } = await watch.running.ended
    expect(code, text).toBe(0)
  }, 900_000)
})

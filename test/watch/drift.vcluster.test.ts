/** Drift on a real Kubernetes with vCluster: none after an apply. test/providers/vcluster has what is heard as it happens. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DriftReport } from '../../src/report/drift/model.js'
import { type Desk, desk } from '../acceptance/desk.js'
import { resource } from '../acceptance/documents.js'
import { type KubernetesLab, kubernetesLab } from '../lab/kubernetes.js'

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
    await here.setUp()
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
})

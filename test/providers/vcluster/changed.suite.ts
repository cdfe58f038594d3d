/** What others do to a virtual cluster, with kubectl, helm and the vcluster tool: seen, and mended. No pod runs for it. */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { type Pretence, pretendKubelet } from './pretend.js'
import { openWorld, type World } from './world.js'

/** Registers the suite, whose tests follow one another. The host is an API server alone. */
export function changedByOthers(host: KubernetesLab): void {
  describe.sequential('a virtual cluster that others change', () => {
    let world: World
    let pretence: Pretence
    beforeAll(async () => {
      world = await openWorld(host)
      pretence = pretendKubelet(host, ['vcluster-penned'])
      await world.make('penned', spec())
    })
    afterAll(async () => {
      await world?.remove('penned', spec())
      await pretence?.end()
      await world?.close()
    })

    const { values } = host
    const spec = (more: Attributes = {}): Attributes => ({
      ttl: '2h',
      kubeconfig: { server: host.server },
      ...more,
    })
    const logging = spec({ values: { ...values, logging: { encoding: 'json' } } as Attributes })

    /** What the vcluster tool says of it. */
    const listed = async () => {
      const all = JSON.parse(await host.vclusterctl('list', '--driver', 'helm', '--output', 'json'))
      return (all ?? []).filter((one: { Name: string }) => one.Name === 'penned')
    }

    test('drift: objects changed and deleted with kubectl', async () => {
      await host.kubectl('-n', 'vcluster-penned', 'delete', 'service', 'penned-headless')
      await host.kubectl(
        '-n',
        'vcluster-penned',
        'patch',
        'service',
        'penned',
        '-p',
        '{"spec":{"type":"NodePort"}}',
      )
      const [seen] = await world.drift('penned', spec())
      expect(seen).toContain('Service/penned-headless is missing')
      expect(seen).toContain('Service/penned: spec.type')
      await world.change('penned', spec({ values: { a: 1 } }), spec())
      expect(await world.drift('penned', spec())).toEqual([])
    })

    test('is paused by its spec, and resumed and paused by the vcluster tool', async () => {
      await world.change('penned', spec(), spec({ paused: true }))
      expect(await listed()).toMatchObject([{ Status: 'Paused' }])
      expect(await world.drift('penned', spec({ paused: true }))).toEqual([])
      await host.vclusterctl('resume', 'penned', '-n', 'vcluster-penned', '--driver', 'helm')
      expect(await world.drift('penned', spec({ paused: true }))).toContain('paused: false')

      await host.vclusterctl('pause', 'penned', '-n', 'vcluster-penned', '--driver', 'helm')
      const seen = await world.present('penned', spec())
      expect(seen.remark).toBe('paused')
      expect(await world.drift('penned', spec())).toEqual(['paused: true'])
    })

    test('an update of one that is paused starts it where it is to run', async () => {
      await world.change('penned', spec({ paused: true }), logging)
      expect(await listed()).toMatchObject([{ Status: 'Running' }])
      expect(await world.drift('penned', logging)).toEqual([])
    })

    test('drift: values set with helm, declared or not, and another version of the chart; the way back is a helm rollback', async () => {
      const other = join(world.folder, 'chart')
      await cp(host.chart, other, { recursive: true })
      const about = join(other, 'Chart.yaml')
      await writeFile(about, (await readFile(about, 'utf8')).replace(/^version: .*$/m, 'version: 0.36.2'))
      await host.helm(
        'upgrade',
        'penned',
        other,
        '-n',
        'vcluster-penned',
        '--reuse-values',
        '--set',
        'telemetry.enabled=true',
        '--set',
        'controlPlane.statefulSet.image.tag=0.36.1',
      )
      const declared = spec({ chart: { path: host.chart, version: '0.36.1' } })
      expect((await world.drift('penned', declared)).sort()).toEqual([
        'chart.version: "0.36.2"',
        'handChanges: "value controlPlane.statefulSet.image.tag=\\"0.36.1\\"; value logging.encoding=\\"json\\""',
        'values.telemetry.enabled: true',
      ])
      world.said.length = 0
      await world.change('penned', logging, spec())
      expect(world.said.join('\n')).toContain('helm rollback to revision')
      expect(await world.drift('penned', spec())).toEqual([])
    })
  })
}

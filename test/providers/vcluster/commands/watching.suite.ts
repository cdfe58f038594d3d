/** Drift, once and as it happens, while others change the cluster and its API server is lost. */
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { DriftReport } from '../../../../src/report/drift/model.js'
import type { WatchEvent } from '../../../../src/watch/event.js'
import { desk as watchDesk } from '../../../acceptance/desk.js'
import { drift, startWatch } from '../../../watch/helpers.js'
import { pretendKubelet } from '../pretend.js'
import type { CommandDesk } from './desk.js'

/** Registers the suite. The host, an API server alone, is its own: it is killed. */
export function watching(desk: CommandDesk): void {
  const { host } = desk

  test('a clean apply is zero drift, and what others do is told as it happens, through a lost API server', async () => {
    // The virtual API server that is told of is the host's own
    await desk.writeStack({ kubeconfig: { server: host.server } })
    const pretence = pretendKubelet(host, ['vcluster-team'])
    await desk.ok('apply', desk.stack, '--yes').finally(pretence.end)
    const { code, out } = await desk.infra('drift', desk.stack, '--json')
    const report = JSON.parse(out) as DriftReport
    const differs = report.resources.flatMap(one =>
      one.attributes.filter(a => a.status === 'modified' || a.status === 'deleted'),
    )
    expect(differs).toEqual([])
    expect(report.unmanaged).toEqual([])
    expect(code, out).toBe(0)

    const here = await watchDesk({ 'vars.yaml': stringify({ password: desk.password }) })
    try {
      // So long that nothing but an event can have been the reason
      const watch = startWatch(here, desk.stack, '--var-file', 'vars.yaml', '--interval', '1h')
      // Either may be first
      const begun = [
        (event: WatchEvent) =>
          event.type === 'watching' && event.connection === 'vcluster' && event.how === 'events',
        (event: WatchEvent) => event.type === 'scan',
      ]
      await watch.next(() => begun.every(one => watch.events().some(one)), 240)

      const service = ['-n', 'vcluster-team', 'patch', 'service', 'team', '-p']
      await host.kubectl(...service, '{"spec":{"type":"NodePort"}}')
      await watch.next(drift('VirtualCluster/team', 'appeared', 'handChanges'), 120)
      await host.kubectl(...service, '{"spec":{"type":"ClusterIP"}}')
      await watch.next(drift('VirtualCluster/team', 'gone', 'handChanges'), 120)

      const release = ['team', '-n', 'vcluster-team']
      await host.helm('upgrade', ...release, host.chart, '--reuse-values', '--set', 'telemetry.enabled=true')
      await watch.next(drift('VirtualCluster/team', 'appeared', 'values.telemetry.enabled'), 120)

      await host.apiServer('kill')
      await watch.next(event => event.type === 'blind' && event.connection === 'vcluster', 120)
      await host.apiServer('start')
      await watch.next(event => event.type === 'watching' && event.again === true, 240)
      await host.helm('rollback', 'team', '1', '-n', 'vcluster-team')
      await watch.next(drift('VirtualCluster/team', 'gone', 'values.telemetry.enabled'), 120)

      watch.running.signal('SIGTERM')
      const ended = await watch.running.ended
      desk.said.push(ended.text)
      expect(ended.code, ended.text).toBe(0)
      expect(watch.events().filter(event => event.type === 'scan')).toHaveLength(1)
    } finally {
      await here.clear()
    }
  }, 900_000)
}

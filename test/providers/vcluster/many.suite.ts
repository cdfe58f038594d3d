/** Ten real virtual clusters at once. */
import { expect, test } from 'vitest'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { openWorld } from './world.js'

/** Registers the suite; it minds no other cluster on the host. */
export function many(host: KubernetesLab): void {
  test('ten at once', async () => {
    const world = await openWorld(host)
    try {
      const soon = () => AbortSignal.timeout(120_000)
      const spec = { readinessTimeout: '4m', resources: { requests: { cpu: '20m', memory: '64Mi' } } }
      const names = Array.from({ length: 10 }, (_, index) => `many-${index}`)
      await Promise.all(names.map(name => world.make(name, spec)))
      const targets = names.map(name => world.target(name, spec))
      const seen = await world.provider.observe(targets, soon())
      expect([...seen.values()].map(one => one.status === 'present' && one.facts.phase)).toEqual(
        names.map(() => 'Running'),
      )
      await Promise.all(names.map(name => world.remove(name, spec)))
      expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('many-')
      const volumes = () => host.kubectl('get', 'pv')
      expect(await volumes()).toContain('vcluster-many-9/')
      await Promise.all(world.kept.map(token => world.provider.discard?.(token, soon())))
      expect(await volumes()).not.toContain('vcluster-many-')
    } finally {
      await world.close()
    }
  }, 900_000)
}

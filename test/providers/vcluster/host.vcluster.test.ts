/**
 * Virtual clusters on one real host. The provider's suites side by side; then ten clusters at once; then the commands as
 * processes, on a host that has nothing else. The host comes up once for all of them: that takes longer than most tests.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Kind } from '../../../src/providers/kind.js'
import { vclusterKinds } from '../../../src/providers/vcluster/kinds/index.js'
import { conformance } from '../../conformance/suite.js'
import { type KubernetesLab, kubernetesLab } from '../../lab/kubernetes.js'
import { acts } from './acts.suite.js'
import { backup } from './commands/backup.suite.js'
import { changing } from './commands/changing.suite.js'
import { commandDesk } from './commands/desk.js'
import { ending } from './commands/ending.suite.js'
import { first } from './commands/first.suite.js'
import { looking } from './commands/looking.suite.js'
import { others } from './commands/others.suite.js'
import { watching } from './commands/watching.suite.js'
import { life } from './life.suite.js'
import { notReady } from './not-ready.suite.js'
import { openWorld, type World } from './world.js'

const lab = await kubernetesLab()

describe.skipIf('skip' in lab)(`a real host${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  const host = lab as KubernetesLab
  afterAll(() => host.clean())

  describe.concurrent('life', () => life(host))
  describe.concurrent('acts', () => acts(host))
  describe.concurrent('contract', () => {
    describe.sequential('of a provider', () => contract(host))
  })
  describe.concurrent('not ready', () => notReady(host))

  describe('many', () => {
    let world: World
    beforeAll(async () => {
      world = await openWorld(host)
    })
    afterAll(() => world?.close())

    test('ten at once', async () => {
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
    }, 900_000)
  })

  // Each is a dozen processes or more, which a busy machine has one after the other
  describe('commands', { timeout: 600_000 }, () => {
    const desk = commandDesk(host)
    beforeAll(() => desk.open())
    afterAll(() => desk.close())

    first(desk)
    looking(desk)
    watching(desk)
    describe.concurrent('its changes', () => {
      describe.sequential('in order', () => {
        changing(desk)
        backup(desk)
      })
    })
    describe.concurrent('what others made', () => others(desk))
    ending(desk)
  })
})

function contract(host: KubernetesLab): void {
  conformance('vCluster', async () => {
    const world = await openWorld(host)
    const spec = {
      chart: { path: host.chart },
      values: host.values as Attributes,
      ttl: '2h',
      readinessTimeout: '3m',
    }
    return {
      provider: world.provider,
      samples: [
        {
          kind: vclusterKinds[0] as Kind,
          name: 'held',
          spec,
          changed: { ...spec, ttl: '3h', values: { ...spec.values, logging: { encoding: 'json' } } },
          seconds: 180,
        },
      ],
      exists: async sample =>
        (await host.vclusterctl('list', '--driver', 'helm', '--output', 'json')).includes(`"${sample.name}"`),
      dispose: () => world.close(),
    }
  })
}

/**
 * Virtual clusters on one real host. The provider's suites side by side; then ten clusters at once; then the commands as
 * processes. The host comes up once for all of them: that takes longer than most tests.
 */
import { afterAll, beforeAll, describe } from 'vitest'
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
import { nothingSlipped } from './commands/secrets.js'
import { life } from './life.suite.js'
import { many } from './many.suite.js'
import { notReady } from './not-ready.suite.js'
import { openWorld } from './world.js'

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

  describe('many', () => many(host))

  // Each is a dozen processes or more, which a busy machine has one after the other
  describe.concurrent('commands', { timeout: 600_000 }, () => {
    describe.sequential('in order', () => {
      const desk = commandDesk(host, 'team')
      beforeAll(() => desk.open())
      afterAll(() => desk.close())
      first(desk)
      looking(desk)
      others(desk)
      ending(desk)
    })
  })
  describe.concurrent('commands that change', { timeout: 600_000 }, () => {
    describe.sequential('in order', () => {
      const desk = commandDesk(host, 'squad')
      beforeAll(() => desk.open())
      afterAll(() => desk.close())
      changing(desk)
      backup(desk)
      nothingSlipped(desk)
    })
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
          // A change of values starts the cluster again: that is in its life
          changed: { ...spec, ttl: '3h' },
          seconds: 180,
        },
      ],
      exists: async sample =>
        (await host.vclusterctl('list', '--driver', 'helm', '--output', 'json')).includes(`"${sample.name}"`),
      dispose: () => world.close(),
    }
  })
}

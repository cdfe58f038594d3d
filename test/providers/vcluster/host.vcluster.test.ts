/**
 * Virtual clusters on one real host: what only real pods prove. Lives and ends side by side; then three clusters at once, and
 * the acts around one of them; then the commands as processes, around one cluster of a stack. Each start of a virtual cluster is seven
 * seconds of a processor: what pods have no part in is in api.vcluster.test.ts.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import { type KubernetesLab, kubernetesLab } from '../../lab/kubernetes.js'
import { acts } from './acts.suite.js'
import { backup } from './commands/backup.suite.js'
import { changing } from './commands/changing.suite.js'
import { commandDesk } from './commands/desk.js'
import { ending } from './commands/ending.suite.js'
import { first } from './commands/first.suite.js'
import { looking } from './commands/looking.suite.js'
import { life } from './life.suite.js'
import { notReady } from './not-ready.suite.js'

const lab = await kubernetesLab({ metrics: true })

describe.skipIf('skip' in lab)(`a real host${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  const host = lab as KubernetesLab
  afterAll(() => host.clean())

  describe.concurrent('life', () => life(host))
  describe.concurrent('not ready', () => notReady(host))

  // Three at once, one of which the acts are around
  describe('many', () => acts(host))

  // Each is a dozen processes or more, which a busy machine has one after the other
  describe.sequential('commands', { timeout: 600_000 }, () => {
    const desk = commandDesk(host, 'team')
    beforeAll(() => desk.open())
    afterAll(() => desk.close())
    first(desk)
    looking(desk)
    changing(desk)
    backup(desk)
    ending(desk)
  })
})

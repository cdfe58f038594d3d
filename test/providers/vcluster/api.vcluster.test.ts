/** Virtual clusters on hosts of API servers alone: no pod runs there, and they come and go in seconds. */
import { afterAll, beforeAll, describe } from 'vitest'
import { type KubernetesLab, kubernetesLab } from '../../lab/kubernetes.js'
import { changedByOthers } from './changed.suite.js'
import { charts } from './charts.suite.js'
import { commandDesk } from './commands/desk.js'
import { others } from './commands/others.suite.js'
import { watching } from './commands/watching.suite.js'
import { contract } from './contract.suite.js'
import { faults } from './faults.suite.js'
import { ready } from './ready.suite.js'
import { watch } from './watch.suite.js'

// Each loses its API server now and then, so that each has its own
const labs = await Promise.all([
  kubernetesLab({ apiOnly: { port: 6620 } }),
  kubernetesLab({ apiOnly: { port: 6720 } }),
])
const missing = labs.find(lab => 'skip' in lab)

describe.skipIf(missing)(
  `API servers alone${missing && 'skip' in missing ? `: ${missing.skip}` : ''}`,
  () => {
    const [first, second] = labs as readonly KubernetesLab[] as [KubernetesLab, KubernetesLab]
    afterAll(async () => {
      await Promise.all(labs.map(lab => 'skip' in lab || lab.clean()))
    })

    describe.concurrent('one host', () => faults(first))
    describe.concurrent('another', () => {
      ready(second)
      charts(second)
      describe.sequential('commands', { timeout: 600_000 }, () => {
        const desk = commandDesk(second, 'team')
        beforeAll(() => desk.open())
        afterAll(() => desk.close())
        watching(desk)
        others(desk)
      })
      contract(second)
      changedByOthers(second)
      watch(second)
    })
  },
)

import { describe } from 'vitest'
import { cephLab, cephLabMissing } from '../lab/ceph.js'
import { openProvider } from '../providers/ceph/harness.js'
import { cephSamples } from './samples.js'
import { conformance } from './suite.js'

const missing = await cephLabMissing()

describe.skipIf(missing)(`Ceph ${missing ?? ''}`, () => {
  conformance('Ceph', async () => {
    const lab = await cephLab({ name: 'conformance', port: 19600 })
    return { provider: await openProvider(lab), samples: cephSamples(), dispose: () => lab.clean() }
  })
})

/**
 * The same contract through the `ceph` and `rbd` clients behind words like those of ssh: what comes after the host is joined
 * to one line, which a shell at the other end takes apart again.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { cephLab, cephLabMissing } from '../lab/ceph.js'
import { openProvider } from '../providers/ceph/harness.js'
import { cephSamples } from './samples.js'
import { conformance } from './suite.js'

const missing = await cephLabMissing()

const ssh = `#!/bin/sh
[ "$1" = storage-host ] || exit 255
shift
exec sh -c "$*"
`

describe.skipIf(missing)(`Ceph by ssh ${missing ?? ''}`, () => {
  conformance('Ceph through its clients', async () => {
    const lab = await cephLab({ name: 'conformance-client', port: 15_000 })
    const folder = await mkdtemp(join(tmpdir(), 'infra-ssh-'))
    const program = join(folder, 'ssh')
    await writeFile(program, ssh)
    await chmod(program, 0o755)
    const provider = await openProvider(lab, { command: ['env', 'LANG=C', program, 'storage-host'] })
    return {
      provider,
      // Each command is a process of its own
      samples: cephSamples().map(sample => ({ ...sample, seconds: 120 })),
      async dispose() {
        await rm(folder, { recursive: true })
        await lab.clean()
      },
    }
  })
})

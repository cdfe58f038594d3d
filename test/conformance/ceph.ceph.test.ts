/**
 * The contract on a real cluster: through the libraries, and through the `ceph` and `rbd` clients behind words like those of ssh,
 * where what comes after the host is joined to one line, which a shell at the other end takes apart again.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandWords } from '../../src/providers/ceph/client/command.js'
import type { CephCommand } from '../../src/providers/ceph/client/connection.js'
import { type CephLab, cephLab, cephLabMissing } from '../lab/ceph.js'
import { openProvider } from '../providers/ceph/harness.js'
import { cephSamples } from './samples.js'
import { conformance } from './suite.js'

const missing = await cephLabMissing()

/** What goes to the process that stays at the other end is written down on its way. */
const ssh = (asked: string) => `#!/bin/sh
[ "$1" = storage-host ] || exit 255
shift
case $1 in
  /usr/bin/python3) tee -a '${asked}' | sh -c "$*";;
  *) exec sh -c "$*";;
esac
`

describe.skipIf(missing)(`Ceph ${missing ?? ''}`, () => {
  let lab: CephLab
  let folder: string
  // One cluster for both: the first leaves nothing there, which the second finds
  beforeAll(async () => {
    lab = await cephLab({ name: 'conformance', port: 19_600 })
    folder = await mkdtemp(join(tmpdir(), 'infra-ssh-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await lab?.clean()
  })

  conformance('Ceph', async () => ({
    provider: await openProvider(lab),
    samples: cephSamples(),
    dispose: async () => undefined,
  }))

  conformance('Ceph by ssh, through its clients,', async () => {
    const program = join(folder, 'ssh')
    await writeFile(program, ssh(join(folder, 'asked')))
    await chmod(program, 0o755)
    return {
      provider: await openProvider(lab, { command: ['env', 'LANG=C', program, 'storage-host'] }),
      samples: cephSamples(),
      dispose: async () => undefined,
    }
  })

  test('what was asked means the same as words of the ceph client, where nothing stays there', async () => {
    const asked = (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n')
    const commands = new Map(
      asked.map(line => {
        const command: CephCommand = JSON.parse(JSON.parse(line).command)
        return [Object.keys(command).join(' ') + command.prefix, command] as const
      }),
    )
    // It is asked for by no word
    for (const [kind, { prefix }] of commands)
      if (prefix === 'get_command_descriptions') commands.delete(kind)
    expect(commands.size).toBeGreaterThan(30)
    for (const command of commands.values()) {
      const { format: _, ...wanted } = command
      expect(plain(await lab.means(commandWords(command))), command.prefix).toEqual(plain(wanted))
    }
  })
})

/** Numbers are numbers or their digits, a flag that is not set is left out, and its name has either line. */
function plain(command: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(command)
      .filter(([name, value]) => name !== 'target' && value !== null && value !== false)
      .map(([name, value]) => [name.replaceAll('-', '_'), String(value)]),
  )
}

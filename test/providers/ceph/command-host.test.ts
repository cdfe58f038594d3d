/** The process that stays where the ceph client is, with a program in its place that answers as it does. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCommand } from '../../../src/providers/ceph/client/command.js'
import { resolveAccess } from '../../../src/providers/ceph/client/settings.js'
import type { Wire } from '../../../src/providers/ceph/client/wire.js'

type Stays = 'yes' | 'no module' | 'no python' | 'later' | 'never'
const begin = `exec ${process.execPath} "$here/host.mjs"`
const lost = 'echo "Connection closed by 10.0.0.9 port 22" >&2; exit 255'
/** What becomes of a start of the process. */
const begins: Readonly<Record<Stays, string>> = {
  yes: begin,
  'no module': `echo "ModuleNotFoundError: No module named 'rados'" >&2; exit 1`,
  'no python': 'echo "sh: 1: /usr/bin/python3: not found" >&2; exit 127',
  later: `[ -e "$here/open" ] || { ${lost}; }; ${begin}`,
  never: lost,
}

/** Words before the client: what is begun there is written down. */
const through = (stays: Stays) => `#!/bin/sh
here=$(dirname "$0")
echo "$1" >>"$here/starts"
case $1 in
  /usr/bin/python3) ${begins[stays]};;
  ceph) cat >"$here/data"; echo '"of a client"';;
esac
`
const host = `
import { createInterface } from 'node:readline'
const say = answer => console.log(JSON.stringify({ code: 0, output: '', said: '', ...answer }))
console.log('Welcome to this host')
say(process.env.REFUSED ? { id: 0, code: 13, said: 'no such key' } : { id: 0 })
createInterface({ input: process.stdin }).on('line', line => {
  const { id, target, command, data } = JSON.parse(line)
  const { prefix } = JSON.parse(command)
  if (prefix === 'die') process.exit(3)
  if (prefix === 'hang') return
  if (prefix === 'none') say({ id, code: 2, said: 'no such pool' })
  else if (prefix === 'slow') setTimeout(() => say({ id, output: 'slow' }), 300)
  else say({ id, output: JSON.stringify([target, JSON.parse(command), data]), said: 'done' })
})
`

describe('the process that stays where the ceph client is', () => {
  let folder: string
  let wire: Wire
  const { signal } = new AbortController()
  const options = { signal }
  const open = async (stays: Stays, env: Record<string, string> = {}) => {
    const path = join(folder, 'through')
    await writeFile(path, through(stays))
    await chmod(path, 0o755)
    await writeFile(join(folder, 'host.mjs'), host)
    const { PATH } = process.env
    wire = openCommand(resolveAccess({ command: [path] }, '/', {}), { PATH, ...env })
  }
  const starts = async () => (await readFile(join(folder, 'starts'), 'utf8')).trim().split('\n')
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infra-host-'))
  })
  afterEach(async () => {
    await wire.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('is started once for many questions at once, and given each as it is', async () => {
    await open('yes')
    const words = [`it's`, 'two\nlines', '']
    const answers = await Promise.all(
      words.map(word => wire.mgr({ prefix: 'fs x', word }, { signal, input: 'data' })),
    )
    expect(answers.map(one => JSON.parse(one.output))).toEqual(
      words.map(word => ['mgr', { format: 'json', prefix: 'fs x', word }, 'data']),
    )
    const { output, status } = await wire.mon({ prefix: 'fsid' }, options)
    expect([JSON.parse(output)[0], status]).toEqual(['mon', 'done'])
    expect(await starts()).toEqual(['/usr/bin/python3'])
  })

  it('says what Ceph refused', async () => {
    await open('yes')
    await expect(wire.mon({ prefix: 'none' }, options)).rejects.toMatchObject({
      errno: 2,
      why: 'no such pool',
      message: expect.stringContaining('none'),
    })
  })

  it('answers others while one takes its time', async () => {
    await open('yes')
    const order: string[] = []
    const ask = async (prefix: string) => {
      await wire.mon({ prefix }, options)
      order.push(prefix)
    }
    await Promise.all([ask('slow'), ask('fsid')])
    expect(order).toEqual(['fsid', 'slow'])
  })

  it('is started anew where it ended, which fails what was under way', async () => {
    await open('yes')
    const ended = [wire.mon({ prefix: 'slow' }, options), wire.mon({ prefix: 'die' }, options)]
    for (const one of ended)
      await expect(one).rejects.toMatchObject({
        code: 'ceph-no-answer',
        why: expect.stringContaining('code 3'),
      })
    await wire.mon({ prefix: 'fsid' }, options)
    expect(await starts()).toHaveLength(2)
  })

  it('ends a call with its signal, and answers the next', async () => {
    await open('yes')
    await wire.mon({ prefix: 'fsid' }, options)
    const abort = new AbortController()
    const hanging = expect(wire.mon({ prefix: 'hang' }, { signal: abort.signal })).rejects.toThrow('enough')
    abort.abort(new Error('enough'))
    await hanging
    await wire.mon({ prefix: 'fsid' }, options)
    expect(await starts()).toHaveLength(1)
  })

  it('tells that the cluster does not let it in, and asks no client the same', async () => {
    await open('yes', { REFUSED: '1' })
    const refused = wire.mon({ prefix: 'fsid' }, options)
    await expect(refused).rejects.toMatchObject({
      kind: 'connection',
      code: 'ceph-connect',
      why: expect.stringContaining('no such key'),
    })
    expect(await starts()).toEqual(['/usr/bin/python3'])
  })

  it.each(['no module', 'no python'] as const)(
    'is done without, for good, where there is %s',
    async stays => {
      await open(stays)
      for (const input of ['first', 'second'])
        expect((await wire.mon({ prefix: 'auth import' }, { signal, input })).output).toBe('"of a client"\n')
      expect(await readFile(join(folder, 'data'), 'utf8')).toBe('second')
      for (let turn = 0; turn < 10; turn += 1) await wire.mon({ prefix: 'fsid' }, options)
      expect((await starts()).filter(one => one !== 'ceph')).toEqual(['/usr/bin/python3'])
    },
  )

  it('is tried again where the way there was cut off, and nothing waits for it', async () => {
    await open('later')
    const output = async () => (await wire.mon({ prefix: 'fsid' }, options)).output
    for (let turn = 0; turn < 8; turn += 1) expect(await output()).toBe('"of a client"\n')
    await writeFile(join(folder, 'open'), '')
    // The pauses between two tries are counted in commands
    for (let turn = 0; turn < 500; turn += 1) if ((await output()) !== '"of a client"\n') break
    const before = (await starts()).length
    for (let turn = 0; turn < 5; turn += 1) expect(JSON.parse(await output())[0]).toBe('mon')
    expect(await starts()).toHaveLength(before)
  })

  it('is tried ever more seldom', async () => {
    await open('never')
    for (let turn = 0; turn < 60; turn += 1) await wire.mon({ prefix: 'fsid' }, options)
    const tries = (await starts()).filter(one => one !== 'ceph').length
    expect(tries).toBeGreaterThan(1)
    expect(tries).toBeLessThan(7)
  })
})

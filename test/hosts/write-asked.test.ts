/** What an act with `--write` was to write into the stack's file is written by whoever settles it. */
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { ActRecord } from '../../src/apply/act-journal.js'
import { writeAsked } from '../../src/cli/hosts/write-asked.js'
import { nodePorts } from '../../src/model/node-ports.js'
import type { Attributes } from '../../src/model/value.js'
import type { Session } from '../../src/session/session.js'

const folder = mkdtempSync(join(tmpdir(), 'infra-write-asked-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const names = ['web', 'db']
const spec = { powerState: 'running', vcpus: 1, dataDisks: [{ device: 'vdb', sizeGB: 1 }] }
const text = names
  .map(
    name =>
      `kind: VirtualMachine\nmetadata: {name: ${name}}\nspec:\n  powerState: running # ${name}\n  vcpus: 1\n  dataDisks:\n    - {device: vdb, sizeGB: 1}\n`,
  )
  .join('---\n')

function stack() {
  const file = join(folder, 'stack.yaml')
  rmSync(file, { force: true })
  writeFileSync(file, text)
  const resources = new Map(
    names.map(name => {
      const address = `VirtualMachine/${name}`
      const source = { file, line: 1 }
      return [address, { address, kind: 'VirtualMachine', name, connection: 'near', spec, source }]
    }),
  )
  const session = { stack: { resources } } as unknown as Session
  const write = (name: string, what: Attributes) => {
    const whole = { name, write: true, ...what }
    const record: ActRecord = {
      type: 'act',
      act: 0,
      address: `VirtualMachine/${name}`,
      connection: 'near',
      what: whole,
    }
    return writeAsked(session, record, nodePorts.files)
  }
  return { write, file, text: () => readFileSync(file, 'utf8') }
}

const stop = { verb: 'stop' }
const resize = {
  ...{ verb: 'resize', from: {}, to: { vcpus: { now: 2, limit: 2 } } },
  disks: [{ device: 'vdb', path: 'dataDisks[vdb].sizeGB', fromGiB: 1, toGiB: 3 }],
}

describe('what was to be written into the stack', () => {
  test('is, comments kept, of several at once as well', async () => {
    const here = stack()
    await Promise.all([here.write('web', stop), here.write('db', resize)])
    expect(here.text()).toBe(
      text
        .replace('running # web', 'stopped # web')
        .replace(/(# db\n {2}vcpus: )1([\s\S]*sizeGB: )1/, '$12$23'),
    )
  })

  test('leaves the file as private as it was', async () => {
    const here = stack()
    chmodSync(here.file, 0o600)
    await here.write('web', stop)
    expect(here.text()).toContain('stopped # web')
    expect(statSync(here.file).mode & 0o777).toBe(0o600)
  })

  test('goes where a link leads, and the link stays', async () => {
    const here = stack()
    const real = join(folder, 'elsewhere.yaml')
    renameSync(here.file, real)
    symlinkSync(real, here.file)
    expect(await here.write('web', stop)).toBe(`Written into ${here.file}.`)
    expect(readFileSync(real, 'utf8')).toContain('stopped # web')
    expect(lstatSync(here.file).isSymbolicLink()).toBe(true)
  })

  test('is told where the file is gone: the machine is settled all the same', async () => {
    const here = stack()
    rmSync(here.file)
    expect(await here.write('web', stop)).toBe(`${here.file} cannot be changed.`)
  })

  test.each([
    { reason: 'it was not asked for', name: 'web', what: { ...stop, write: false } },
    { reason: 'no document declares the machine', name: 'mail', what: stop },
    { reason: 'it is so already', name: 'web', what: { verb: 'start' } },
    { reason: 'the act changes nothing that a document says', name: 'web', what: { verb: 'restart' } },
  ])('is nothing where $reason', async ({ name, what }) => {
    const here = stack()
    expect(await here.write(name, what)).toBeUndefined()
    expect(here.text()).toBe(text)
  })
})

/** A file of this machine that an image or volume is made from and that is not there is told by the plan, whatever it runs on. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import type { Attributes } from '../../src/model/value.js'
import type { Wanted } from '../../src/providers/provider.js'
import { missingFiles } from '../../src/session/missing-files.js'
import { kinds } from '../../src/session/provider-types.js'
import { openSession } from '../../src/session/session.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-files-'))
  await writeFile(join(folder, 'debian.qcow2'), '')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const wanted = (kind: string, spec: Attributes, from?: Attributes): Wanted => ({
  ...{ address: `${kind}/a`, kind, name: 'a', spec },
  ...(from && { from }),
})
const source = (path: string) => ({ source: { path } })

describe('a file that something is made from', () => {
  const rows: { reason: string; of: Wanted; told?: string; hint?: string }[] = [
    { reason: 'is there', of: wanted('Image', source('debian.qcow2')) },
    { reason: 'is there, by another way', of: wanted('Image', source('./x/../debian.qcow2')) },
    {
      reason: 'is misspelt',
      of: wanted('Image', source('debain.qcow2')),
      told: 'debain.qcow2',
      hint: 'Did you mean `debian.qcow2`?',
    },
    { reason: 'is a volume’s', of: wanted('Volume', source('data.raw')), told: 'data.raw' },
    { reason: 'is in a folder that is not there', of: wanted('Image', source('no/x.raw')), told: 'no/x.raw' },
    { reason: 'is not known yet', of: wanted('Image', { source: { path: { $unresolved: 'a' } } }) },
    { reason: 'is a download', of: wanted('Image', { source: { url: 'https://a/b.raw' } }) },
    { reason: 'is of no use any more', of: wanted('Image', source('gone.raw'), source('gone.raw')) },
    { reason: 'is another field of another kind', of: wanted('StoragePool', source('gone')) },
  ]
  it.each(rows)('$reason', async ({ of, told, hint = '' }) => {
    const found = await missingFiles([of], kinds, folder, nodePorts.files)
    const messages = told === undefined ? [] : [`There is no file ${join(folder, told)} on this machine`]
    expect(found.map(error => error.message)).toEqual(messages)
    expect(found.map(error => error.address)).toEqual(messages.map(() => of.address))
    expect(found[0]?.hint ?? '').toContain(hint)
  })

  it('is looked for with one look into its folder, and one that cannot be looked into tells nothing', async () => {
    let looks = 0
    const list = async () => {
      looks += 1
      throw Object.assign(new Error('no'), { code: 'EACCES' })
    }
    const many = Array.from({ length: 50 }, (_, index) => wanted('Image', source(`${index}.raw`)))
    expect(await missingFiles(many, kinds, folder, { ...nodePorts.files, list })).toEqual([])
    expect(looks).toBe(1)
  })
})

it('the embedded world misses it as a real system does, at the line of its document', async () => {
  const path = join(folder, 'stack.yaml')
  await writeFile(
    path,
    'apiVersion: infra/v1\nkind: Image\nmetadata: {name: debian}\nspec: {source: {path: debain.qcow2}}\n',
  )
  const signal = AbortSignal.timeout(60_000)
  const session = await openSession({ path, ports: nodePorts, signal, environment: {} })
  try {
    const { plan, problems } = await session.plan()
    expect(Object.values(plan.connections).map(one => one.type)).toEqual(['embedded'])
    expect(problems).toMatchObject([
      { code: 'no-file', address: 'Image/debian', place: { file: expect.stringContaining('stack.yaml') } },
    ])
    await writeFile(join(folder, 'debain.qcow2'), '')
    expect((await session.plan()).problems).toEqual([])
  } finally {
    await session.close()
  }
})

/**
 * How each attribute changes that cannot change in place: the plan says it, the apply does it, and Ceph's own clients tell
 * that it is so. Those that change in place are in the tables of pools, images and volumes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requireLeave } from '../../../src/apply/leave.js'
import { nodePorts, openSession, type Session, type Step } from '../../../src/index.js'
import type { Attributes } from '../../../src/model/value.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'

const missing = await cephLabMissing()

interface Document {
  readonly kind: string
  readonly name: string
  readonly spec: Attributes
}
const pool: Attributes = { size: 1, minSize: 1, pgNum: 8 }
const base: readonly Document[] = [
  { kind: 'CephPool', name: 'one', spec: pool },
  { kind: 'CephPool', name: 'two', spec: pool },
  { kind: 'CephPool', name: 'bulk', spec: { ...pool, application: 'rbd' } },
  { kind: 'CephPool', name: 'meta', spec: { ...pool, application: 'cephfs' } },
  { kind: 'CephPool', name: 'slow', spec: { ...pool, application: 'cephfs' } },
  { kind: 'CephPool', name: 'fast', spec: { ...pool, application: 'cephfs' } },
  { kind: 'CephFilesystem', name: 'files', spec: { metadataPool: 'meta', dataPools: ['slow', 'fast'] } },
  { kind: 'CephSubvolumeGroup', name: 'team', spec: { filesystem: 'files' } },
  { kind: 'CephSubvolumeGroup', name: 'others', spec: { filesystem: 'files' } },
  { kind: 'CephVolume', name: 'source', spec: { filesystem: 'files', group: 'team' } },
  { kind: 'CephVolume', name: 'second', spec: { filesystem: 'files', group: 'team' } },
]
const image: Attributes = { pool: 'one', size: '16MiB' }
const inFiles: Attributes = { filesystem: 'files', group: 'team' }
const erasure: Attributes = { dataChunks: 2, codingChunks: 1, failureDomain: 'osd' }
const from = (snapshot: string): Attributes => ({ group: 'team', volume: 'source', snapshot })

interface Row {
  readonly reason: string
  readonly kind: string
  readonly from: Attributes
  readonly to: Attributes
  readonly how: 'replace' | 'refuse'
  readonly hazards?: readonly string[]
  /** What ceph or rbd says of it, and what that must have. It is called NAME here. */
  readonly tool?: 'ceph' | 'rbd'
  readonly ask: readonly string[]
  readonly is: object
}
const lost = ['deletes-data']
const rows: readonly Row[] = [
  {
    reason: 'an image’s objects are cut when it is made',
    kind: 'RbdImage',
    ...{ from: image, to: { ...image, objectSize: '8MiB' }, how: 'replace', hazards: lost },
    ...{ tool: 'rbd', ask: ['info', 'one/NAME'], is: { object_size: 8 << 20 } },
  },
  {
    reason: 'an image’s stripes are laid out when it is made',
    kind: 'RbdImage',
    from: { ...image, stripeUnit: '64KiB', stripeCount: 2 },
    to: { ...image, stripeUnit: '64KiB', stripeCount: 4 },
    ...{ how: 'replace', hazards: lost, tool: 'rbd', ask: ['info', 'one/NAME'], is: { stripe_count: 4 } },
  },
  {
    reason: 'an image’s stripe unit is set when it is made',
    kind: 'RbdImage',
    from: { ...image, stripeUnit: '64KiB', stripeCount: 2 },
    to: { ...image, stripeUnit: '128KiB', stripeCount: 2 },
    ...{ how: 'replace', hazards: lost, tool: 'rbd', ask: ['info', 'one/NAME'], is: { stripe_unit: 131072 } },
  },
  {
    reason: 'an image’s data stays in its pool',
    kind: 'RbdImage',
    ...{ from: image, to: { ...image, dataPool: 'bulk' }, how: 'replace', hazards: lost },
    ...{ tool: 'rbd', ask: ['info', 'one/NAME'], is: { data_pool: 'bulk' } },
  },
  {
    reason: 'an image does not move to another pool',
    kind: 'RbdImage',
    ...{ from: image, to: { ...image, pool: 'two' }, how: 'replace', hazards: lost },
    ...{ tool: 'rbd', ask: ['info', 'two/NAME'], is: { name: 'NAME' } },
  },
  {
    reason: 'layering is decided when an image is made',
    kind: 'RbdImage',
    ...{ from: { ...image, features: ['exclusive-lock'] }, to: { ...image, features: ['layering'] } },
    ...{
      how: 'replace',
      hazards: lost,
      tool: 'rbd',
      ask: ['info', 'one/NAME'],
      is: { features: ['layering'] },
    },
  },
  {
    reason: 'a replicated pool is not coded later',
    kind: 'CephPool',
    ...{ from: pool, to: { erasure, pgNum: 8 }, how: 'replace', hazards: lost },
    ...{ ask: ['osd', 'pool', 'get', 'NAME', 'erasure_code_profile'], is: { pool: 'NAME' } },
  },
  {
    reason: 'a pool’s code is decided when it is made',
    kind: 'CephPool',
    from: { erasure, pgNum: 8 },
    to: { erasure: { ...erasure, plugin: 'isa' }, pgNum: 8 },
    ...{ how: 'replace', hazards: lost },
    ...{
      ask: ['osd', 'erasure-code-profile', 'get', 'infra-NAME-isa-2-1-osd'],
      is: { plugin: 'isa', k: '2', m: '1' },
    },
  },
  {
    reason: 'overwrites are for ever',
    kind: 'CephPool',
    from: { erasure: { ...erasure, overwrites: true }, pgNum: 8 },
    to: { erasure, pgNum: 8 },
    ...{ how: 'refuse', ask: ['osd', 'pool', 'get', 'NAME', 'allow_ec_overwrites'] },
    is: { allow_ec_overwrites: true },
  },
  {
    reason: 'files in a data pool are not moved away',
    kind: 'CephSubvolumeGroup',
    from: { filesystem: 'files', dataPool: 'slow' },
    to: { filesystem: 'files', dataPool: 'fast' },
    ...{ how: 'refuse', ask: ['fs', 'subvolumegroup', 'info', 'files', 'NAME'], is: { data_pool: 'slow' } },
  },
  {
    reason: 'a volume’s namespace is decided when it is made',
    kind: 'CephVolume',
    ...{ from: inFiles, to: { ...inFiles, isolatedNamespace: true }, how: 'replace', hazards: lost },
    ask: ['fs', 'subvolume', 'info', 'files', 'NAME', 'team'],
    is: { pool_namespace: 'fsvolumens_NAME' },
  },
  {
    reason: 'a volume’s data stays in its pool',
    kind: 'CephVolume',
    from: { ...inFiles, dataPool: 'slow' },
    to: { ...inFiles, dataPool: 'fast' },
    ...{ how: 'replace', hazards: lost },
    ...{ ask: ['fs', 'subvolume', 'info', 'files', 'NAME', 'team'], is: { data_pool: 'fast' } },
  },
  {
    reason: 'a volume does not move to another group',
    kind: 'CephVolume',
    ...{ from: inFiles, to: { ...inFiles, group: 'others' }, how: 'replace', hazards: lost },
    ...{ ask: ['fs', 'subvolume', 'info', 'files', 'NAME', 'others'], is: { type: 'subvolume' } },
  },
  {
    reason: 'a snapshot of another volume is another one, and the old is gone for ever',
    kind: 'CephSnapshot',
    ...{ from: { ...inFiles, volume: 'source' }, to: { ...inFiles, volume: 'second' }, how: 'replace' },
    hazards: ['deletes-data', 'irreversible'],
    ask: ['fs', 'subvolume', 'snapshot', 'info', 'files', 'second', 'NAME', 'team'],
    is: { has_pending_clones: 'no' },
  },
  {
    reason: 'a clone of another snapshot is another one',
    kind: 'CephClone',
    ...{ from: { ...inFiles, source: from('first') }, to: { ...inFiles, source: from('later') } },
    ...{ how: 'replace', hazards: lost },
    ...{ ask: ['fs', 'subvolume', 'info', 'files', 'NAME', 'team'], is: { type: 'clone' } },
  },
]

describe.skipIf(missing)(`attributes that do not change in place ${missing ?? ''}`, () => {
  let lab: CephLab
  let folder: string
  beforeAll(async () => {
    lab = await cephLab({ name: 'attributes', port: 14_400, osds: 3, store: 'bluestore' })
    folder = await mkdtemp(join(tmpdir(), 'infra-attributes-'))
    await declare()
    await carryOut()
    for (const name of ['first', 'later'])
      await lab.ceph('fs', 'subvolume', 'snapshot', 'create', 'files', 'source', name, 'team')
  })
  afterAll(async () => {
    await lab?.clean()
    await rm(folder, { recursive: true, force: true })
  })

  const declare = (...more: readonly Document[]) => {
    const head = { kind: 'Stack', name: 'attributes', spec: { providers: { ceph: {} } } }
    const documents = [head, ...base, ...more].map(({ kind, name, spec }) =>
      JSON.stringify({ apiVersion: 'infra/v1', kind, metadata: { name }, spec }),
    )
    return writeFile(join(folder, 'stack.yaml'), documents.join('\n---\n'))
  }
  const withSession = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    const { signal } = new AbortController()
    const session = await openSession({ path: folder, ports: nodePorts, signal, environment: lab.env })
    try {
      return await work(session)
    } finally {
      await session.close()
    }
  }
  const plan = () => withSession(session => session.plan())
  const carryOut = () =>
    withSession(async session => {
      await session.lock({ host: 'test', pid: process.pid, command: 'apply' })
      const found = await session.plan()
      expect(found.problems).toEqual([])
      const { signal } = new AbortController()
      const control = { stopping: signal, signal, onFailure: async () => 'rollback' as const }
      const { result, failures } = await session.apply(found, 'apply', control, false)
      expect([result, failures]).toEqual(['applied', []])
    })
  const asked = async ({ tool, ask }: Row, name: string) => {
    const words = ask.map(word => word.replaceAll('NAME', name))
    return tool === 'rbd' ? lab.rbdJson<object>(...words) : lab.cephJson<object>(...words)
  }
  /** The rows' resources, all at once, as they begin or as they are to be. */
  const subjects = rows.map((row, number) => ({ row, name: `it-${number}` }))
  const documents = (spec: (row: Row) => Attributes) =>
    subjects.map(({ row, name }) => ({ kind: row.kind, name, spec: spec(row) }))
  const address = ({ row, name }: (typeof subjects)[number]) => `${row.kind}/${name}`

  it('CephSnapshot: its delete is for ever, needs leave by name, and comes before that of its volume', async () => {
    const snapshot = { kind: 'CephSnapshot', name: 'it', spec: { ...inFiles, volume: 'held' } }
    await declare({ kind: 'CephVolume', name: 'held', spec: inFiles }, snapshot)
    await carryOut()
    await declare()
    const { plan: found, problems } = await plan()
    expect(problems).toEqual([])
    expect(found.steps.map(step => [step.id, step.hazards, step.undo.how])).toEqual([
      ['delete CephSnapshot/it', ['deletes-data', 'irreversible'], 'none'],
      ['delete CephVolume/held', ['deletes-data'], 'restore'],
    ])
    expect(() => requireLeave(found, ['deletes-data'])).toThrow('cannot be undone')
    requireLeave(found, ['deletes-data', 'irreversible=CephSnapshot/it'])
    await carryOut()
    const left = await lab.cephJson<{ name: string }[]>(
      'fs',
      'subvolume',
      'snapshot',
      'ls',
      'files',
      'held',
      'team',
    )
    expect(left.map(one => one.name.replace(/-[0-9a-f]+$/, ''))).toEqual(['infra-kept'])
  })

  describe('of resources that are there', () => {
    let steps: readonly Step[]
    let refused: readonly (string | undefined)[]
    beforeAll(async () => {
      await declare(...documents(row => row.from))
      await carryOut()
      await declare(...documents(row => row.to))
      const { problems } = await plan()
      expect(new Set(problems.map(problem => problem.code))).toEqual(new Set(['change-refused']))
      refused = problems.map(problem => problem.address)
      await declare(...documents(row => (row.how === 'refuse' ? row.from : row.to)))
      const { plan: found, problems: none } = await plan()
      expect(none).toEqual([])
      steps = found.steps
      await carryOut()
      expect((await plan()).plan.steps).toEqual([])
    })

    for (const subject of subjects) {
      const { row, name } = subject
      it(`${row.kind}: ${row.reason}`, async () => {
        const own = steps.filter(step => step.address === address(subject))
        if (row.how === 'refuse') {
          expect(refused).toContain(address(subject))
          expect(own).toEqual([])
        } else {
          expect(refused).not.toContain(address(subject))
          expect(own.map(step => [step.action, step.phase])).toEqual([
            ['replace', 'delete'],
            ['replace', 'create'],
          ])
          expect(own[0]?.hazards).toEqual(row.hazards)
        }
        const is = JSON.parse(JSON.stringify(row.is).replaceAll('NAME', name))
        expect(await asked(row, name)).toMatchObject(is)
      })
    }

    it('all of them go again', async () => {
      await declare()
      await carryOut()
      expect((await plan()).plan.steps).toEqual([])
    })
  })
})

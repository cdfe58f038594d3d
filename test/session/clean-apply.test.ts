/** A clean apply is always zero drift, whatever the kinds' fields hold: on the embedded world, through files and back. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import type { Attributes } from '../../src/model/value.js'
import { openWorld } from '../../src/providers/embedded/world.js'
import { kinds } from '../../src/session/provider-types.js'
import { openSession } from '../../src/session/session.js'
import { specsOf } from './specs.js'

/** What every resource of a kind must say, so that it can be made; the rest is drawn. */
const bases: Readonly<Record<string, Attributes>> = {
  VirtualMachine: {
    vcpus: 2,
    memoryGiB: 2,
    bootDisk: { sizeGB: 10, empty: true },
    networkInterfaces: [{ dhcp: true, network: 'lab' }],
  },
  StoragePool: { path: '/srv/drawn' },
  Image: { source: { path: './image.qcow2' } },
  Volume: { size: '10GiB' },
  Network: {},
  Snapshot: { virtualMachine: 'drawn' },
  CephPool: {},
  CephFilesystem: {},
  CephSubvolumeGroup: { filesystem: 'fs' },
  CephVolume: { filesystem: 'fs' },
  CephClone: { filesystem: 'fs', source: { volume: 'v', snapshot: 's' } },
  CephSnapshot: { filesystem: 'fs', volume: 'v' },
  RbdImage: { pool: 'drawn', size: '10GiB' },
  CephClient: { caps: { mon: 'allow r' } },
  VirtualCluster: {},
}

const drawnSpecs = fc.record(
  Object.fromEntries([...kinds.values()].map(kind => [kind.kind, specsOf(kind, bases[kind.kind] ?? {})])),
)
// Another one every day, and known from the title of a test that fails: INFRA_SEED=… draws the same again
const seed = Number(process.env.INFRA_SEED ?? Math.floor(Date.now() / 86_400_000))

async function inStack<T>(
  specs: Readonly<Record<string, Attributes>>,
  work: (open: () => ReturnType<typeof openSession>, stateFolder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-clean-'))
  try {
    const head = { apiVersion: 'infra/v1', kind: 'Stack', metadata: { name: 'drawn' } }
    const documents = Object.entries(specs).map(([kind, spec]) => ({
      apiVersion: 'infra/v1',
      kind,
      metadata: { name: 'drawn' },
      // What looks like a reference is none
      spec: JSON.parse(JSON.stringify(spec).replaceAll('${', () => '$${')),
    }))
    await writeFile(join(folder, 'image.qcow2'), 'an image')
    await writeFile(join(folder, 'image.qcow2'), '')
    await writeFile(
      join(folder, 'stack.yaml'),
      [head, ...documents].map(one => `${JSON.stringify(one)}\n`).join('---\n'),
    )
    const signal = new AbortController().signal
    const stateFolder = join(folder, 'state')
    const open = () => openSession({ path: folder, ports: nodePorts, signal, stateFolder, environment: {} })
    return await work(open, stateFolder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function applied(open: () => ReturnType<typeof openSession>): Promise<void> {
  const session = await open()
  try {
    const made = await session.plan()
    expect(made.problems.map(problem => problem.message)).toEqual([])
    const { signal } = new AbortController()
    await session.lock({ host: 'test', pid: process.pid, command: 'test' })
    const outcome = await session.apply(
      made,
      'test',
      { stopping: signal, signal, onFailure: async () => 'rollback' },
      false,
    )
    expect(outcome.result).toBe('applied')
  } finally {
    await session.close()
  }
}

describe(`a clean apply (INFRA_SEED=${seed})`, () => {
  test('has a base of every kind', () => {
    expect(Object.keys(bases).sort()).toEqual([...kinds.keys()].sort())
  })

  test('draws most fields of every kind', () => {
    for (const kind of kinds.values()) {
      const specs = fc.sample(specsOf(kind, bases[kind.kind] ?? {}), { numRuns: 300, seed })
      const used = new Set(specs.flatMap(spec => Object.keys(spec)))
      const all = Object.keys((kind.schema as unknown as { shape: object }).shape)
      const never = all.filter(field => !used.has(field))
      expect(never.length / all.length, `${kind.kind} never has ${never.join(', ')}`).toBeLessThan(0.35)
    }
  })

  test('is zero drift, and a second plan changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(drawnSpecs, specs =>
        inStack(specs as Record<string, Attributes>, async open => {
          await applied(open)
          const session = await open()
          try {
            const report = await session.drift()
            const differs = report.resources.flatMap(one =>
              one.attributes
                .filter(attribute => attribute.status !== 'in-sync')
                .map(attribute => [one.address, attribute]),
            )
            expect(differs).toEqual([])
            expect(report).toMatchObject({ outcome: 'none', counts: { inSync: kinds.size } })
            const { plan } = await session.plan()
            expect(plan.steps.filter(step => step.action !== 'no-op')).toEqual([])
          } finally {
            await session.close()
          }
        }),
      ),
      { seed, numRuns: 40 },
    )
  }, 300_000)

  test('and what is changed then is found, at the field and nowhere else', async () => {
    await fc.assert(
      fc.asyncProperty(drawnSpecs, fc.nat(), (specs, pick) =>
        inStack(specs as Record<string, Attributes>, async (open, stateFolder) => {
          await applied(open)
          const world = await openWorld(nodePorts.files, stateFolder)
          const objects = [...world.all()]
          const object = objects[pick % objects.length]
          if (!object) return
          const fields = Object.keys(object.spec).filter(field => typeof object.spec[field] !== 'object')
          const field = fields[pick % fields.length]
          if (field === undefined) return
          const value = object.spec[field]
          const other =
            typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${value}x`
          await world.put({ ...object, spec: { ...object.spec, [field]: other } })
          await world.close()
          const session = await open()
          try {
            const report = await session.drift()
            const found = report.resources.flatMap(one =>
              one.attributes
                .filter(attribute => attribute.status === 'modified')
                .map(attribute => `${one.kind} ${attribute.path}`),
            )
            expect(found).toEqual([`${object.kind} ${field}`])
          } finally {
            await session.close()
          }
        }),
      ),
      { seed, numRuns: 20 },
    )
  }, 300_000)
})

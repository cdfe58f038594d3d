/**
 * A virtual cluster that others made, taken over, deleted and pruned: what is its own goes, and nothing else, on a host in
 * memory with a helm that writes down what it is told. test/providers/vcluster/*.suite.ts does the same with clusters of infra's own.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import { type Attributes, isObject, type Json } from '../../../src/model/value.js'
import { classify } from '../../../src/planner/classify.js'
import type { DeleteRequest, Target, UpdateRequest } from '../../../src/providers/provider.js'
import type { Host } from '../../../src/providers/vcluster/client/host.js'
import { remove } from '../../../src/providers/vcluster/delete.js'
import { vclusterKinds } from '../../../src/providers/vcluster/kinds/index.js'
import type { Session } from '../../../src/providers/vcluster/session.js'
import { update } from '../../../src/providers/vcluster/update.js'
import { asKept, destroyKept } from '../../../src/providers/vcluster/volumes.js'
import { type SimulatedHost, simulatedHost } from './simulated-host.js'

const core = '/api/v1/namespaces/shared'
const stateful = '/apis/apps/v1/namespaces/shared/statefulsets/team'
const own = { app: 'vcluster', release: 'team' }
const synced = { 'vcluster.loft.sh/managed-by': 'team' }
const volume = (policy: string, more: object = {}) => ({
  spec: { persistentVolumeReclaimPolicy: policy },
  ...more,
})
const claim = (volumeName: string, labels: object) => ({ metadata: { labels }, spec: { volumeName } })

/** What is the cluster's own, in a namespace that others use, too. */
const ours: Readonly<Record<string, object>> = {
  [stateful]: { metadata: { labels: own }, spec: { replicas: 1, template: {} } },
  [`${core}/secrets/sh.helm.release.v1.team.v1`]: {
    metadata: { labels: { owner: 'helm', name: 'team', version: '1', status: 'deployed' } },
  },
  [`${core}/secrets/vc-team`]: { metadata: { labels: { 'vcluster-name': 'team', app: 'vcluster' } } },
  [`${core}/configmaps/cm-x-team`]: { metadata: { labels: synced } },
  [`${core}/persistentvolumeclaims/data-team-0`]: claim('pv-team', own),
  [`${core}/persistentvolumeclaims/files-x-team`]: claim('pv-files', synced),
  '/api/v1/persistentvolumes/pv-team': volume('Delete'),
  '/api/v1/persistentvolumes/pv-files': volume('Retain'),
}
/** What is not: beside it, of another cluster, kept by another delete. */
const others: Readonly<Record<string, object>> = {
  '/api/v1/namespaces/shared': {},
  [`${core}/secrets/password`]: {},
  [`${core}/configmaps/settings`]: { metadata: { labels: { app: 'web', release: 'team' } } },
  [`${core}/persistentvolumeclaims/web`]: claim('pv-web', { app: 'web', release: 'team' }),
  '/api/v1/persistentvolumes/pv-web': volume('Delete'),
  '/api/v1/namespaces/else': {},
  '/api/v1/namespaces/else/persistentvolumeclaims/data-team-0': claim('pv-else', own),
  '/api/v1/persistentvolumes/pv-else': volume('Delete'),
  '/api/v1/persistentvolumes/pv-kept': volume('Retain', {
    metadata: { labels: { 'infra/kept': 'of-another-delete' } },
  }),
}

let folder: string
let world: SimulatedHost
let session: Session
const kept: Json[] = []
const said: string[] = []
/** Paths of kubeconfigs that were removed. */
const removed: string[] = []
const pathOf = ({ kubeconfig }: Attributes) => (isObject(kubeconfig) ? String(kubeconfig.path) : 'own')
const helmCalls = async () => (await readFile(join(folder, 'calls'), 'utf8').catch(() => '')).trim()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-adopted-'))
  const helm = join(folder, 'helm')
  await writeFile(helm, '#!/bin/sh\necho "$1 $7" >>"$(dirname "$0")/calls"\n')
  await chmod(helm, 0o755)
  kept.length = 0
  said.length = 0
  removed.length = 0
  world = simulatedHost()
  for (const [path, object] of Object.entries({ ...ours, ...others })) world.put(path, object)
  session = sessionOn(world.host)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function sessionOn(host: Host): Session {
  return {
    host,
    ports: { ...nodePorts, clock: { now: () => 0, sleep: async () => undefined } },
    removal: 1000,
    kubeconfigs: {
      refresh: async () => undefined,
      remove: async ({ spec }: Target) => void removed.push(pathOf(spec)),
      place: ({ spec }: Target) => ({ path: pathOf(spec) }),
    },
    requireAccess: async () => undefined,
    // As helm does: the workload goes with its release, and the claims stay
    helm: async () => {
      world.remove(stateful)
      world.remove(`${core}/secrets/sh.helm.release.v1.team.v1`)
      return { binary: join(folder, 'helm'), version: '3.21.4' }
    },
    limited: (work: () => unknown) => work(),
  } as unknown as Session
}

const address = 'VirtualCluster/team'
const spec = { namespace: 'shared', createNamespace: false, paused: false }
const target = { address, kind: 'VirtualCluster', name: 'team', spec }
const identity = { namespace: 'shared', name: 'team' }
const owner = { lineage: 'l', address }
const call = () => ({
  signal: AbortSignal.timeout(60_000),
  keep: async (token: Json) => void kept.push(token),
  progress: (message: string) => void said.push(message),
})
const adopt = () => {
  const request: UpdateRequest = {
    ...{ ...target, identity, owner, labels: {} },
    ...{ from: spec, changes: [], restart: false },
  }
  return update(session, request, call())
}
const removal: DeleteRequest = { ...target, identity, owner, trash: 'of-this-delete' }
const prune = async () => {
  for (const token of kept.slice(-1)) {
    const found = asKept(token)
    if (found) await destroyKept(session, found, AbortSignal.timeout(60_000))
  }
}
const paths = (objects: object) => Object.keys(objects).sort()

describe('a cluster that was taken over', () => {
  test('is marked, and nothing beside it is touched', async () => {
    const before = paths(others).map(path => world.at(path))
    await adopt()
    expect(world.all()).toEqual(paths({ ...ours, ...others }))
    expect(paths(others).map(path => world.at(path))).toEqual(before)
    expect(world.at(stateful)?.metadata.annotations).toMatchObject({ 'infra/address': address })
    expect(world.at('/api/v1/namespaces/shared')?.metadata.labels).toBeUndefined()
  })

  test('goes with its delete, its volumes kept; a prune destroys these, and nothing else', async () => {
    await adopt()
    await remove(session, removal, call())
    const volumes = ['/api/v1/persistentvolumes/pv-files', '/api/v1/persistentvolumes/pv-team']
    // helm is a stub here, and leaves the Secret of the kubeconfig to the cluster's own owner references
    const left = world.all().filter(path => !path.endsWith('/vc-team'))
    expect(left).toEqual([...paths(others), ...volumes].sort())
    expect(await helmCalls()).toMatch(/^uninstall/)
    expect(kept).toHaveLength(1)

    await prune()
    expect(world.all().filter(path => !path.endsWith('/vc-team'))).toEqual(paths(others))
    // Once more: what is gone already is no error
    await prune()
    expect(world.at('/api/v1/persistentvolumes/pv-kept')?.metadata.labels).toEqual({
      'infra/kept': 'of-another-delete',
    })
  })

  test('whose volume is in use again keeps it when the checkpoint is pruned', async () => {
    await adopt()
    await remove(session, removal, call())
    world.put(`${core}/persistentvolumeclaims/again`, claim('pv-team', {}))
    await prune()
    expect(world.at('/api/v1/persistentvolumes/pv-team')).toBeDefined()
    expect(world.at('/api/v1/persistentvolumes/pv-files')).toBeUndefined()
  })

  test('keeps all of its volumes, though its delete was cut off when one claim was gone', async () => {
    await adopt()
    const { host } = world
    const cut = async (path: string, ...rest: never[]) => {
      if (path.endsWith('/files-x-team')) throw new Error('cut off')
      return (host.remove as (...args: unknown[]) => Promise<void>)(path, ...rest)
    }
    session = sessionOn({ ...host, remove: cut } as unknown as Host)
    await expect(remove(session, removal, call())).rejects.toThrow('cut off')
    expect(world.at(`${core}/persistentvolumeclaims/data-team-0`)).toBeUndefined()
    session = sessionOn(host)
    await remove(session, removal, call())
    expect(
      asKept(kept.at(-1))
        ?.volumes.map(one => one.volume)
        .sort(),
    ).toEqual(['pv-files', 'pv-team'])
    await prune()
    expect(world.all().filter(path => !path.endsWith('/vc-team'))).toEqual(paths(others))
  })
})

describe('a kubeconfig', () => {
  const change = async (from: Attributes, to: Attributes) => {
    const changes = [{ path: 'kubeconfig.path', how: 'live' as const }]
    const paused = { ...spec, paused: true }
    await update(
      session,
      {
        ...{ ...target, identity, owner, labels: {}, changes, restart: false },
        ...{ from: { ...paused, ...from }, spec: { ...paused, ...to } },
      },
      call(),
    )
  }
  test.each([
    { reason: 'is not left behind where it moves', from: 'a', to: 'b', gone: ['a'] },
    { reason: 'stays where it is', from: 'a', to: 'a', gone: [] },
  ])('$reason', async ({ from, to, gone }) => {
    await change({ kubeconfig: { path: from } }, { kubeconfig: { path: to, tokenExpiry: '1h' } })
    expect(removed).toEqual(gone)
  })
})

test('a namespace that others made does not become infra’s, to be removed with all that is in it', () => {
  const [kind] = vclusterKinds
  if (!kind) throw new Error('there is no kind')
  const change = { path: 'createNamespace', from: false, to: true }
  expect(classify(kind, change, false)).toMatchObject({ how: 'refuse', hint: 'say createNamespace: false' })
  expect(classify(kind, change, true)).toMatchObject({ how: 'live' })
  expect(classify(kind, { ...change, from: true, to: false }, false)).toMatchObject({ how: 'live' })
})

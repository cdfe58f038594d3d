import { expect, test } from 'vitest'
import { compareManifests } from '../../../src/providers/vcluster/acts/manifests.js'
import type { Host } from '../../../src/providers/vcluster/client/host.js'
import { foreignObjects, foreignValues } from '../../../src/providers/vcluster/hand-changes.js'

const object = (spec: object, kind = 'StatefulSet') => ({
  apiVersion: kind === 'Service' ? 'v1' : 'apps/v1',
  kind,
  metadata: { name: 'a' },
  spec,
})

/** A host that has one object. */
const hostWith = (live: object | undefined) => ({ get: async () => live }) as unknown as Host
const changes = (manifest: object, live: object | undefined, paused = false) =>
  foreignObjects(
    hostWith(live),
    'n',
    {
      values: {},
      chart: { name: 'vcluster', version: '1', defaults: {} },
      manifest: JSON.stringify(manifest),
    },
    paused,
    AbortSignal.timeout(1_000),
  )

test.each([
  { reason: 'the same', manifest: object({ a: 1 }), live: object({ a: 1 }), expected: [] },
  {
    reason: "what the server adds is the server's",
    manifest: object({ a: 1 }),
    live: object({ a: 1, b: 2 }),
    expected: [],
  },
  {
    reason: 'a quantity in another spelling',
    manifest: object({ cpu: '1000m', memory: '1024Mi' }),
    live: object({ cpu: '1', memory: '1Gi' }),
    expected: [],
  },
  {
    reason: 'a number as text',
    manifest: object({ port: 8443 }),
    live: object({ port: '8443' }),
    expected: [],
  },
  {
    reason: 'nothing is nothing',
    manifest: object({ a: null, b: {}, c: [], d: '', nodePort: 0 }),
    live: object({ nodePort: 30_001 }),
    expected: [],
  },
  {
    reason: 'a value that differs',
    manifest: object({ a: { b: 1 } }),
    live: object({ a: { b: 2 } }),
    expected: ['StatefulSet/a: spec.a.b'],
  },
  {
    reason: 'a value that is gone',
    manifest: object({ a: 1 }),
    live: object({}),
    expected: ['StatefulSet/a: spec.a'],
  },
  {
    reason: 'a list with another element',
    manifest: object({ a: [{ n: 1 }] }),
    live: object({ a: [{ n: 2 }] }),
    expected: ['StatefulSet/a: spec.a[0].n'],
  },
  {
    reason: 'a list that is longer',
    manifest: object({ a: [1] }),
    live: object({ a: [1, 2] }),
    expected: ['StatefulSet/a: spec.a'],
  },
  {
    reason: 'an object that is gone',
    manifest: object({ a: 1 }),
    live: undefined,
    expected: ['StatefulSet/a is missing'],
  },
])('$reason', async ({ manifest, live, expected }) => {
  expect(await changes(manifest, live)).toEqual(expected)
})

test('replicas of a paused cluster are not compared', async () => {
  expect(await changes(object({ replicas: 1 }), object({ replicas: 0 }), true)).toEqual([])
  expect(await changes(object({ replicas: 1 }), object({ replicas: 0 }))).toEqual([
    'StatefulSet/a: spec.replicas',
  ])
})

test('values beside and without those that were given', () => {
  expect(foreignValues({ a: { b: 1 }, c: 2 }, { a: { b: 1, x: true }, d: {} })).toEqual([
    'value a.x=true',
    'value c is gone',
  ])
})

test('rendered objects: added, removed, changed; no data of a Secret is told', () => {
  const secret = (data: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    data: { 'config.yaml': data },
  })
  const join = (...objects: object[]) => objects.map(one => JSON.stringify(one)).join('\n---\n')
  expect(
    compareManifests(
      join(
        object({ a: 1, containers: [{ name: 'syncer', image: 'a:1' }] }),
        object({}, 'Service'),
        secret('x'),
      ),
      join(object({ a: 2, containers: [{ name: 'syncer', image: 'a:2', tty: true }] }), secret('y'), {
        kind: 'Role',
        metadata: { name: 'r' },
      }),
    ),
  ).toEqual([
    { object: 'Role/r', op: 'add', changes: [] },
    {
      object: 'Secret/s',
      op: 'change',
      changes: [{ path: 'data', from: { $sensitive: true }, to: { $sensitive: true }, sensitive: true }],
    },
    { object: 'Service/a', op: 'remove', changes: [] },
    {
      object: 'StatefulSet/a',
      op: 'change',
      changes: [
        { path: 'spec.a', from: 1, to: 2 },
        { path: 'spec.containers[syncer].image', from: 'a:1', to: 'a:2' },
        { path: 'spec.containers[syncer].tty', to: true },
      ],
    },
  ])
})

test.each([
  {
    reason: 'aliases of aliases, which is told soon',
    text: [
      'a0: &a0 {z: 1}',
      ...Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} {x: *a${n}, y: *a${n}}`),
    ].join('\n'),
  },
  { reason: 'what is no YAML, of which nothing is quoted', text: 'password: "hush\n  : [' },
])('a Secret of values that a hand broke: $reason', async ({ text }) => {
  const secret = (yaml: string) => ({
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vc-config-a' } },
    data: { 'config.yaml': Buffer.from(yaml).toString('base64') },
  })
  expect(await changes(secret('a: 1'), secret(text))).toEqual([
    'Secret/vc-config-a: config.yaml cannot be read',
  ])
})

test('a value by hand that may be a secret is told by its name alone, and one of an odd name by its value', () => {
  const external = { dataSource: 'mysql://me:hush@db/kine' }
  const released = { database: { external }, ingress: { 'a.b/c': 'x' }, extra: [1], env: [{ value: 'hush' }] }
  expect(foreignValues({}, released)).toEqual([
    'value database.external.dataSource is set',
    'value env is set',
    'value extra=[1]',
    'value ingress.a.b/c="x"',
  ])
})

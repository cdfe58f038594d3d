import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Attributes, Json } from '../../../../src/model/value.js'
import { classify } from '../../../../src/planner/classify.js'
import { differences } from '../../../../src/planner/diff.js'
import type { Kind } from '../../../../src/providers/kind.js'
import { vclusterKinds } from '../../../../src/providers/vcluster/kinds/index.js'
import { contradictions, lower } from '../../../../src/providers/vcluster/kinds/shortcuts.js'

const kind = vclusterKinds[0] as Kind
const meta = { name: 'team-a', labels: {}, annotations: {} }
const canonical = (spec: Attributes) => kind.canonical(spec, meta)

describe('canonical', () => {
  test.each<{ reason: string; a: Attributes; b: Attributes }>([
    {
      reason: 'a field and its value are the same',
      a: { replicas: 3 },
      b: { values: { controlPlane: { statefulSet: { highAvailability: { replicas: 3 } } } } },
    },
    {
      reason: 'defaults need not be written',
      a: {},
      b: {
        replicas: 1,
        ttl: 'none',
        paused: false,
        namespace: 'vcluster-team-a',
        backingStore: 'sqlite',
        storage: { size: '5Gi' },
        expose: { type: 'ClusterIP', ingress: false },
      },
    },
    { reason: 'spans of time have one spelling', a: { ttl: '90m' }, b: { ttl: '1h30m' } },
    { reason: 'weeks are days', a: { ttl: '1w' }, b: { ttl: '7d' } },
    {
      reason: 'a version has its v',
      a: { kubernetesVersion: '1.35.0' },
      b: { kubernetesVersion: 'v1.35.0' },
    },
    {
      reason: "the chart's deprecated version is the image's tag",
      a: { kubernetesVersion: 'v1.35.0' },
      b: { values: { controlPlane: { distro: { k8s: { version: 'v1.35.0' } } } } },
    },
    {
      reason: 'a store is a switch',
      a: { backingStore: 'etcd' },
      b: { values: { controlPlane: { backingStore: { etcd: { deploy: { enabled: true } } } } } },
    },
    {
      reason: 'quantities are text',
      a: { resources: { limits: { cpu: 2 } } },
      b: { values: { controlPlane: { statefulSet: { resources: { limits: { cpu: '2' } } } } } },
    },
    {
      reason: 'a sync switch',
      a: { sync: { fromHost: { nodes: true } } },
      b: { values: { sync: { fromHost: { nodes: { enabled: true } } } } },
    },
    {
      reason: 'files come first, inline values win',
      a: {
        valuesFiles: [
          { file: 'a.yaml', content: { logging: { encoding: 'json' }, telemetry: { enabled: true } } },
        ],
        values: { telemetry: { enabled: false } },
      },
      b: { values: { logging: { encoding: 'json' }, telemetry: { enabled: false } } },
    },
    {
      reason: "what the chart's own values say for nothing is nothing",
      a: {},
      b: { values: { exportKubeConfig: { server: '' }, controlPlane: { service: { httpsNodePort: 0 } } } },
    },
  ])('$reason', ({ a, b }) => {
    expect(canonical(a)).toEqual(canonical(b))
  })

  test('one thing that is said twice, its fields in another order, is no contradiction', () => {
    const resources = { limits: { cpu: '1', memory: '1Gi' } }
    const values = { controlPlane: { statefulSet: { resources: { limits: { memory: '1Gi', cpu: '1' } } } } }
    expect(contradictions({ resources, values })).toEqual([])
    expect(contradictions({ resources: {}, values })).toHaveLength(1)
  })

  test('a field that is written wins over values of its older spelling, and these are gone', () => {
    const k8s = { version: 'v1.35.0', image: { tag: 'v1.34.0' } }
    const values = { controlPlane: { distro: { k8s } } }
    expect(canonical({ kubernetesVersion: 'v1.36.0', values })).toEqual(
      canonical({ kubernetesVersion: 'v1.36.0' }),
    )
    // As the chart has it
    expect(canonical({ values })).toEqual(canonical({ kubernetesVersion: 'v1.35.0' }))
  })

  test.each(['36501d', '99999999999999999999w'])(
    '%s has no end that a date can tell, and is refused',
    ttl => {
      expect(kind.schema.safeParse({ ttl }).success).toBe(false)
      expect(kind.schema.safeParse({ ttl: '36500d' }).success).toBe(true)
    },
  )

  test('values that are not known yet pass through', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference as a stack writes it
    const ref = { $unresolved: '${VirtualMachine.a.address}' }
    for (const field of [
      'values',
      'storage',
      'expose',
      'sync',
      'resources',
      'chart',
      'kubeconfig',
      'ttl',
      'replicas',
    ])
      expect(canonical({ [field]: ref })[field], field).toEqual(ref)
    expect(canonical({ storage: { size: ref } }).storage).toEqual({ size: ref })
  })

  const leaf = fc.oneof(fc.boolean(), fc.integer(), fc.string(), fc.constant(null))
  const tree = fc.letrec(tie => ({
    node: fc.dictionary(
      fc.constantFrom(
        'controlPlane',
        'statefulSet',
        'highAvailability',
        'replicas',
        'backingStore',
        'etcd',
        'deploy',
        'enabled',
        'sync',
        'toHost',
        'pods',
        'service',
        'spec',
        'type',
        '__proto__',
        'ingress',
        'host',
      ),
      fc.oneof({ depthSize: 'small' }, leaf, tie('node')),
    ),
  })).node as fc.Arbitrary<{ [key: string]: Json }>

  test('is idempotent, and the values that Helm gets come back as the same spec', () => {
    fc.assert(
      fc.property(tree, fc.integer({ min: 1, max: 9 }), (values, replicas) => {
        const once = canonical({ values, replicas })
        expect(canonical(once)).toEqual(once)
        const back = canonical({ ...once, values: lower(once), replicas: 1 })
        expect(lower({ ...back, replicas })).toEqual(lower(once))
      }),
      { numRuns: 300 },
    )
  })

  test('a key that JavaScript takes for the prototype is left out, and what is in it', () => {
    const inner =
      '{"__proto__": {"__proto__": {"enabled": false}, "controlPlane": false}, "controlPlane": false}'
    const values = JSON.parse(`{"sync": {"toHost": {"controlPlane": ${inner}}}}`)
    const once = canonical({ values })
    expect(canonical(once)).toEqual(once)
  })

  test('fits its own schema', () => {
    const spec = canonical({
      ttl: '2h',
      replicas: 2,
      backingStore: 'etcd',
      expose: { ingress: true, host: 'a.example' },
    })
    expect(kind.schema.safeParse(spec).error).toBeUndefined()
  })
})

describe('rules between fields', () => {
  test.each<{ reason: string; spec: Attributes; code?: string; name?: string }>([
    { reason: 'nothing is fine', spec: {} },
    { reason: 'a name that Kubernetes refuses', spec: {}, name: 'Team_A', code: 'invalid-name' },
    {
      reason: 'a name too long for what is appended to it',
      spec: {},
      name: 'a'.repeat(49),
      code: 'invalid-name',
    },
    { reason: "the host's own namespaces", spec: { namespace: 'kube-system' }, code: 'protected-namespace' },
    { reason: 'they may be used, not made', spec: { namespace: 'default', createNamespace: false } },
    { reason: 'two charts', spec: { chart: { path: './c', oci: 'oci://a/b' } }, code: 'two-charts' },
    {
      reason: 'one thing said twice',
      spec: {
        replicas: 2,
        backingStore: 'etcd',
        values: { controlPlane: { statefulSet: { highAvailability: { replicas: 3 } } } },
      },
      code: 'said-twice',
    },
    {
      reason: 'the same said twice',
      spec: {
        backingStore: 'etcd',
        replicas: 3,
        values: { controlPlane: { statefulSet: { highAvailability: { replicas: 3 } } } },
      },
    },
    {
      reason: 'a version, and another in the chart’s older spelling',
      spec: {
        kubernetesVersion: 'v1.36.0',
        values: { controlPlane: { distro: { k8s: { version: 'v1.35.0' } } } },
      },
      code: 'said-twice',
    },
    {
      reason: 'a store, and another that is switched on',
      spec: {
        backingStore: 'etcd',
        values: { controlPlane: { backingStore: { database: { external: { enabled: true } } } } },
      },
      code: 'said-twice',
    },
    {
      reason: 'an Ingress that is switched off',
      spec: {
        expose: { ingress: true, host: 'a.example' },
        values: { controlPlane: { ingress: { enabled: false } } },
      },
      code: 'said-twice',
    },
    {
      reason: 'a kind that is synced and is not',
      spec: {
        sync: { toHost: { ingresses: true } },
        values: { sync: { toHost: { ingresses: { enabled: false } } } },
      },
      code: 'said-twice',
    },
    {
      reason: 'values that leave it to the chart contradict nothing',
      spec: {
        kubernetesVersion: 'v1.36.0',
        values: { controlPlane: { distro: { k8s: { version: '', image: { tag: '' } } } } },
      },
    },
    { reason: 'it would be dead at once', spec: { ttl: '0s' }, code: 'no-time' },
    { reason: 'sqlite has one writer', spec: { replicas: 3 }, code: 'one-replica' },
    { reason: 'an Ingress without a host', spec: { expose: { ingress: true } }, code: 'no-host' },
    { reason: 'a port that nothing opens', spec: { expose: { nodePort: 30000 } }, code: 'unused-port' },
    {
      reason: 'Kubernetes gives no such token',
      spec: { kubeconfig: { tokenExpiry: '1m' } },
      code: 'short-token',
    },
  ])('$reason', ({ spec, code, name }) => {
    const found = kind.check?.(spec, { ...meta, ...(name !== undefined && { name }) }) ?? []
    expect(found.map(problem => problem.code)).toEqual(code === undefined ? [] : [code])
  })
})

test('a plan tells until when a cluster lives, if it does not live for ever', () => {
  expect(kind.told?.({ expiresAt: '2026-01-01T00:00:00.000Z' })).toBe('lives until 2026-01-01T00:00:00.000Z')
  expect(kind.told?.({ phase: 'Running' })).toBeUndefined()
})

describe('changes', () => {
  const how = (from: Attributes, to: Attributes) =>
    differences(canonical(from), canonical(to), kind.keyedLists).map(
      change => `${change.path}: ${classify(kind, change).how}`,
    )

  test.each<{ reason: string; from: Attributes; to: Attributes; expected: string[] }>([
    {
      reason: 'values are a helm upgrade',
      from: {},
      to: { values: { telemetry: { enabled: false } } },
      expected: ['values.telemetry: live'],
    },
    {
      reason: 'a namespace is for life',
      from: {},
      to: { namespace: 'other' },
      expected: ['namespace: replace'],
    },
    {
      reason: 'a store is for life',
      from: {},
      to: { backingStore: 'etcd' },
      expected: ['backingStore: replace'],
    },
    {
      reason: 'vCluster refuses another sync of namespaces',
      from: {},
      to: { sync: { toHost: { namespaces: true } } },
      expected: ['sync: replace'],
    },
    {
      reason: 'and when other switches are there',
      from: { sync: { toHost: { ingresses: true } } },
      to: { sync: { toHost: { ingresses: true, namespaces: true } } },
      expected: ['sync.toHost.namespaces: replace'],
    },
    {
      reason: 'a claim grows',
      from: {},
      to: { storage: { size: '10Gi' } },
      expected: ['storage.size: live'],
    },
    {
      reason: 'a claim never shrinks',
      from: {},
      to: { storage: { size: '900Mi' } },
      expected: ['storage.size: refuse'],
    },
    {
      reason: 'Kubernetes goes up by one',
      from: { kubernetesVersion: 'v1.35.0' },
      to: { kubernetesVersion: 'v1.36.0' },
      expected: ['kubernetesVersion: live'],
    },
    {
      reason: 'not by two',
      from: { kubernetesVersion: 'v1.34.0' },
      to: { kubernetesVersion: 'v1.36.0' },
      expected: ['kubernetesVersion: refuse'],
    },
    {
      reason: 'not down',
      from: { kubernetesVersion: 'v1.36.0' },
      to: { kubernetesVersion: 'v1.35.0' },
      expected: ['kubernetesVersion: refuse'],
    },
    {
      reason: 'a pause and a time to live',
      from: {},
      to: { paused: true, ttl: '2h' },
      expected: ['paused: live', 'ttl: live'],
    },
  ])('$reason', ({ from, to, expected }) => {
    expect(how(from, to)).toEqual(expected)
  })

  test('an upgrade that did not come up goes back, though nobody may ask for a downgrade; a claim does not shrink even then', () => {
    const back = (from: Attributes, to: Attributes) =>
      differences(canonical(from), canonical(to), {}).map(change => classify(kind, change, true).how)
    expect(back({ kubernetesVersion: 'v1.36.0' }, { kubernetesVersion: 'v1.35.0' })).toEqual(['live'])
    expect(back({}, { storage: { size: '900Mi' } })).toEqual(['refuse'])
  })

  test('a delete without a volume cannot be undone', () => {
    expect(kind.deletion(canonical({})).undo).toBe('restore')
    const ephemeral = {
      values: { controlPlane: { statefulSet: { persistence: { volumeClaim: { enabled: false } } } } },
    }
    expect(kind.deletion(canonical(ephemeral)).undo).toBe('none')
  })
})

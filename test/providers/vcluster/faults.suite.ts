/** Hosts that fail in the middle of a change: each ends in a clear error, and in a host that kubectl and helm find clean. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { nodePorts } from '../../../src/model/node-ports.js'
import { manifestChanges } from '../../../src/providers/vcluster/acts/manifests.js'
import { openSession } from '../../../src/session/session.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { type Fault, faultyHost } from './faulty-host.js'
import { openWorld, type World } from './world.js'

/** Registers the suite. The host, an API server alone, is its own: it is killed and paused. */
export function faults(host: KubernetesLab): void {
  describe.sequential('faults', () => {
    /** No pods run here: waiting is short, and ends in this error. */
    const spec = { readinessTimeout: '3s' }
    const notReady = { code: 'cluster-not-ready' }
    let world: World

    beforeAll(async () => {
      world = await openWorld(host)
    })
    afterAll(async () => {
      await world?.close()
    })

    /** A world of its own behind a proxy that fails. */
    async function behind<T>(
      fault: Fault,
      work: (faulty: World, kubeconfig: string) => Promise<T>,
    ): Promise<T> {
      const proxy = await faultyHost(host.kubeconfig, join(world.folder, `faulty-${randomUUID()}`))
      proxy.fault = fault
      const faulty = await openWorld(
        { ...host, kubeconfig: proxy.kubeconfig },
        { timeout: '10s', patience: '30s' },
      )
      try {
        return await work(faulty, proxy.kubeconfig)
      } finally {
        await faulty.close()
        await proxy.close()
      }
    }

    /** Removed as a rollback would, and nothing is left. */
    async function rolledBack(name: string) {
      await world.remove(name, spec)
      await isGone(name)
    }

    async function isGone(name: string) {
      expect(await world.observe(name, spec)).toEqual({ status: 'absent' })
      expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain(`vcluster-${name}`)
      expect(await host.helmJson('list', '-n', `vcluster-${name}`, '-a')).toEqual([])
      expect(await host.kubectl('get', 'pv', '-o', 'name')).toBe('')
    }

    /** A stack of one cluster on a host that fails, applied as a command would. */
    async function applied(name: string, fault: Fault, meanwhile?: () => Promise<void>) {
      const folder = await mkdtemp(join(tmpdir(), 'infra-faults-'))
      const proxy = await faultyHost(host.kubeconfig, join(folder, 'faulty'))
      proxy.fault = fault
      const { readinessTimeout } = meanwhile === undefined ? spec : { readinessTimeout: '15s' }
      // An API server that is killed takes as long to come back as the machine has others to serve
      const patience = meanwhile === undefined ? '12s' : '90s'
      const settings = { kubeconfig: 'faulty', helm: join(host.bin, 'helm'), timeout: '4s', patience }
      const documents = [
        { kind: 'Stack', metadata: { name }, spec: { providers: { vcluster: settings } } },
        {
          kind: 'VirtualCluster',
          metadata: { name },
          spec: { chart: { path: host.chart }, values: host.values, readinessTimeout },
        },
      ]
      const text = documents.map(one => stringify({ apiVersion: 'infra/v1', ...one })).join('---\n')
      await writeFile(join(folder, 'stack.yaml'), text)
      const signal = AbortSignal.timeout(200_000)
      const session = await openSession({ path: join(folder, 'stack.yaml'), ports: nodePorts, signal })
      try {
        await session.lock({ host: 'test', pid: process.pid, command: 'test' })
        const made = await session.plan()
        expect(made.problems).toEqual([])
        const control = { stopping: signal, signal, onFailure: async () => 'rollback' as const }
        const [outcome] = await Promise.all([session.apply(made, 'test', control, false), meanwhile?.()])
        expect(await session.openJournal()).toBeUndefined()
        return outcome
      } finally {
        await session.close()
        await proxy.close()
        await rm(folder, { recursive: true })
      }
    }

    const patchOf =
      (fault: ReturnType<Fault>): Fault =>
      ({ method, path }) =>
        method === 'PATCH' && path.includes('/statefulsets/') ? fault : undefined

    describe.concurrent('one call, one cluster', () => {
      test('429 and a lost connection in between are borne', async () => {
        const fault: Fault = (_, count) =>
          count === 1 ? { status: 429, headers: { 'retry-after': '0' } } : count === 2 ? 'reset' : undefined
        await behind(fault, async faulty => {
          expect(await faulty.observe('calm', spec)).toEqual({ status: 'absent' })
        })
      })

      /** Whole applies: what fails is said, the engine goes back by itself, and kubectl and helm find nothing left. */
      test.each([
        {
          reason: 'a host that answers 500 to one call',
          name: 'half',
          fault: patchOf({ status: 500, body: { message: 'disk full' } }),
          error: { kind: 'connection', code: 'host-failed', why: 'disk full' },
        },
        {
          reason: 'a conflict',
          name: 'rival',
          fault: patchOf({ status: 409, body: { reason: 'Conflict', message: 'somebody was faster' } }),
          error: { code: 'host-conflict', why: 'somebody was faster' },
        },
        {
          reason: 'a host that is busy for good',
          name: 'busy',
          fault: patchOf({ status: 429, headers: { 'retry-after': '1' } }),
          error: { kind: 'connection', code: 'host-busy' },
        },
        {
          reason: 'a host that hangs in the middle',
          name: 'hung',
          fault: patchOf('hang'),
          error: { code: 'host-unreachable', why: 'no answer in 4 s' },
        },
      ])('$reason: said in time, and the apply is rolled back', async ({ name, fault, error }) => {
        const outcome = await applied(name, fault)
        expect(outcome.result).toBe('rolled-back')
        expect(outcome.failures.map(one => one.error)).toMatchObject([error])
        expect(outcome.state.resources).toEqual({})
        await isGone(name)
      })

      test('helm that cannot get through: its own words', async () => {
        const body = {
          apiVersion: 'v1',
          kind: 'Status',
          status: 'Failure',
          message: 'quota says no',
          reason: 'Forbidden',
          code: 403,
        }
        const fault: Fault = ({ method, path }) =>
          method === 'POST' && path.includes('/services') ? { status: 403, body } : undefined
        await behind(fault, faulty =>
          expect(faulty.make('quota', spec)).rejects.toMatchObject({
            code: 'helm-failed',
            why: expect.stringContaining('quota says no'),
          }),
        )
        await rolledBack('quota')
      })

      test('values that the chart refuses: said by path, nothing installed', async () => {
        const wrong = { ...spec, values: { controlPlane: { statefulSet: { nonsense: true } } } }
        await expect(world.make('wrong', wrong)).rejects.toMatchObject({
          kind: 'validation',
          code: 'invalid-values',
          why: expect.stringMatching(/controlPlane.statefulSet.*nonsense/s),
        })
        await rolledBack('wrong')
      })

      test('changes of objects are shown without a change', async () => {
        const right = world.spec('none', {})
        const place = { namespace: 'vcluster-none', name: 'none' }
        const objects = await manifestChanges(world.session, place, right, AbortSignal.timeout(60_000))
        expect(objects).toContainEqual(expect.objectContaining({ object: 'StatefulSet/none', op: 'add' }))
      })

      test('helm killed half-way: the pending release is settled', async () => {
        let reached = () => undefined as unknown
        const half = new Promise<void>(resolve => {
          reached = resolve
        })
        const fault: Fault = ({ method, path }) => {
          if (method !== 'POST' || !path.includes('/statefulsets')) return undefined
          reached()
          return 'hang'
        }
        const place = { ...spec, createNamespace: false }
        await host.kubectl('create', 'namespace', 'vcluster-killed')
        await behind(fault, async (_, kubeconfig) => {
          const helm = spawn(
            `${host.bin}/helm`,
            [
              'upgrade',
              '--install',
              'killed',
              host.chart,
              '-n',
              'vcluster-killed',
              '--kubeconfig',
              kubeconfig,
            ],
            { stdio: 'ignore' },
          )
          await half
          helm.kill('SIGKILL')
          await once(helm, 'exit')
        })
        const releases = () => host.helmJson('list', '-n', 'vcluster-killed', '-a')
        expect(await releases()).toMatchObject([{ status: 'pending-install' }])
        expect(await world.present('killed', place)).toMatchObject({
          incomplete: true,
          remark: 'its Helm release is pending-install',
        })
        await expect(world.make('killed', place)).rejects.toMatchObject(notReady)
        expect(world.said.join('\n')).toContain('was left pending-install; settling it')
        expect(await releases()).toMatchObject([{ status: 'deployed' }])
        await world.remove('killed', place)
        expect(await releases()).toEqual([])
        await host.kubectl('delete', 'namespace', 'vcluster-killed')
      })

      test('a namespace stuck in Terminating: what holds it is named, and it goes on once that is gone', async () => {
        await expect(world.make('stuck', spec)).rejects.toMatchObject(notReady)
        await host.apply({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'holder', namespace: 'vcluster-stuck', finalizers: ['example.com/hold'] },
        })
        const impatient = await openWorld(host, { removal: '8s' })
        await expect(impatient.remove('stuck', spec).finally(() => impatient.close())).rejects.toMatchObject({
          code: 'namespace-stuck',
          why: expect.stringContaining('example.com/hold'),
        })
        expect(await world.observe('stuck', spec)).toMatchObject({
          status: 'present',
          incomplete: true,
          remark: expect.stringContaining('example.com/hold'),
        })
        await host.kubectl(
          '-n',
          'vcluster-stuck',
          'patch',
          'configmap',
          'holder',
          '--type',
          'merge',
          '-p',
          '{"metadata":{"finalizers":null}}',
        )
        await rolledBack('stuck')
      })

      test('rights that are missing: said before anything is made, with the rules', async () => {
        await host.apply({
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name: 'weak', namespace: 'default' },
        })
        await host.kubectl(
          'create',
          'clusterrole',
          'weak',
          '--verb=get,list,create',
          '--resource=secrets,services,namespaces,pods,events',
        )
        await host.kubectl(
          'create',
          'clusterrolebinding',
          'weak',
          '--clusterrole=weak',
          '--serviceaccount=default:weak',
        )
        const token = (await host.kubectl('create', 'token', 'weak')).trim()
        const own = await readFile(host.kubeconfig, 'utf8')
        const file = join(world.folder, 'weak')
        await writeFile(
          file,
          own.replace(/user: \{client-certificate-data:[^}]*\}/, `user: {token: ${token}}`),
          {
            mode: 0o600,
          },
        )
        const weak = await openWorld({ ...host, kubeconfig: file })
        try {
          const failure = await weak.make('weak', spec).catch(error => error)
          expect(failure).toMatchObject({
            kind: 'connection',
            code: 'host-access-missing',
            hint: expect.stringContaining('resources: ["statefulsets"]'),
          })
          expect(JSON.stringify(failure.details())).not.toContain(token)
          expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('vcluster-weak')
          // What it may not list everywhere it may still be told of, namespace by namespace; here it may not at all.
          await expect(weak.observe('weak', spec)).rejects.toMatchObject({
            code: 'host-forbidden',
            hint: expect.stringContaining('add to'),
          })
        } finally {
          await weak.close()
        }
      })

      test('what is another’s is not taken', async () => {
        await host.kubectl('create', 'namespace', 'vcluster-other')
        await expect(world.make('other', spec)).rejects.toMatchObject({ code: 'namespace-taken' })
        expect(await host.helmJson('list', '-n', 'vcluster-other', '-a')).toEqual([])
        await world.remove('other', spec)
        expect(await host.kubectl('get', 'ns', 'vcluster-other', '-o', 'name')).toContain('vcluster-other')
        await host.kubectl('delete', 'namespace', 'vcluster-other')
      })

      test('one virtual cluster a namespace', async () => {
        await expect(world.make('first', spec)).rejects.toMatchObject(notReady)
        const beside = { ...spec, namespace: 'vcluster-first', createNamespace: false }
        await expect(world.make('second', beside)).rejects.toMatchObject({ code: 'namespace-occupied' })
        await rolledBack('first')
      })

      test('a protected cluster is not deleted', async () => {
        await expect(world.make('safe', spec)).rejects.toMatchObject(notReady)
        await host.kubectl(
          '-n',
          'vcluster-safe',
          'annotate',
          'statefulset',
          'safe',
          'loft.sh/non-deletable=true',
        )
        await expect(world.remove('safe', spec)).rejects.toMatchObject({ code: 'cluster-protected' })
        expect(await host.helmJson('list', '-n', 'vcluster-safe')).toHaveLength(1)
        await host.kubectl('-n', 'vcluster-safe', 'annotate', 'statefulset', 'safe', 'loft.sh/non-deletable-')
        await rolledBack('safe')
      })

      test('helm that is missing, or too old', async () => {
        const without = await openWorld(host, { helm: '/nowhere/helm' })
        await expect(without.make('none', spec)).rejects.toMatchObject({
          code: 'helm-missing',
          hint: expect.stringContaining('helm.sh'),
        })
        await without.close()
        const old = join(world.folder, 'old-helm')
        await writeFile(old, '#!/bin/sh\necho v3.9.4\n')
        await chmod(old, 0o755)
        const outdated = await openWorld(host, { helm: old })
        await expect(outdated.make('none', spec)).rejects.toMatchObject({ code: 'helm-too-old' })
        await outdated.close()
        expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('vcluster-none')
      })
    })

    test('the API server killed and started again in the middle of an apply: it goes on, and then back', async () => {
      const outcome = await applied(
        'risen',
        () => undefined,
        async () => {
          while (!(await host.kubectl('get', 'statefulsets', '-A', '-o', 'name')).includes('risen'))
            await sleep(100)
          await host.apiServer('kill')
          await sleep(1_500)
          await host.apiServer('start')
        },
      )
      // It got as far as a host without pods lets it: past the time without an answer.
      expect(outcome.failures.map(one => one.error)).toMatchObject([notReady])
      expect(outcome.result).toBe('rolled-back')
      await isGone('risen')
    })

    test('a host that hangs for good is given up in time', async () => {
      await host.apiServer('pause')
      try {
        const impatient = openWorld(host, { timeout: '1s', patience: '2s' })
        await expect(impatient).rejects.toMatchObject({
          kind: 'connection',
          code: 'host-unreachable',
          why: 'no answer in 1 s',
        })
      } finally {
        await host.apiServer('continue')
      }
    })
  })
}

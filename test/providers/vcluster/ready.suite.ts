/**
 * What follows readiness and needs no pod: ten clusters at once, addresses, clusters that others made, an extension that is cut
 * off.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { serverOf } from '../../../src/providers/vcluster/kubeconfig/content.js'
import { discover, unmanaged } from '../../../src/providers/vcluster/unmanaged.js'
import { desk } from '../../acceptance/desk.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { faultyHost } from './faulty-host.js'
import { appears, pretendKubelet } from './pretend.js'
import { openWorld, type World } from './world.js'

/** Registers the suite. The host is an API server alone. */
export function ready(host: KubernetesLab): void {
  describe.sequential('without pods', () => {
    const soon = () => AbortSignal.timeout(120_000)
    let world: World
    beforeAll(async () => {
      world = await openWorld(host)
    })
    afterAll(async () => {
      await world?.close()
    })

    test('ten are made at once, and removed at once', async () => {
      const names = Array.from({ length: 10 }, (_, index) => `many-${index}`)
      const spec = { kubeconfig: { server: host.server } }
      const pretence = pretendKubelet(
        host,
        names.map(name => `vcluster-${name}`),
      )
      try {
        await Promise.all(names.map(name => world.make(name, spec)))
        const targets = names.map(name => world.target(name, spec))
        const look = async () => [...(await world.provider.observe(targets, soon())).values()]
        const phases = (await look()).map(one => one.status === 'present' && one.facts.phase)
        expect(phases).toEqual(names.map(() => 'Running'))
        const releases = await host.helmJson<{ name: string; status: string }[]>('list', '-A')
        const deployed = releases.filter(one => one.status === 'deployed').map(one => one.name)
        expect(deployed).toEqual(expect.arrayContaining(names))
        await Promise.all(names.map(name => world.remove(name, spec)))
        expect((await look()).map(one => one.status)).toEqual(names.map(() => 'absent'))
        expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('vcluster-many-')
      } finally {
        await pretence.end()
      }
    }, 600_000)

    test('the address that a load balancer gives is the one in the kubeconfig', async () => {
      const spec = { expose: { type: 'LoadBalancer' } }
      const service = ['-n', 'vcluster-balanced', 'patch', 'service', 'balanced']
      const made = world.make('balanced', spec)
      await appears(() => host.kubectl('-n', 'vcluster-balanced', 'get', 'service', 'balanced'))
      // What a load balancer writes; behind the address is the host's own API server
      const port = Number(new URL(host.server).port)
      const ports = [{ op: 'replace', path: '/spec/ports/0/port', value: port }]
      await host.kubectl(...service, '--type=json', '-p', JSON.stringify(ports))
      const status = { loadBalancer: { ingress: [{ ip: '127.0.0.1' }] } }
      const patch = JSON.stringify({ status })
      await host.kubectl(...service, '--subresource=status', '--type=merge', '-p', patch)
      const pretence = pretendKubelet(host, ['vcluster-balanced'])
      await made

      const { facts } = await world.present('balanced', spec)
      const path = String(facts.kubeconfigPath)
      expect(facts.server).toBe(`https://127.0.0.1:${port}`)
      expect(serverOf(await readFile(path, 'utf8'))).toBe(facts.server)
      expect(await host.kubectl('--kubeconfig', path, 'get', '--raw', '/readyz')).toBe('ok')
      await world.remove('balanced', spec)
      await pretence.end()
    })

    test('what others made is found, never owned, and can be taken over', async () => {
      const values = join(world.folder, 'foreign.yaml')
      await writeFile(values, JSON.stringify({ ...host.values, logging: { encoding: 'json' } }))
      await host.vclusterctl(
        ...['create', 'ghost', '-n', 'ghostcluster', '--driver', 'helm', '--add=false', '--connect=false'],
        ...['--local-chart-dir', host.chart, '--values', values],
      )
      const home = await mkdtemp(join(tmpdir(), 'infra-ghost-'))
      const entry = { namespace: 'ghostcluster', ttl: '3h0m0s', createdAt: '2026-01-01T00:00:00Z' }
      await writeFile(join(home, 'clusters.json'), JSON.stringify({ clusters: { ghost: entry } }))
      expect(await unmanaged(world.session, [world.target('box')], soon())).toContainEqual(
        expect.objectContaining({ name: 'ghost', identity: { namespace: 'ghostcluster', name: 'ghost' } }),
      )
      const discovered = await discover(world.session, { ghostFolder: home }, soon())
      const found = discovered.find(one => one.name === 'ghost')
      await rm(home, { recursive: true })
      expect(found).toMatchObject({
        name: 'ghost',
        spec: {
          namespace: 'ghostcluster',
          createNamespace: false,
          ttl: '3h',
          values: { logging: { encoding: 'json' } },
        },
      })
      const { ttl: _, chart: __, ...spec } = found?.spec ?? {}
      expect((await world.present('ghost', spec)).owner).toBeUndefined()
      expect(await world.drift('ghost', spec)).toEqual([])
      const own = { ...spec, ttl: '3h', paused: true }
      await world.change('ghost', spec, own)
      expect((await world.present('ghost', own)).owner?.address).toBe('VirtualCluster/ghost')
      expect(await world.drift('ghost', own)).toEqual([])
      await world.remove('ghost', own)
      expect(await host.kubectl('get', 'ns', 'ghostcluster', '-o', 'name')).toContain('ghostcluster')
      const left = await host.kubectl('-n', 'ghostcluster', 'get', 'all,pvc,secrets', '-o', 'name')
      expect(left.trim()).toBe('')
    })

    test('an extension that is killed between intent and outcome is seen, and settled both ways', async () => {
      const here = await desk({})
      const proxy = await faultyHost(host.kubeconfig, join(here.folder, 'host'))
      const pretence = pretendKubelet(host, ['vcluster-longer'])
      try {
        const providers = { vcluster: { kubeconfig: 'host', helm: join(host.bin, 'helm') } }
        const spec = {
          ...{ chart: { path: host.chart }, values: host.values, ttl: '2h' },
          kubeconfig: { server: host.server },
        }
        const documents = [
          { kind: 'Stack', metadata: { name: 'longer' }, spec: { providers } },
          { kind: 'VirtualCluster', metadata: { name: 'longer' }, spec },
        ]
        const text = documents.map(one => stringify({ apiVersion: 'infra/v1', ...one })).join('---\n')
        await here.write('stack.yaml', text)
        await here.ok('apply', '--yes')
        const end = async () => {
          const { metadata } = await host.kubectlJson<{
            metadata: { annotations: Record<string, string> }
          }>('-n', 'vcluster-longer', 'get', 'statefulset', 'longer')
          return Date.parse(metadata.annotations['infra/expires-at'] ?? '')
        }
        const before = await end()
        expect(await here.ok('reap', '--dry-run')).toBe('Nothing has expired.\n')

        for (const [direction, hours] of [
          ['--back', 0],
          ['--forward', 1],
        ] as const) {
          const reached = new Promise<void>(resolve => {
            proxy.fault = ({ method, path }) => {
              if (method !== 'PATCH' || !path.includes('/statefulsets/')) return undefined
              resolve()
              return 'hang'
            }
          })
          const extending = here.start('cluster', 'extend', 'longer', '--for', '1h')
          const tooSoon = extending.ended.then(({ text }) => {
            throw new Error(`it ended by itself: ${text}`)
          })
          tooSoon.catch(() => undefined)
          await Promise.race([reached, tooSoon])
          await extending.kill()
          proxy.fault = () => undefined

          const refused = await here.infra('cluster', 'extend', 'longer', '--for', '1h')
          expect(refused.code).not.toBe(0)
          expect(refused.text).toMatch(/was cut off[\s\S]*infra recover/)
          expect(await end()).toBe(before)
          await here.ok('recover', direction, '--yes')
          expect((await end()) - before).toBe(hours * 3_600_000)
        }
      } finally {
        await pretence.end()
        await proxy.close()
        await here.clear()
      }
    })
  })
}

/** The life of a real virtual cluster, from its creation to its destruction, checked with kubectl, helm and vclusterctl. */
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import { asKept } from '../../../src/providers/vcluster/volumes.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { openWorld, type World } from './world.js'

const run = promisify(execFile)

/** Registers the suite, whose tests follow one another; it minds no other cluster on the host. */
export function life(host: KubernetesLab): void {
  describe.sequential('a virtual cluster on a real host', () => {
    let world: World
    beforeAll(async () => {
      world = await openWorld(host)
    })
    afterAll(async () => {
      await world?.close()
    })

    /** With the chart's own defaults, CoreDNS and all, as far as the lab has their images. */
    const values = {
      controlPlane: {
        statefulSet: {
          image: { repository: 'loft-sh/vcluster-oss' },
          probes: { startupProbe: { periodSeconds: 1 } },
        },
      },
    }
    const spec = (more: Attributes = {}): Attributes => ({ ttl: '2h', values, ...more })
    const logging = spec({ values: { ...values, logging: { encoding: 'json' } } })

    /** What the vcluster tool says of it. */
    const listed = async () => {
      const all = JSON.parse(await host.vclusterctl('list', '--driver', 'helm', '--output', 'json'))
      return (all ?? []).filter((one: { Name: string }) => one.Name === 'team-a')
    }
    /** Volumes on the host that are, or were, its own. */
    const volumes = async () => {
      const { items } = await host.kubectlJson<{
        items: { metadata: { name: string }; spec: { claimRef?: { namespace?: string } } }[]
      }>('get', 'pv')
      return items.filter(one => one.spec.claimRef?.namespace === 'vcluster-team-a')
    }
    const inside = async (...args: readonly string[]) => {
      const { facts } = await world.present('team-a', spec())
      return (await run(`${host.bin}/kubectl`, ['--kubeconfig', String(facts.kubeconfigPath), ...args]))
        .stdout
    }

    test('is made, ready, and answers', async () => {
      await world.make('team-a', spec(), { labels: { team: 'a' } })
      expect(await inside('get', '--raw', '/readyz')).toBe('ok')
      expect(await inside('create', 'configmap', 'proof', '--from-literal=a=b')).toContain('created')
      const seen = await world.present('team-a', spec())
      expect(seen).toMatchObject({
        identity: { namespace: 'vcluster-team-a', name: 'team-a' },
        owner: { address: 'VirtualCluster/team-a' },
        facts: { phase: 'Running', version: 'v1.36.0', chartVersion: '0.36.1', revision: 1 },
      })
      expect(seen.remark).toBeUndefined()
      expect(seen.incomplete).toBeUndefined()
      const { createdAt, expiresAt, kubeconfigPath } = seen.facts
      expect(Date.parse(String(expiresAt)) - Date.parse(String(createdAt))).toBe(7_200_000)
      expect((await stat(String(kubeconfigPath))).mode & 0o777).toBe(0o600)
      expect(await world.drift('team-a', spec())).toEqual([])
    })

    test('is what helm, vcluster and kubectl expect', async () => {
      expect(await host.helmJson('list', '-n', 'vcluster-team-a')).toMatchObject([
        { name: 'team-a', status: 'deployed', chart: 'vcluster-0.36.1' },
      ])
      expect(await listed()).toMatchObject([{ Namespace: 'vcluster-team-a', Status: 'Running' }])
      const space = await host.kubectlJson<{ metadata: { labels: Record<string, string> } }>(
        'get',
        'ns',
        'vcluster-team-a',
      )
      expect(space.metadata.labels).toMatchObject({ team: 'a', 'infra/lineage': expect.any(String) })
      const way = [
        'connect',
        'team-a',
        '-n',
        'vcluster-team-a',
        '--driver',
        'helm',
        '--background-proxy=false',
      ]
      const look = ['kubectl', 'get', 'configmap', 'proof', '-o', 'name']
      expect(await host.vclusterctl(...way, '--', ...look)).toContain('configmap/proof')
    })

    test('an update, which starts it again, keeps it and what is in it', async () => {
      const before = await world.present('team-a', spec())
      await world.change('team-a', spec(), logging)
      expect(await world.drift('team-a', logging)).toEqual([])
      expect((await world.present('team-a', logging)).identity).toEqual(before.identity)
      expect(await inside('get', 'configmap', 'proof', '-o', 'name')).toBe('configmap/proof\n')
    })

    test('is deleted, and comes back with its objects', async () => {
      await world.remove('team-a', spec())
      expect(await world.observe('team-a', spec())).toEqual({ status: 'absent' })
      expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('team-a')
      expect(await listed()).toEqual([])
      const [token] = world.kept
      expect(asKept(token)?.volumes).toHaveLength(1)

      await world.make('team-a', spec(), { restore: token ?? null })
      expect(await inside('get', 'configmap', 'proof', '-o', 'name')).toBe('configmap/proof\n')
      expect(await world.drift('team-a', spec())).toEqual([])
      const [volume] = asKept(token)?.volumes ?? []
      const policy = await host.kubectl(
        'get',
        'pv',
        volume?.volume ?? '',
        '-o',
        'jsonpath={.spec.persistentVolumeReclaimPolicy} {.metadata.labels}',
      )
      expect(policy.trim()).toBe('Delete')
      // What came back is not destroyed by a late prune of the same token.
      await world.provider.discard?.(token ?? null, AbortSignal.timeout(60_000))
      expect(await inside('get', 'configmap', 'proof', '-o', 'name')).toBe('configmap/proof\n')
    })

    test('is deleted for good', async () => {
      await world.remove('team-a', spec())
      await world.remove('team-a', spec())
      expect(await volumes()).toHaveLength(1)
      await world.provider.discard?.(world.kept[0] ?? null, AbortSignal.timeout(60_000))
      await world.provider.discard?.(world.kept[0] ?? null, AbortSignal.timeout(60_000))
      expect(await volumes()).toEqual([])
    })
  })
}

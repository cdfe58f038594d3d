/** Three real virtual clusters at once, and the acts around one of them. */
import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Decrypter, generateIdentity, identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import { backupCluster } from '../../../src/providers/vcluster/acts/backup.js'
import { extendCluster } from '../../../src/providers/vcluster/acts/extend.js'
import { clusterKubeconfig } from '../../../src/providers/vcluster/acts/kubeconfig.js'
import { listClusters } from '../../../src/providers/vcluster/acts/list.js'
import { clusterLogs } from '../../../src/providers/vcluster/acts/logs.js'
import { expiredClusters } from '../../../src/providers/vcluster/acts/reap.js'
import { restoreCluster } from '../../../src/providers/vcluster/acts/restore.js'
import { clusterStatus } from '../../../src/providers/vcluster/acts/status.js'
import { openVclusterSession } from '../../../src/providers/vcluster/index.js'
import type { KubernetesLab } from '../../lab/kubernetes.js'
import { lineage, openWorld, type World } from './world.js'

const run = promisify(execFile)

/** Registers the suite, whose tests follow one another; it minds no other cluster on the host. */
export function acts(host: KubernetesLab): void {
  describe.sequential('acts', () => {
    const choice = { name: 'box' }
    const spec = { ttl: '2h', readinessTimeout: '4m' }
    let world: World
    const soon = () => AbortSignal.timeout(120_000)
    const quiet = () => undefined
    const unjournaled = async () => quiet
    beforeAll(async () => {
      world = await openWorld(host)
      const own = await readFile(host.kubeconfig, 'utf8')
      await writeFile(join(world.folder, 'gone'), own.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:9'))
    })
    afterAll(async () => {
      await world?.remove('box', spec)
      for (const token of world?.kept ?? []) await world.provider.discard?.(token, soon())
      await world?.close()
    })

    // Ten at once are in ready.suite.ts: what pods add is each cluster's own, and seconds of a processor
    test('three are made at once, and two of them removed', async () => {
      const resources = { requests: { cpu: '20m', memory: '64Mi' } }
      const others = ['many-0', 'many-1']
      const small = { ...spec, resources }
      await Promise.all(['box', ...others].map(name => world.make(name, name === 'box' ? spec : small)))
      const targets = [world.target('box', spec), ...others.map(name => world.target(name, small))]
      const seen = await world.provider.observe(targets, soon())
      expect([...seen.values()].map(one => one.status === 'present' && one.facts.phase)).toEqual(
        targets.map(() => 'Running'),
      )
      await Promise.all(others.map(name => world.remove(name, small)))
      expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('many-')
      const volumes = () => host.kubectl('get', 'pv')
      expect(await volumes()).toContain('vcluster-many-1/')
      await Promise.all(world.kept.splice(0).map(token => world.provider.discard?.(token, soon())))
      expect(await volumes()).not.toContain('vcluster-many-')
    }, 900_000)

    test('list reads every host, and one that is away hides nobody', async () => {
      const gone = openVclusterSession(
        {
          ...world.connection,
          settings: {
            ...world.connection.settings,
            kubeconfig: join(world.folder, 'gone'),
            patience: '1s',
            timeout: '1s',
          },
        },
        nodePorts,
      )
      expect(gone).toBeDefined()
      const listed = await listClusters(
        new Map([
          ['lab', world.session],
          ['away', gone],
        ]),
        soon(),
      )
      expect(listed[0]?.connection).toBe('lab')
      const box = listed[0]?.clusters.find(one => one.name === 'box')
      expect(box).toMatchObject({
        ...{ phase: 'Running', version: 'v1.36.0', address: 'VirtualCluster/box', proven: true },
      })
      expect(box?.left).toBeGreaterThan(7_000_000)
      expect(listed[1]).toMatchObject({
        connection: 'away',
        clusters: [],
        error: expect.stringContaining('did not answer'),
      })
    })
    test('status tells pods, events, version and expiry', async () => {
      const status = await clusterStatus(world.session, 'box', undefined, soon())
      expect(status).toMatchObject({
        phase: 'Running',
        revision: 1,
        releaseStatus: 'deployed',
        pods: [{ name: 'box-0', ready: true, node: 'lab-node' }],
      })
      expect(status.expiry).toMatch(/^(1h[45]\d?m|2h).* left$/)
      expect(status.events.map(event => event.reason)).toContain('SuccessfulCreate')
      await expect(clusterStatus(world.session, 'bax', undefined, soon())).rejects.toMatchObject({
        code: 'no-such-cluster',
        hint: expect.stringContaining('vcluster-box/box'),
      })
    })

    test('the kubeconfig is a private file, cached, and encrypted on request', async () => {
      const first = await clusterKubeconfig(world.session, choice, {}, soon())
      expect((await stat(first.path)).mode & 0o777).toBe(0o600)
      expect((await stat(join(first.path, '..'))).mode & 0o777).toBe(0o700)
      const again = await clusterKubeconfig(world.session, choice, {}, soon())
      expect(again).toEqual(first)
      expect(first.text).toBeUndefined()
      const identity = await generateIdentity()
      const recipient = await identityToRecipient(identity)
      const sealed = await clusterKubeconfig(
        world.session,
        { ...choice, spec: { kubeconfig: { recipient, path: 'sealed.age' } } },
        { refresh: true },
        soon(),
      )
      const bytes = await readFile(sealed.path, 'utf8')
      expect(bytes).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
      expect(bytes).not.toContain('certificate')
      const { armor } = await import('age-encryption')
      const opener = new Decrypter()
      opener.addIdentity(identity)
      expect(await opener.decrypt(armor.decode(bytes), 'text')).toContain('client-certificate-data')
    })

    test('a token that ends in the place of a certificate', async () => {
      const spec = { kubeconfig: { tokenExpiry: '10m', path: 'token.yaml' } }
      const answer = await clusterKubeconfig(
        world.session,
        { ...choice, spec },
        { refresh: true, text: true },
        soon(),
      )
      expect(answer.text).toContain('token:')
      expect(answer.text).not.toContain('client-key-data')
      expect(Date.parse(answer.until) - Date.now()).toBeLessThan(601_000)
      const { stdout } = await run(`${host.bin}/kubectl`, [
        '--kubeconfig',
        answer.path,
        'get',
        'ns',
        '-o',
        'name',
      ])
      expect(stdout).toContain('namespace/default')

      // An address that nobody here can reach: the token comes through a forwarded port
      const far = { ...spec.kubeconfig, server: 'https://box.invalid', path: 'far.yaml' }
      const there = { ...choice, spec: { kubeconfig: far } }
      const { text } = await clusterKubeconfig(world.session, there, { refresh: true, text: true }, soon())
      expect(text).toMatch(/server: https:\/\/box\.invalid[\s\S]*token: /)
      expect(text).not.toContain('client-key-data')
    })

    test('logs end, and follow until they are aborted', async () => {
      const lines: string[] = []
      await clusterLogs(world.session, { name: 'box', tail: 5 }, line => lines.push(line), soon())
      expect(lines).toHaveLength(5)
      const ending = new AbortController()
      const followed: string[] = []
      const follow = (line: string) => void (followed.push(line) === 3 && ending.abort())
      await clusterLogs(world.session, { name: 'box', tail: 3, follow: true }, follow, ending.signal)
      expect(followed.length).toBeGreaterThanOrEqual(3)
    })

    test('an address that is none, or that holds no backup, is said', async () => {
      await expect(
        restoreCluster(
          ...([world.session, choice, 'container:///data/none.tar.gz', 'forget'] as const),
          ...([unjournaled, quiet, soon()] as const),
        ),
      ).rejects.toMatchObject({ code: 'backup-unreadable', why: expect.stringContaining('No such file') })
      await expect(
        backupCluster(world.session, choice, '/tmp/x', unjournaled, quiet, soon()),
      ).rejects.toMatchObject({
        code: 'backup-address',
      })
    })

    test('extend puts the end off, and reap sees what is over', async () => {
      const before = (await world.present('box', spec)).facts.expiresAt
      const end = await extendCluster(world.session, choice, 3_600, unjournaled, soon())
      expect(Date.parse(end) - Date.parse(String(before))).toBe(3_600_000)
      expect(await world.drift('box', spec)).toEqual([])
      const hosts = new Map([['lab', world.session]])
      expect((await expiredClusters(hosts, lineage, soon())).expired).toEqual([])
      await host.kubectl(
        '-n',
        'vcluster-box',
        'annotate',
        'statefulset',
        'box',
        '--overwrite',
        'infra/expires-at=2001-01-01T00:00:00.000Z',
      )
      const box = expect.objectContaining({ name: 'box', connection: 'lab' })
      const own = await expiredClusters(hosts, lineage, soon())
      expect(own.expired).toEqual([box])
      expect(own.others).not.toContainEqual(box)
      const another = await expiredClusters(hosts, 'another', soon())
      expect(another.expired).toEqual([])
      expect(another.others).toContainEqual(box)
      await extendCluster(world.session, choice, 7_200, unjournaled, soon())
      expect((await expiredClusters(hosts, lineage, soon())).expired).toEqual([])
    })
  })
}

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/**
 * The commands on virtual clusters as processes, on a real host, each looked at with kubectl, helm and vclusterctl, too. One
 * cluster and one machine that reads its kubeconfig go through all of it; in the end every output and every file is searched
 * for the secret.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { armor, Decrypter, generateIdentity, identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { DriftReport } from '../../../src/report/drift/model.js'
import { desk } from '../../acceptance/desk.js'
import { type KubernetesLab, kubernetesLab } from '../../lab/kubernetes.js'
import { drift, startWatch } from '../../watch/helpers.js'

const lab = await kubernetesLab()
const bin = fileURLToPath(new URL('../../../bin/infra', import.meta.url))

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

describe.skipIf('skip' in lab)(`commands${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  const host = lab as KubernetesLab
  const hidden = 'tr0ub4dor-and-three'
  const identity = generateIdentity()
  const said: string[] = []
  /** What the document says of versions after the upgrade. */
  const newer = { chart: { path: 'chart', version: '0.36.2' }, kubernetesVersion: 'v1.36.1' }
  let folder: string
  let stack: string
  /** What must never be seen: parts of the kubeconfig, and the value of a sensitive variable. */
  let secrets: string[] = []

  const env = () => ({
    ...process.env,
    PATH: `${host.bin}:${process.env.PATH ?? ''}`,
    INFRA_LOG: join(folder, 'infra.log'),
    INFRA_VAR_password: hidden,
    XDG_CACHE_HOME: join(folder, 'cache'),
    NO_COLOR: '1',
  })

  function infra(...args: readonly string[]): Promise<Ended> {
    return new Promise(resolve => {
      const child = execFile(
        bin,
        [...args],
        { cwd: folder, env: env(), maxBuffer: 64 << 20, timeout: 280_000 },
        (error, out, err) => {
          said.push(`$ infra ${args.join(' ')}\n${args.includes('--stdout') ? '' : out}${err}`)
          resolve({ code: error === null ? 0 : Number(child.exitCode ?? 255), out, err })
        },
      )
      child.stdin?.end()
    })
  }

  /** The output of a call that succeeds. */
  async function ok(...args: readonly string[]): Promise<string> {
    const { code, out, err } = await infra(...args)
    if (code !== 0) throw new Error(`infra ${args.join(' ')} ended with ${code}\n${out}${err}`)
    return out
  }

  const inside = (...args: readonly string[]) =>
    ok('cluster', 'exec', 'team', '-s', stack, '--host', 'vcluster', '--', 'kubectl', ...args)
  const document = (more: object = {}) => ({
    apiVersion: 'infra/v1',
    kind: 'VirtualCluster',
    metadata: { name: 'team' },
    spec: {
      chart: { path: 'chart' },
      ttl: '2h',
      storage: { size: '1Gi' },
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '2Gi' } },
      sync: { toHost: { ingresses: true } },
      readinessTimeout: '2m',
      valuesFiles: ['lab.values.yaml'],
      values: { controlPlane: { statefulSet: { env: [{ name: 'PASSWORD', value: '${var.password}' }] } } },
      kubeconfig: { recipient: '${var.recipient}' },
      ...more,
    },
  })

  async function writeStack(more: object = {}): Promise<void> {
    const settings = { helm: join(host.bin, 'helm'), vcluster: join(host.bin, 'vclusterctl') }
    const documents = [
      {
        apiVersion: 'infra/v1',
        kind: 'Stack',
        metadata: { name: 'sandbox' },
        spec: {
          variables: {
            password: { sensitive: true },
            recipient: { default: await identityToRecipient(await identity) },
          },
          providers: {
            vcluster: { kubeconfig: host.kubeconfig, ...settings },
            away: { type: 'vcluster', kubeconfig: '../away', timeout: '1s', patience: '1s' },
            libvirt: { type: 'embedded' },
          },
          outputs: { path: { value: '${VirtualCluster.team.kubeconfigPath}' } },
        },
      },
      document(more),
      {
        apiVersion: 'infra/v1',
        kind: 'VirtualMachine',
        metadata: { name: 'runner', lifecycle: { ignoreChanges: ['cloudInit.userData'] } },
        spec: {
          vcpus: 1,
          memoryGiB: 1,
          bootDisk: { sizeGB: 1, empty: true },
          networkInterfaces: [{ ip: '10.0.0.2/24', gateway: '10.0.0.1', bridge: 'br0' }],
          cloudInit: {
            fqdn: 'runner.lab.example',
            userData:
              '#!/bin/sh\ncat >/root/kubeconfig <<END\n${VirtualCluster.team.kubeconfigContent}\nEND\n',
          },
        },
      },
    ]
    await writeFile(join(stack, 'stack.yaml'), documents.map(one => stringify(one)).join('---\n'))
  }
  const writeValues = (more: object = {}) =>
    writeFile(join(stack, 'lab.values.yaml'), stringify({ ...host.values, ...more }))

  beforeAll(async () => {
    if (!existsSync(new URL('../../../dist/cli/main.js', import.meta.url)))
      throw new Error('this runs what is built: npm run build')
    folder = await mkdtemp(join(tmpdir(), 'infra-commands-'))
    stack = join(folder, 'stack')
    await mkdir(stack)
    const own = await readFile(host.kubeconfig, 'utf8')
    await cp(host.chart, join(stack, 'chart'), { recursive: true })
    await writeFile(join(folder, 'away'), own.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:9'))
    await writeStack()
    await writeValues()
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await host.clean()
  })

  test('values that the chart refuses are told at their line, by validate and by plan', async () => {
    await writeFile(
      join(stack, 'lab.values.yaml'),
      `${stringify(host.values)}controlPlaneX: 1\nlogging:\n  encoding: 5\n`,
    )
    for (const verb of ['validate', 'plan']) {
      const { code, err } = await infra(verb, stack)
      expect(code).toBe(2)
      expect(err).toMatch(/lab\.values\.yaml:\d+:13/)
      expect(err).toContain('`logging.encoding`')
      expect(err).toContain('controlPlaneX')
      expect(err).toContain('vcluster 0.36.1')
    }
    await writeValues()
    await ok('validate', stack)
  })

  test('a plan shows the objects that it would make, and is applied', async () => {
    const plan = JSON.parse(await ok('plan', stack, '--manifests', '--json'))
    expect(plan.manifests).toMatchObject([{ address: 'VirtualCluster/team' }])
    expect(plan.manifests[0].objects).toContainEqual({ object: 'StatefulSet/team', op: 'add', changes: [] })
    expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('team')

    await ok('apply', stack, '--yes')
    expect(await host.helmJson('list', '-n', 'vcluster-team')).toMatchObject([
      { name: 'team', status: 'deployed' },
    ])
    const secret = await host.kubectlJson<{ data: { config: string } }>(
      '-n',
      'vcluster-team',
      'get',
      'secret',
      'vc-team',
    )
    const config = Buffer.from(secret.data.config, 'base64').toString('utf8')
    const key = /client-key-data: (\S+)/.exec(config)?.[1] ?? ''
    expect(key.length).toBeGreaterThan(100)
    secrets = [hidden, key, key.slice(40, 90), Buffer.from(key, 'base64').toString('utf8').slice(40, 90)]
    const again = JSON.parse(await ok('plan', stack, '--manifests', '--json'))
    expect(again.steps).toEqual([])
    expect(await inside('create', 'configmap', 'proof', '--from-literal=a=b')).toContain('created')
  })

  test('a change inside a values file is in the plan, and in the objects', async () => {
    await writeValues({ logging: { encoding: 'json' } })
    const shown = await ok('plan', stack, '--manifests')
    expect(shown).toContain('values.logging: { encoding: "json" }')
    expect(shown).toContain('Secret/vc-config-team')
    expect(shown).toMatch(/data: \(sensitive, changed\)/)
    const reports = ['plan.md', 'plan.html', 'plan.json', 'plan.txt'].flatMap(file => [
      '--report',
      join(folder, file),
    ])
    await ok('plan', stack, '--manifests', '--full', '--out', join(folder, 'saved.plan'), ...reports)
    await writeValues()
    await ok('plan', stack, '--destroy', '--full')
  })

  test('a host that is away does not hide the rest', async () => {
    const { code, out, err } = await infra('cluster', 'list', '-s', stack, '--json')
    expect(code).toBe(3)
    const listed = JSON.parse(out)
    expect(listed.clusters).toMatchObject([
      { connection: 'vcluster', name: 'team', phase: 'Running', managed: true },
    ])
    expect(listed.unreachable).toMatchObject([{ connection: 'away' }])
    expect(err).toBe('')
    const table = await infra('cluster', 'list', '-s', stack)
    expect(table.out).toMatch(/team +vcluster-team +Running +v1\.36\.0 +0\.36\.1 +1h5\d?m?/)
    expect(table.err).toContain('away')
    expect(await ok('cluster', 'list', '-s', stack, '--host', 'vcluster')).toContain('Running')
  })

  test('status and logs', async () => {
    const status = await ok('cluster', 'status', 'team', '-s', stack)
    expect(status).toMatch(/phase: +Running/)
    expect(status).toMatch(/release: +revision 1, deployed/)
    expect(status).toMatch(/team-0 +Running +yes/)
    const logs = await ok('cluster', 'logs', 'team', '-s', stack, '--lines', '4')
    expect(logs.trim().split('\n')).toHaveLength(4)
    const following = started('cluster', 'logs', 'team', '-s', stack, '--lines', '1', '--follow')
    expect(await firstLine(following)).not.toBe('')
    following.kill('SIGINT')
    expect(await once(following, 'exit')).toEqual([expect.anything(), null])
  })

  test('exec streams, and its exit status is the command’s', async () => {
    expect(await inside('get', 'ns', '-o', 'name')).toContain('namespace/kube-system')
    const run = (...command: readonly string[]) =>
      infra('cluster', 'exec', 'team', '-s', stack, '--', ...command)
    expect((await run('sh', '-c', 'exit 42')).code).toBe(42)
    expect(await run('sh', '-c', 'echo out; echo err >&2')).toMatchObject({ out: 'out\n', err: 'err\n' })
    expect((await run('kubectl', 'get', 'pod', 'nobody')).code).toBe(1)
    expect((await run('no-such-tool')).code).not.toBe(0)
  })

  test('connect forwards a port until Ctrl-C, or merges a context, and leaves nothing', async () => {
    const before = await filesBelow(stack)
    const child = started('cluster', 'connect', 'team', '-s', stack, '--json')
    const { kubeconfig, server } = JSON.parse(await wholeJson(child))
    expect((await stat(kubeconfig)).mode & 0o777).toBe(0o600)
    expect(await host.kubectl('--kubeconfig', kubeconfig, 'get', '--raw', '/readyz')).toBe('ok')
    child.kill('SIGINT')
    await once(child, 'exit')
    expect(existsSync(kubeconfig)).toBe(false)
    await expect(listens(Number(new URL(server).port))).resolves.toBe(false)
    expect(await filesBelow(stack)).toEqual(before)

    const file = join(folder, 'user-config')
    await writeFile(file, 'apiVersion: v1\nkind: Config\ncontexts: [{name: mine, context: {}}]\n')
    await ok('cluster', 'connect', 'team', '-s', stack, '--merge', '--use', '--file', file)
    expect(await host.kubectl('--kubeconfig', file, 'get', '--raw', '/readyz')).toBe('ok')
    await ok('cluster', 'connect', 'team', '-s', stack, '--remove', '--file', file)
    const left = await readFile(file, 'utf8')
    expect(left).toContain('mine')
    expect(left).not.toContain('infra_team')
  })

  test('the kubeconfig is encrypted at rest, private, and written anew on request', async () => {
    const path = (await ok('cluster', 'kubeconfig', 'team', '-s', stack)).trim()
    const sealed = await readFile(path, 'utf8')
    expect(sealed).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
    const opener = new Decrypter()
    opener.addIdentity(await identity)
    expect(await opener.decrypt(armor.decode(sealed), 'text')).toContain(secrets[1])
    await ok('cluster', 'kubeconfig', 'team', '-s', stack)
    expect(await readFile(path, 'utf8')).toBe(sealed)
    await ok('cluster', 'kubeconfig', 'team', '-s', stack, '--refresh')
    expect(await readFile(path, 'utf8')).not.toBe(sealed)
    expect(await ok('cluster', 'kubeconfig', 'team', '-s', stack, '--stdout')).toContain(secrets[1])
  })

  test('a clean apply is zero drift, and what others do is told as it happens, through a lost API server', async () => {
    const { code, out } = await infra('drift', stack, '--json')
    const report = JSON.parse(out) as DriftReport
    const differs = report.resources.flatMap(one =>
      one.attributes.filter(a => a.status === 'modified' || a.status === 'deleted'),
    )
    expect(differs).toEqual([])
    expect(report.unmanaged).toEqual([])
    expect(code, out).toBe(0)

    const here = await desk({ 'vars.yaml': stringify({ password: hidden }) })
    try {
      // So long that nothing but an event can have been the reason
      const watch = startWatch(here, stack, '--var-file', 'vars.yaml', '--interval', '1h')
      await watch.next(
        event => event.type === 'watching' && event.connection === 'vcluster' && event.how === 'events',
        120,
      )
      await watch.next(event => event.type === 'scan', 120)

      const service = ['-n', 'vcluster-team', 'patch', 'service', 'team', '-p']
      await host.kubectl(...service, '{"spec":{"type":"NodePort"}}')
      await watch.next(drift('VirtualCluster/team', 'appeared', 'handChanges'), 120)
      await host.kubectl(...service, '{"spec":{"type":"ClusterIP"}}')
      await watch.next(drift('VirtualCluster/team', 'gone', 'handChanges'), 120)

      const release = ['team', '-n', 'vcluster-team']
      await host.helm('upgrade', ...release, host.chart, '--reuse-values', '--set', 'telemetry.enabled=true')
      await watch.next(drift('VirtualCluster/team', 'appeared', 'values.telemetry.enabled'), 120)

      await host.apiServer('kill')
      await watch.next(event => event.type === 'blind' && event.connection === 'vcluster', 120)
      await host.apiServer('start')
      await watch.next(event => event.type === 'watching' && event.again === true, 240)
      await host.helm('rollback', 'team', '1', '-n', 'vcluster-team')
      await watch.next(drift('VirtualCluster/team', 'gone', 'values.telemetry.enabled'), 120)

      watch.running.signal('SIGTERM')
      const ended = await watch.running.ended
      said.push(ended.text)
      expect(ended.code, ended.text).toBe(0)
      expect(watch.events().filter(event => event.type === 'scan')).toHaveLength(1)
    } finally {
      await here.clear()
    }
  }, 900_000)

  describe.concurrent('one cluster', () => {
    describe.sequential('in order', () => {
      test('pause and resume go through the journal, and can be rolled back', async () => {
        const shown = await ok('cluster', 'pause', 'team', '-s', stack)
        expect(shown).toContain('paused: false → true')
        const status = async () => {
          const all = JSON.parse(await host.vclusterctl('list', '--driver', 'helm', '--output', 'json'))
          return all.find((one: { Name: string }) => one.Name === 'team')?.Status
        }
        expect(await status()).toBe('Paused')
        const refused = await infra('cluster', 'exec', 'team', '-s', stack, '--', 'true')
        expect(refused).toMatchObject({ code: 4, err: expect.stringContaining('infra cluster resume') })
        // One of the first apply, one of the pause.
        expect(await ok('checkpoint', 'ls', stack)).toMatch(/2 created[\s\S]*1 changed/)
        await ok('cluster', 'resume', 'team', '-s', stack)
        expect(await status()).toBe('Running')
        expect(await inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
      })

      test('extend puts the end off on the object itself', async () => {
        const end = async () => {
          const set = await host.kubectlJson<{ metadata: { annotations: Record<string, string> } }>(
            '-n',
            'vcluster-team',
            'get',
            'statefulset',
            'team',
          )
          return Date.parse(set.metadata.annotations['infra/expires-at'] ?? '')
        }
        const before = await end()
        await ok('cluster', 'extend', 'team', '-s', stack, '--for', '1h')
        expect((await end()) - before).toBe(3_600_000)
      })

      test('an upgrade to another chart and another Kubernetes keeps what is in the cluster', async () => {
        // The lab has the same programs under both versions: what is proved is the way from one to the other
        const about = join(stack, 'chart', 'Chart.yaml')
        await writeFile(about, (await readFile(about, 'utf8')).replace(/^version: .*$/m, 'version: 0.36.2'))
        const versions = ['--chart-version', '0.36.2', '--kubernetes-version', 'v1.36.1']
        const upgrade = ['cluster', 'upgrade', 'team', '-s', stack, ...versions]
        expect(await infra(...upgrade)).toMatchObject({ code: 1, err: expect.stringContaining('--yes') })
        await ok(...upgrade, '--yes')
        expect(await host.helmJson('list', '-n', 'vcluster-team')).toMatchObject([
          { status: 'deployed', chart: 'vcluster-0.36.2' },
        ])
        const images = 'jsonpath={.spec.containers[*].image} {.spec.initContainers[*].image}'
        const pod = await host.kubectl('-n', 'vcluster-team', 'get', 'pod', 'team-0', '-o', images)
        expect(pod).toMatch(/vcluster-oss:0\.36\.2 .*kubernetes:v1\.36\.1/)
        expect(await inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
        await writeStack(newer)
        expect(JSON.parse(await ok('plan', stack, '--json')).steps).toEqual([])
      }, 600_000)

      test('an upgrade that fails is rolled back', async () => {
        await writeStack({ ...newer, readinessTimeout: '30s' })
        await ok('apply', stack, '--yes')
        const upgrade = ['cluster', 'upgrade', 'team', '-s', stack, '--kubernetes-version', 'v1.36.9']
        const failed = await infra(...upgrade, '--yes')
        expect(failed.code).toBe(4)
        expect(failed.err).toMatch(/v1\.36\.9/)
        expect(failed.err).toContain('everything this apply did was put back')
        await writeStack(newer)
        await ok('apply', stack, '--yes')
        expect(await host.helmJson('list', '-n', 'vcluster-team')).toMatchObject([{ status: 'deployed' }])
        expect(await inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
        expect(JSON.parse(await ok('plan', stack, '--json')).steps).toEqual([])
      }, 600_000)

      test('a backup is read back; a restore that is killed is seen, and completed', async () => {
        const address = 'container:///data/one.tar.gz'
        expect(await ok('cluster', 'backup', 'team', address, '-s', stack)).toMatch(
          /\(\d+ bytes, \d{2,} entries\)/,
        )
        const none = await infra('cluster', 'restore', 'team', 'container:///data/none', '-s', stack, '--yes')
        expect(none).toMatchObject({ code: 5, err: expect.stringContaining('No such file') })
        await inside('delete', 'configmap', 'proof')

        const restoring = started('cluster', 'restore', 'team', address, '-s', stack, '--yes')
        const over = once(restoring, 'exit')
        const set = ['-n', 'vcluster-team', 'get', 'statefulset', 'team', '-o', 'jsonpath={.spec.replicas}']
        while ((await host.kubectl(...set)) !== '0' && restoring.exitCode === null) await sleep(50)
        restoring.kill('SIGKILL')
        expect(await over).toEqual([null, 'SIGKILL'])

        const refused = await infra('cluster', 'pause', 'team', '-s', stack)
        expect(refused.code).not.toBe(0)
        expect(refused.err).toMatch(/was cut off[\s\S]*restore team[\s\S]*infra recover/)
        const back = await infra('recover', stack, '--back', '--yes')
        expect(back).toMatchObject({ code: 2, err: expect.stringContaining('cannot be taken back') })
        expect(await ok('recover', stack, '--forward', '--yes')).toContain(
          'is as in container:///data/one.tar.gz',
        )
        expect(await inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
        expect(await ok('recover', stack, '--forward')).toContain('nothing to recover')
        expect(JSON.parse(await ok('plan', stack, '--json')).steps).toEqual([])
      }, 600_000)
    })
  })

  describe.concurrent('what others made', () => {
    test('is written as a stack, taken over, and leaves nothing to do', async () => {
      const values = join(folder, 'foreign.yaml')
      await writeFile(values, stringify({ ...host.values, logging: { encoding: 'json' } }))
      const ghost = join(folder, 'ghost')
      await mkdir(ghost)
      const entry = { namespace: 'ghostcluster', createdAt: new Date().toISOString(), ttl: '3h0m0s' }
      const old = { namespace: 'handmade', createdAt: '2026-01-01T00:00:00Z', ttl: '1s' }
      await writeFile(
        join(ghost, 'clusters.json'),
        JSON.stringify({ clusters: { ghost: entry, handmade: old } }),
      )
      await Promise.all([
        host.helm('install', 'handmade', host.chart, '-n', 'handmade', '--create-namespace', '-f', values),
        host.vclusterctl(
          ...['create', 'ghost', '-n', 'ghostcluster', '--driver', 'helm', '--add=false', '--connect=false'],
          ...['--local-chart-dir', host.chart, '--values', values],
        ),
      ])
      const found = join(folder, 'found')
      await mkdir(found)
      const text = join(found, 'stack.yaml')
      await ok('discover', '--kubeconfig', host.kubeconfig, '--ghost', ghost, '--out', text)
      const written = await readFile(text, 'utf8')
      expect(written).toContain('ghostctl gave it a time to live of 3h, which it never enforced')
      expect(written).not.toContain('name: team')
      await ok('import', 'VirtualCluster/handmade', 'handmade', found, '--yes')
      await ok('adopt', found, '--yes')
      expect(JSON.parse(await ok('plan', found, '--json')).steps).toEqual([])
      const listed = JSON.parse(await ok('cluster', 'list', '-s', found, '--json'))
      expect(listed.clusters).toMatchObject([
        { name: 'ghost', managed: true },
        { name: 'handmade', managed: true },
        { name: 'team', managed: false },
      ])
      await ok('destroy', found, '--yes')
      const releases = await host.helmJson<readonly { name: string }[]>('list', '-A', '-a')
      expect(releases.map(one => one.name)).toEqual(['team'])
      // They were there before infra, and so were their namespaces.
      expect(await host.kubectl('get', 'ns', '-o', 'name')).toMatch(/ghostcluster[\s\S]*handmade/)
      for (const namespace of ['ghostcluster', 'handmade'])
        expect((await host.kubectl('-n', namespace, 'get', 'all,pvc,secrets', '-o', 'name')).trim()).toBe('')
    })
  })

  test('what has expired is reaped, and a rollback brings the same cluster back', async () => {
    const kept = await infra('reap', stack, '--host', 'vcluster')
    expect(kept).toMatchObject({ code: 0, out: 'Nothing has expired.\n' })
    const mark = 'infra/expires-at=2001-01-01T00:00:00.000Z'
    await host.kubectl('-n', 'vcluster-team', 'annotate', 'statefulset', 'team', '--overwrite', mark)
    const dry = await infra('reap', stack, '--dry-run')
    expect(dry.code).toBe(3)
    expect(dry.out).toContain('VirtualMachine/runner needs it')
    await ok('reap', stack, '--yes', '--host', 'vcluster')
    expect(await host.helmJson('list', '-n', 'vcluster-team')).toHaveLength(1)

    await ok('reap', stack, '--yes', '--dependents', '--host', 'vcluster')
    expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('team')
    expect(await host.helmJson('list', '-A')).toEqual([])
    await ok('rollback', stack, '--yes')
    expect(await inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
  })

  test('no secret is in any output or file', async () => {
    expect(secrets).toHaveLength(4)
    const files = await filesBelow(folder)
    const read = await Promise.all(
      files
        // The embedded world is the system below: the machine's disk has its kubeconfig, as a real one would.
        .filter(file => !/\/world[^/]*$/.test(file))
        .map(async file => [file, await readFile(file, 'utf8')] as const),
    )
    expect(files.some(file => file.endsWith('state.json'))).toBe(true)
    expect(files.some(file => file.includes('checkpoint'))).toBe(true)
    expect(files.some(file => file.endsWith('infra.log'))).toBe(true)
    const found = [...read, ['output', said.join('\n')] as const].flatMap(([file, text]) =>
      secrets.flatMap((secret, index) => {
        // What a stack's own variable says is in its state, for its owner alone.
        const recorded = index === 0 && file.includes('/.infra/')
        return text.includes(secret) && !recorded ? [`secret ${index} in ${file}`] : []
      }),
    )
    expect(found).toEqual([])
  })

  test('is destroyed, and nothing is left once its checkpoints are pruned', async () => {
    await ok('destroy', stack, '--yes')
    expect(await host.helmJson('list', '-A')).toEqual([])
    for (const path of [stack, join(folder, 'found')])
      await ok('checkpoint', 'prune', path, '--keep', '0', '--yes')
    expect((await host.kubectl('get', 'pv', '-o', 'name')).trim()).toBe('')
    expect(await filesBelow(join(stack, '.infra', 'sandbox', 'kubeconfigs'))).toEqual([])
  })

  function started(...args: readonly string[]): ChildProcess {
    const child = spawn(bin, [...args], { cwd: folder, env: env(), stdio: ['ignore', 'pipe', 'pipe'] })
    child.stderr?.on('data', chunk => said.push(String(chunk)))
    return child
  }
})

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no output')
  for await (const line of createInterface({ input: child.stdout })) return line
  return ''
}

/** What a process that goes on prints at first: one JSON document. */
async function wholeJson(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no output')
  let text = ''
  for await (const line of createInterface({ input: child.stdout })) {
    text += line
    if (line === '}') break
  }
  return text
}

async function filesBelow(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return []
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Commands that change nothing in the cluster: list, status, logs, exec, connect, kubeconfig. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { armor, Decrypter } from 'age-encryption'
import { expect, test } from 'vitest'
import { gibibytes } from '../../../../src/report/text.js'
import { type CommandDesk, filesBelow } from './desk.js'

/** Registers the suite, whose tests follow one another. */
export function looking(desk: CommandDesk): void {
  const { host } = desk

  test('a host that is away does not hide the rest', async () => {
    const { code, out, err } = await desk.infra('cluster', 'list', '-s', desk.stack, '--json')
    expect(code).toBe(3)
    const listed = JSON.parse(out)
    const team = { connection: 'vcluster', name: 'team', phase: 'Running', managed: true }
    expect(listed.clusters).toContainEqual(expect.objectContaining(team))
    expect(listed.unreachable).toMatchObject([{ connection: 'away' }])
    expect(err).toBe('')
    const table = await desk.infra('cluster', 'list', '-s', desk.stack)
    expect(table.out).toMatch(/team +vcluster-team +Running +v1\.36\.0 +0\.36\.1 +1h5\d?m?/)
    expect(table.err).toContain('away')
    expect(await desk.ok('cluster', 'list', '-s', desk.stack, '--host', 'vcluster')).toContain('Running')
  })

  test('exec streams, and its exit status is the command’s', async () => {
    expect(await desk.inside('get', 'ns', '-o', 'name')).toContain('namespace/kube-system')
    const run = (...command: readonly string[]) =>
      desk.infra('cluster', 'exec', 'team', '-s', desk.stack, '--', ...command)
    expect((await run('sh', '-c', 'exit 42')).code).toBe(42)
    expect(await run('sh', '-c', 'echo out; echo err >&2')).toMatchObject({ out: 'out\n', err: 'err\n' })
    expect((await run('kubectl', 'get', 'pod', 'nobody')).code).toBe(1)
    expect((await run('no-such-tool')).code).not.toBe(0)
  })

  test('connect forwards a port until Ctrl-C, or merges a context, and leaves nothing', async () => {
    const before = await filesBelow(desk.stack)
    const child = desk.started('cluster', 'connect', 'team', '-s', desk.stack, '--json')
    const { kubeconfig, server } = JSON.parse(await wholeJson(child))
    expect((await stat(kubeconfig)).mode & 0o777).toBe(0o600)
    expect(await host.kubectl('--kubeconfig', kubeconfig, 'get', '--raw', '/readyz')).toBe('ok')
    child.kill('SIGINT')
    await once(child, 'exit')
    expect(existsSync(kubeconfig)).toBe(false)
    await expect(listens(Number(new URL(server).port))).resolves.toBe(false)
    expect(await filesBelow(desk.stack)).toEqual(before)

    const file = join(desk.folder, 'user-config')
    await writeFile(file, 'apiVersion: v1\nkind: Config\ncontexts: [{name: mine, context: {}}]\n')
    await desk.ok('cluster', 'connect', 'team', '-s', desk.stack, '--merge', '--use', '--file', file)
    expect(await host.kubectl('--kubeconfig', file, 'get', '--raw', '/readyz')).toBe('ok')
    await desk.ok('cluster', 'connect', 'team', '-s', desk.stack, '--remove', '--file', file)
    const left = await readFile(file, 'utf8')
    expect(left).toContain('mine')
    expect(left).not.toContain('infra_team')
  })

  test('the kubeconfig is encrypted at rest, private, and written anew on request', async () => {
    const path = (await desk.ok('cluster', 'kubeconfig', 'team', '-s', desk.stack)).trim()
    const sealed = await readFile(path, 'utf8')
    expect(sealed).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
    const opener = new Decrypter()
    opener.addIdentity(await desk.identity)
    expect(await opener.decrypt(armor.decode(sealed), 'text')).toContain(desk.secrets[1])
    await desk.ok('cluster', 'kubeconfig', 'team', '-s', desk.stack)
    expect(await readFile(path, 'utf8')).toBe(sealed)
    await desk.ok('cluster', 'kubeconfig', 'team', '-s', desk.stack, '--refresh')
    expect(await readFile(path, 'utf8')).not.toBe(sealed)
    expect(await desk.ok('cluster', 'kubeconfig', 'team', '-s', desk.stack, '--stdout')).toContain(
      desk.secrets[1],
    )
  })

  // Last of these: a metrics server tells of a pod some twenty seconds after the pod has begun
  test('status and logs', async () => {
    const { status, cpu, memory } = await statusAndUse(desk)
    expect(status).toMatch(/phase: +Running/)
    expect(status).toMatch(new RegExp(`^cpu: +${cpu}$`, 'm'))
    expect(status).toMatch(new RegExp(`^memory: +${memory}$`, 'm'))
    expect(status).toMatch(/release: +revision 1, deployed/)
    expect(status).toMatch(/team-0 +Running +yes/)
    const logs = await desk.ok('cluster', 'logs', 'team', '-s', desk.stack, '--lines', '4')
    expect(logs.trim().split('\n')).toHaveLength(4)
    const following = desk.started('cluster', 'logs', 'team', '-s', desk.stack, '--lines', '1', '--follow')
    expect(await firstLine(following)).not.toBe('')
    following.kill('SIGINT')
    expect(await once(following, 'exit')).toEqual([expect.anything(), null])
  })
}

interface PodMetrics {
  readonly metadata: { readonly name: string }
  /** When it was measured: every ten seconds. */
  readonly timestamp: string
  readonly containers: readonly { readonly usage: { readonly cpu: string; readonly memory: string } }[]
}

const units: Readonly<Record<string, number>> = { n: 1e-9, u: 1e-6, m: 1e-3, Ki: 2 ** 10, Mi: 2 ** 20 }

/** `123456n`, `512Ki`. */
function amount(text: string): number {
  const [, count, unit = ''] = /^(\d+)(\D*)$/.exec(text) ?? []
  return Number(count) * (unit === '' ? 1 : (units[unit] ?? Number.NaN))
}

/** What `infra cluster status` prints, and the use that the metrics server itself told both before and after it. */
async function statusAndUse({ host, name, stack, ok }: CommandDesk) {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/vcluster-${name}/pods`
  const measured = async () =>
    (JSON.parse(await host.kubectl('get', '--raw', path)) as { items: readonly PodMetrics[] }).items
  const times = (pods: readonly PodMetrics[]) => pods.map(pod => pod.timestamp).join()
  for (;;) {
    const before = await measured()
    if (!before.some(pod => pod.metadata.name === `${name}-0`)) {
      await sleep(1_000)
      continue
    }
    const status = await ok('cluster', 'status', name, '-s', stack)
    // Measured anew meanwhile, or too busy a machine to tell it at once
    if (times(await measured()) !== times(before) || !status.includes('\ncpu: ')) continue
    const use = before.flatMap(pod => pod.containers.map(one => one.usage))
    const total = (what: 'cpu' | 'memory') => use.reduce((sum, one) => sum + amount(one[what]), 0)
    return {
      status,
      cpu: `${Math.round(total('cpu') * 1000)}m`,
      memory: gibibytes(total('memory') / 2 ** 30),
    }
  }
}

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

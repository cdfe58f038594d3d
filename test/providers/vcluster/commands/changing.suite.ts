/** Pause, resume, extend and upgrade; an upgrade that fails. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CommandDesk } from './desk.js'

/** What the document says of versions after the upgrade. */
const newer = { chart: { path: 'chart', version: '0.36.2' }, kubernetesVersion: 'v1.36.1' }

/** Registers the suite, whose tests follow one another. */
export function changing(desk: CommandDesk): void {
  const { host, name } = desk
  const space = `vcluster-${name}`

  test('pause and resume go through the journal, and can be rolled back', async () => {
    const shown = await desk.ok('cluster', 'pause', name, '-s', desk.stack)
    expect(shown).toContain('paused: false → true')
    const status = async () => {
      const all = JSON.parse(await host.vclusterctl('list', '--driver', 'helm', '--output', 'json'))
      return all.find((one: { Name: string }) => one.Name === name)?.Status
    }
    expect(await status()).toBe('Paused')
    const refused = await desk.infra('cluster', 'exec', name, '-s', desk.stack, '--', 'true')
    expect(refused).toMatchObject({ code: 4, err: expect.stringContaining('infra cluster resume') })
    // One of the first apply, one of the pause.
    expect(await desk.ok('checkpoint', 'ls', desk.stack)).toMatch(/2 created[\s\S]*1 changed/)
    await desk.ok('cluster', 'resume', name, '-s', desk.stack)
    expect(await status()).toBe('Running')
    expect(await desk.inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
  })

  test('an upgrade to another chart and another Kubernetes keeps what is in the cluster', async () => {
    // The lab has the same programs under both versions: what is proved is the way from one to the other
    const about = join(desk.stack, 'chart', 'Chart.yaml')
    await writeFile(about, (await readFile(about, 'utf8')).replace(/^version: .*$/m, 'version: 0.36.2'))
    const versions = ['--chart-version', '0.36.2', '--kubernetes-version', 'v1.36.1']
    const upgrade = ['cluster', 'upgrade', name, '-s', desk.stack, ...versions]
    expect(await desk.infra(...upgrade)).toMatchObject({ code: 1, err: expect.stringContaining('--yes') })
    await desk.ok(...upgrade, '--yes')
    expect(await host.helmJson('list', '-n', space)).toMatchObject([
      { status: 'deployed', chart: 'vcluster-0.36.2' },
    ])
    const images = 'jsonpath={.spec.containers[*].image} {.spec.initContainers[*].image}'
    const pod = await host.kubectl('-n', space, 'get', 'pod', `${name}-0`, '-o', images)
    expect(pod).toMatch(/vcluster-oss:0\.36\.2 .*kubernetes:v1\.36\.1/)
    expect(await desk.inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
    await desk.writeStack(newer)
    expect(JSON.parse(await desk.ok('plan', desk.stack, '--json')).steps).toEqual([])
  })

  test('an upgrade that fails is rolled back', async () => {
    // An image that this host may not pull is no matter of time: it is said at once
    const upgrade = ['cluster', 'upgrade', name, '-s', desk.stack, '--kubernetes-version', 'v1.36.9']
    const failed = await desk.infra(...upgrade, '--yes')
    expect(failed.code).toBe(4)
    expect(failed.err).toMatch(/v1\.36\.9/)
    expect(failed.err).toContain('everything this apply did was put back')
    expect(await host.helmJson('list', '-n', space)).toMatchObject([{ status: 'deployed' }])
    expect(await desk.inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
    expect(JSON.parse(await desk.ok('plan', desk.stack, '--json')).steps).toEqual([])
  })
}

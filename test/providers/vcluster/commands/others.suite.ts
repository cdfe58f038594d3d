/** Clusters that others made: written as a stack, taken over, destroyed. None of them ever becomes ready: no pod runs here. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { CommandDesk } from './desk.js'

/** Registers the suite. The host is an API server alone. */
export function others(desk: CommandDesk): void {
  const { host } = desk

  test('what others made is written as a stack, taken over, and leaves nothing to do', async () => {
    const values = join(desk.folder, 'foreign.yaml')
    await writeFile(values, stringify({ ...host.values, logging: { encoding: 'json' } }))
    const ghost = join(desk.folder, 'ghost')
    await mkdir(ghost, { recursive: true })
    const entry = { namespace: 'ghostcluster', createdAt: new Date().toISOString(), ttl: '3h0m0s' }
    const old = { namespace: 'handmade', createdAt: '2026-01-01T00:00:00Z', ttl: '1s' }
    await writeFile(
      join(ghost, 'clusters.json'),
      JSON.stringify({ clusters: { ghost: entry, handmade: old } }),
    )
    await Promise.all([
      host.helm(
        ...[
          'upgrade',
          '--install',
          'handmade',
          host.chart,
          '-n',
          'handmade',
          '--create-namespace',
          '-f',
          values,
        ],
      ),
      host.vclusterctl(
        ...['create', 'ghost', '-n', 'ghostcluster', '--driver', 'helm', '--add=false', '--connect=false'],
        ...['--local-chart-dir', host.chart, '--values', values],
      ),
    ])
    const found = join(desk.folder, 'found')
    await mkdir(found, { recursive: true })
    const text = join(found, 'stack.yaml')
    await desk.ok('discover', '--kubeconfig', host.kubeconfig, '--ghost', ghost, '--out', text)
    const written = await readFile(text, 'utf8')
    expect(written).toContain('ghostctl gave it a time to live of 3h, which it never enforced')
    expect(written).not.toContain('name: team')
    await desk.ok('import', 'VirtualCluster/handmade', 'handmade', found, '--yes')
    await desk.ok('adopt', found, '--yes')
    expect(JSON.parse(await desk.ok('plan', found, '--json')).steps).toEqual([])
    const listed = JSON.parse(await desk.ok('cluster', 'list', '-s', found, '--json'))
    for (const one of [
      { name: 'ghost', managed: true },
      { name: 'handmade', managed: true },
      { name: 'team', managed: false },
    ])
      expect(listed.clusters).toContainEqual(expect.objectContaining(one))
    await desk.ok('destroy', found, '--yes')
    const releases = await host.helmJson<readonly { name: string }[]>('list', '-A', '-a')
    const names = releases.map(one => one.name)
    expect(names).toContain('team')
    expect(names.filter(name => ['ghost', 'handmade'].includes(name))).toEqual([])
    await desk.ok('checkpoint', 'prune', found, '--keep', '0', '--yes')
    // They were there before infra, and so were their namespaces.
    expect(await host.kubectl('get', 'ns', '-o', 'name')).toMatch(/ghostcluster[\s\S]*handmade/)
    for (const namespace of ['ghostcluster', 'handmade'])
      expect((await host.kubectl('-n', namespace, 'get', 'all,pvc,secrets', '-o', 'name')).trim()).toBe('')
  })
}

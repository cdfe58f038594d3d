/** The first apply of a cluster, from the values that its chart refuses to the plan of a change. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { CommandDesk } from './desk.js'

/** Registers the suite, whose tests follow one another. */
export function first(desk: CommandDesk): void {
  const { host } = desk

  test('values that the chart refuses are told at their line, by validate and by plan', async () => {
    await writeFile(
      join(desk.stack, 'lab.values.yaml'),
      `${stringify(host.values)}controlPlaneX: 1\nlogging:\n  encoding: 5\n`,
    )
    for (const verb of ['validate', 'plan']) {
      const { code, err } = await desk.infra(verb, desk.stack)
      expect(code).toBe(2)
      expect(err).toMatch(/lab\.values\.yaml:\d+:13/)
      expect(err).toContain('`logging.encoding`')
      expect(err).toContain('controlPlaneX')
      expect(err).toContain('vcluster 0.36.1')
    }
    await desk.writeValues()
    await desk.ok('validate', desk.stack)
  })

  test('a plan shows the objects that it would make, and is applied', async () => {
    const plan = JSON.parse(await desk.ok('plan', desk.stack, '--manifests', '--json'))
    expect(plan.manifests).toMatchObject([{ address: 'VirtualCluster/team' }])
    expect(plan.manifests[0].objects).toContainEqual({ object: 'StatefulSet/team', op: 'add', changes: [] })
    expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toMatch(/vcluster-team$/m)

    await desk.make()
    expect(await host.helmJson('list', '-n', 'vcluster-team')).toMatchObject([
      { name: 'team', status: 'deployed' },
    ])
    const again = JSON.parse(await desk.ok('plan', desk.stack, '--manifests', '--json'))
    expect(again.steps).toEqual([])
    expect(await desk.inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
  })

  test('a change inside a values file is in the plan, and in the objects', async () => {
    await desk.writeValues({ logging: { encoding: 'json' } })
    const shown = await desk.ok('plan', desk.stack, '--manifests')
    expect(shown).toContain('values.logging: { encoding: "json" }')
    expect(shown).toMatch(/VirtualCluster\/team: lives until \d{4}-\d\d-\d\dT[\d:.]+Z/)
    expect(shown).toContain('Secret/vc-config-team')
    expect(shown).toMatch(/data: \(sensitive, changed\)/)
    const reports = ['plan.md', 'plan.html', 'plan.json', 'plan.txt'].flatMap(file => [
      '--report',
      join(desk.folder, file),
    ])
    await desk.ok(
      'plan',
      desk.stack,
      '--manifests',
      '--full',
      '--out',
      join(desk.folder, 'saved.plan'),
      ...reports,
    )
    await desk.writeValues()
    await desk.ok('plan', desk.stack, '--destroy', '--full')
  })
}

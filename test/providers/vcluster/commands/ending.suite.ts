/** The end of a cluster: expired, brought back, destroyed; and nothing that it let slip meanwhile. */
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { type CommandDesk, filesBelow } from './desk.js'
import { nothingSlipped } from './secrets.js'

/** Registers the suite, whose tests follow one another. */
export function ending(desk: CommandDesk): void {
  const { host } = desk

  test('what has expired is reaped, and a rollback brings the same cluster back', async () => {
    const kept = await desk.ok('reap', desk.stack, '--host', 'vcluster', '--json')
    expect(JSON.parse(kept).due).toEqual([])
    const mark = 'infra/expires-at=2001-01-01T00:00:00.000Z'
    await host.kubectl('-n', 'vcluster-team', 'annotate', 'statefulset', 'team', '--overwrite', mark)
    const dry = await desk.infra('reap', desk.stack, '--dry-run')
    expect(dry.code).toBe(3)
    expect(dry.out).toContain('VirtualMachine/runner needs it')
    await desk.ok('reap', desk.stack, '--yes', '--host', 'vcluster')
    expect(await host.helmJson('list', '-n', 'vcluster-team')).toHaveLength(1)

    const how = ['--watch', '--every', '1s', '--yes', '--dependents', '--host', 'vcluster']
    const watching = desk.started('reap', desk.stack, ...how)
    const lines: string[] = []
    // It goes on once what had expired is gone, until Ctrl-C
    for await (const line of createInterface({ input: watching.stdout as Readable }))
      if (lines.push(line) && line.includes('Nothing has expired')) watching.kill('SIGINT')
    desk.said.push(...lines)
    if (watching.exitCode === null) await once(watching, 'exit')
    expect([watching.exitCode, watching.signalCode], lines.join('\n')).toEqual([0, null])
    expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toMatch(/vcluster-team$/m)
    expect(await host.helmJson('list', '-n', 'vcluster-team')).toEqual([])
    await desk.ok('rollback', desk.stack, '--yes')
    expect(await desk.inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
  })

  nothingSlipped(desk)

  /** Volumes of the host that are, or were, the cluster's. */
  const volumes = () =>
    host.kubectl(
      'get',
      'pv',
      '-o',
      'jsonpath={.items[?(@.spec.claimRef.namespace=="vcluster-team")].metadata.name}',
    )

  test('is destroyed, and nothing is left once its checkpoints are pruned', async () => {
    await desk.ok('destroy', desk.stack, '--yes')
    expect(await host.helmJson('list', '-n', 'vcluster-team')).toEqual([])
    expect(await volumes()).not.toBe('')
    await desk.ok('checkpoint', 'prune', desk.stack, '--keep', '0', '--yes')
    expect(await volumes()).toBe('')
    expect(await filesBelow(join(desk.stack, '.infra', 'sandbox', 'kubeconfigs'))).toEqual([])
  })
}

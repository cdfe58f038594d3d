/** The end of a cluster: expired, brought back, destroyed; and nothing that it let slip meanwhile. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type CommandDesk, filesBelow } from './desk.js'

/** Registers the suite, whose tests follow one another. */
export function ending(desk: CommandDesk): void {
  const { host } = desk

  test('what has expired is reaped, and a rollback brings the same cluster back', async () => {
    const kept = await desk.infra('reap', desk.stack, '--host', 'vcluster')
    expect(kept).toMatchObject({ code: 0, out: 'Nothing has expired.\n' })
    const mark = 'infra/expires-at=2001-01-01T00:00:00.000Z'
    await host.kubectl('-n', 'vcluster-team', 'annotate', 'statefulset', 'team', '--overwrite', mark)
    const dry = await desk.infra('reap', desk.stack, '--dry-run')
    expect(dry.code).toBe(3)
    expect(dry.out).toContain('VirtualMachine/runner needs it')
    await desk.ok('reap', desk.stack, '--yes', '--host', 'vcluster')
    expect(await host.helmJson('list', '-n', 'vcluster-team')).toHaveLength(1)

    await desk.ok('reap', desk.stack, '--yes', '--dependents', '--host', 'vcluster')
    expect(await host.kubectl('get', 'ns', '-o', 'name')).not.toContain('team')
    expect(await host.helmJson('list', '-A')).toEqual([])
    await desk.ok('rollback', desk.stack, '--yes')
    expect(await desk.inside('get', 'configmap', 'proof', '-o', 'name')).toContain('configmap/proof')
  })

  test('no secret is in any output or file', async () => {
    expect(desk.secrets).toHaveLength(4)
    const files = await filesBelow(desk.folder)
    const read = await Promise.all(
      files
        // The embedded world is the system below: the machine's disk has its kubeconfig, as a real one would.
        .filter(file => !/\/world[^/]*$/.test(file))
        .map(async file => [file, await readFile(file, 'utf8')] as const),
    )
    expect(files.some(file => file.endsWith('state.json'))).toBe(true)
    expect(files.some(file => file.includes('checkpoint'))).toBe(true)
    expect(files.some(file => file.endsWith('infra.log'))).toBe(true)
    const found = [...read, ['output', desk.said.join('\n')] as const].flatMap(([file, text]) =>
      desk.secrets.flatMap((secret, index) => {
        // What a stack's own variable says is in its state, for its owner alone.
        const recorded = index === 0 && file.includes('/.infra/')
        return text.includes(secret) && !recorded ? [`secret ${index} in ${file}`] : []
      }),
    )
    expect(found).toEqual([])
  })

  test('is destroyed, and nothing is left once its checkpoints are pruned', async () => {
    await desk.ok('destroy', desk.stack, '--yes')
    expect(await host.helmJson('list', '-A')).toEqual([])
    for (const path of [desk.stack, join(desk.folder, 'found')])
      await desk.ok('checkpoint', 'prune', path, '--keep', '0', '--yes')
    expect((await host.kubectl('get', 'pv', '-o', 'name')).trim()).toBe('')
    expect(await filesBelow(join(desk.stack, '.infra', 'sandbox', 'kubeconfigs'))).toEqual([])
  })
}

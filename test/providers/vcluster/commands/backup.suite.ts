/** Backups and restores, and what is cut off of them. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { CommandDesk } from './desk.js'

/** Registers the suite, whose tests follow one another. */
export function backup(desk: CommandDesk): void {
  const { host, name } = desk
  const space = `vcluster-${name}`
  const address = 'container:///data/one.tar.gz'
  const place = ['-n', space]
  const maps = () => desk.inside('get', 'configmaps', '-o', 'name')

  /** Everything that changes the cluster is refused until what was cut off is settled. */
  async function isSeen(what: string) {
    const refused = await desk.infra('cluster', 'pause', name, '-s', desk.stack)
    expect(refused.code).not.toBe(0)
    expect(refused.err).toMatch(new RegExp(`was cut off[\\s\\S]*${what} ${name}[\\s\\S]*infra recover`))
  }

  test('a backup that is killed is seen, and made', async () => {
    await writeFile(desk.toolHeld.request, '')
    const backing = desk.started('cluster', 'backup', name, address, '-s', desk.stack)
    const over = once(backing, 'exit')
    while (!existsSync(desk.toolHeld.sign) && backing.exitCode === null) await sleep(50)
    process.kill(-(backing.pid ?? 0), 'SIGKILL')
    expect(await over).toEqual([null, 'SIGKILL'])
    await rm(desk.toolHeld.request)

    await isSeen('backup')
    expect(await desk.ok('recover', desk.stack, '--forward', '--yes')).toMatch(
      new RegExp(`${name} → container:///data/one\\.tar\\.gz \\(\\d+ bytes, \\d{2,} entries\\)`),
    )
  })

  test('a restore that is killed is seen, and taken back: what was made since the backup is there again', async () => {
    const none = ['cluster', 'restore', name, 'container:///data/none', '-s', desk.stack, '--yes']
    expect(await desk.infra(...none)).toMatchObject({ code: 5, err: expect.stringContaining('No such file') })
    await desk.inside('delete', 'configmap', 'proof')
    await desk.inside('create', 'configmap', 'later', '--from-literal=a=b')

    const restoring = desk.started('cluster', 'restore', name, address, '-s', desk.stack, '--yes')
    const over = once(restoring, 'exit')
    const replicas = [...place, 'get', 'statefulset', name, '-o', 'jsonpath={.spec.replicas}']
    while ((await host.kubectl(...replicas)) !== '0' && restoring.exitCode === null) await sleep(200)
    restoring.kill('SIGKILL')
    expect(await over).toEqual([null, 'SIGKILL'])

    await isSeen('restore')
    expect(await desk.ok('recover', desk.stack, '--back', '--yes')).toContain(
      `${name} is as in container:///data/infra-before-restore-`,
    )
    expect(await maps()).toContain('configmap/later')
    expect(await maps()).not.toContain('configmap/proof')
    expect(await desk.ok('recover', desk.stack, '--forward')).toContain('nothing to recover')
  })

  test('a restore brings back what is in the backup, and keeps what was in the cluster', async () => {
    const told = await desk.ok('cluster', 'restore', name, address, '-s', desk.stack, '--yes')
    expect(await maps()).toContain('configmap/proof')
    expect(await maps()).not.toContain('configmap/later')
    const files = await host.kubectl(...place, 'exec', `${name}-0`, '-c', 'syncer', '--', 'ls', '/data')
    const kept = files.split('\n').filter(file => file.startsWith('infra-before-restore-'))
    // What the restore before this one kept is gone
    expect(kept).toHaveLength(1)
    expect(told).toContain(`What was in it before is kept: container:///data/${kept[0]}`)
    expect(JSON.parse(await desk.ok('plan', desk.stack, '--json')).steps).toEqual([])
  })
}

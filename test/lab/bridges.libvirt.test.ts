/** What a libvirtd that was killed has forgotten on the machine goes with its lab, and nothing that is another's. */
import { execFile } from 'node:child_process'
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { libvirtLab } from './libvirt.js'

const run = promisify(execFile)
const lab = await libvirtLab({ own: 55 })
const others = 'br-lab55other'

const bridges = async () => {
  const { stdout } = await run('ip', ['-o', 'link', 'show', 'type', 'bridge'])
  return [...stdout.matchAll(/^\d+: ([^:@]+)/gm)].map(([, name]) => name)
}

const forget = () => run('ip', ['link', 'del', others]).catch(() => undefined)

afterAll(async () => {
  await forget()
  if (!('skip' in lab)) await lab.clean()
})

test.skipIf('skip' in lab)('a bridge whose network libvirtd has forgotten goes with its lab', async () => {
  if ('skip' in lab) return
  const home = join(lab.poolPath, '..')
  await writeFile(join(home, 'stray.xml'), '<network><name>stray</name></network>')
  await lab.virsh('net-create', join(home, 'stray.xml'))
  const name = /bridge name='([^']+)'/.exec(await lab.virsh('net-dumpxml', 'stray'))?.[1]
  expect(await bridges()).toContain(name)
  await lab.kill()
  await rm(join(home, 'run', 'network', 'stray.xml'))
  await lab.start()
  expect(await lab.virsh('net-list', '--all', '--name')).not.toContain('stray')
  // a bridge of a name that the lab has had, and not the one that it has had
  await forget()
  await run('ip', ['link', 'add', others, 'type', 'bridge'])
  await appendFile(join(home, 'bridges'), `${others} 52:54:00:00:00:01\n`)
  expect(await readFile(join(home, 'bridges'), 'utf8')).toContain(`${name} 52:54:00:`)
  const before = await bridges()
  expect(before).toEqual(expect.arrayContaining([name, others]))
  await lab.clean()
  const after = await bridges()
  expect(after).not.toContain(name)
  expect(after).toContain(others)
})

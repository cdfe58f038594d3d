/** Daemons of a real cluster end in the middle of an apply. What is there afterwards is asked of ceph and rbd. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CephLab, cephLab, cephLabMissing } from '../lab/ceph.js'
import { type Desk, desk } from './desk.js'

const missing = await cephLabMissing()

const base = (conf: string) => `apiVersion: infra/v1
kind: Stack
metadata: {name: store}
spec:
  providers:
    ceph: {conf: ${conf}}
---
apiVersion: infra/v1
kind: CephPool
metadata: {name: images}
spec: {size: 3, minSize: 2, pgNum: 8, application: rbd}
---
apiVersion: infra/v1
kind: CephFilesystem
metadata: {name: files}
spec: {}
---
apiVersion: infra/v1
kind: CephSubvolumeGroup
metadata: {name: team}
spec: {filesystem: files}
`
const keys = Array.from({ length: 12 }, (_, n) => `n${n}`)
const many = `---
apiVersion: infra/v1
kind: CephVolume
metadata: {name: volume, forEach: [${keys}]}
spec: {filesystem: files, group: team, size: 10MiB}
---
apiVersion: infra/v1
kind: RbdImage
metadata: {name: image, forEach: [${keys}]}
spec: {pool: images, size: 16MiB}
`

interface Status {
  readonly pgmap: { readonly pgs_by_state: readonly { readonly state_name: string }[] }
}

describe.skipIf(missing)(`daemons that end in the middle of an apply ${missing ?? ''}`, () => {
  let lab: CephLab
  let at: Desk
  beforeAll(async () => {
    lab = await cephLab({ name: 'daemons', port: 14_700, osds: 3, mgrs: 2, store: 'bluestore' })
    at = await desk({ 'stack.yaml': base(lab.conf) })
    await at.setUp()
  })
  afterAll(async () => {
    await at?.clear()
    await lab?.clean()
  })

  const volumes = async () =>
    (await lab.cephJson<{ name: string }[]>('fs', 'subvolume', 'ls', 'files', 'team'))
      .map(one => one.name)
      .sort()
  const images = async () => (await lab.rbdJson<string[]>('ls', 'images')).sort()
  const placements = async () => {
    const { pgmap } = await lab.cephJson<Status>('status')
    return pgmap.pgs_by_state.map(one => one.state_name)
  }
  const trash = () => lab.rbdJson('trash', 'ls', 'images')
  const active = async () => (await lab.cephJson<{ active_name: string }>('mgr', 'dump')).active_name
  const named = (kind: string) => keys.map(key => `${kind}-${key}`).sort()
  const steps = async () => JSON.parse(await at.ok('plan', '--json')).steps

  const faults: readonly { readonly reason: string; readonly fault: () => Promise<string> }[] = [
    {
      reason: 'the manager fails over',
      fault: async () => {
        const daemon = `mgr.${await active()}`
        await lab.kill(daemon)
        return daemon
      },
    },
    {
      reason: 'the monitor is restarted',
      fault: async () => {
        await lab.kill('mon.a')
        await sleep(2000)
        return 'mon.a'
      },
    },
    {
      reason: 'an OSD stops',
      fault: async () => {
        await lab.kill('osd.1')
        return 'osd.1'
      },
    },
  ]
  for (const { reason, fault } of faults) {
    it(`nothing is lost and nothing doubled where ${reason}`, { timeout: 300_000 }, async () => {
      await at.write('stack.yaml', base(lab.conf) + many)
      const running = at.start('apply', '--yes')
      while ((await volumes()).length === 0) await sleep(20)
      const daemon = await fault()
      // The others go on without a manager or an OSD; a monitor there is only one of
      if (daemon === 'mon.a') await lab.start(daemon)
      const { code, text } = await running.ended
      if (code !== 0) {
        // Put back, or to be: in no case something between
        if (text.includes('infra recover')) await at.ok('recover', '--back', '--yes')
        expect([await volumes(), await images()], text).toEqual([[], []])
        await at.ok('apply', '--yes')
      }
      if (daemon !== 'mon.a') await lab.start(daemon)
      // What follows is about the apply: an OSD that comes back has others wait for it while it catches up
      await expect.poll(placements, { timeout: 120_000, interval: 500 }).toEqual(['active+clean'])
      expect([await volumes(), await images()]).toEqual([named('volume'), named('image')])
      expect(await trash()).toEqual([])
      expect(await steps()).toEqual([])

      await at.write('stack.yaml', base(lab.conf))
      await at.ok('apply', '--yes', '--allow', 'deletes-data')
      await at.ok('checkpoint', 'prune', '--yes')
      expect([await images(), await trash()]).toEqual([[], []])
      // The manager purges in the background
      await expect.poll(volumes, { timeout: 60_000, interval: 500 }).toEqual([])
    })
  }
})

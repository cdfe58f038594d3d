/** A whole stack on a real cluster: made, destroyed, and brought back with its bytes; and a manager that hangs. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodePorts, openSession, type Session } from '../../../src/index.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'

const missing = await cephLabMissing()

const stack = `apiVersion: infra/v1
kind: Stack
metadata: {name: undone}
spec:
  providers:
    ceph: {}
---
apiVersion: infra/v1
kind: CephPool
metadata: {name: vms}
spec: {size: 1, minSize: 1, pgNum: 8, application: rbd}
---
apiVersion: infra/v1
kind: RbdImage
metadata: {name: disk}
spec: {pool: "\${CephPool.vms.metadata.name}", size: 64MiB}
---
apiVersion: infra/v1
kind: CephFilesystem
metadata: {name: files}
spec: {}
---
apiVersion: infra/v1
kind: CephVolume
metadata: {name: home}
spec: {filesystem: files, size: 100MiB}
---
apiVersion: infra/v1
kind: CephClient
metadata: {name: app}
spec: {caps: {mon: allow r}}
`

describe.skipIf(missing)(`undoing ${missing ?? ''}`, () => {
  let lab: CephLab
  let folder: string
  beforeAll(async () => {
    lab = await cephLab({ name: 'undo', port: 18100 })
    folder = await mkdtemp(join(tmpdir(), 'infra-undo-'))
    await writeFile(join(folder, 'stack.yaml'), stack)
  })
  afterAll(async () => {
    await lab?.clean()
    await rm(folder, { recursive: true, force: true })
  })

  const withSession = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    const { signal } = new AbortController()
    const session = await openSession({ path: folder, ports: nodePorts, signal, environment: lab.env })
    try {
      return await work(session)
    } finally {
      await session.close()
    }
  }
  const carryOut = (mode: 'apply' | 'destroy' | 'rollback') =>
    withSession(async session => {
      await session.lock({ host: 'test', pid: process.pid, command: mode })
      const made = await (mode === 'rollback' ? session.planRollback() : session.plan({ mode }))
      expect(made.problems).toEqual([])
      expect(made.plan.unreadable).toEqual([])
      const { signal } = new AbortController()
      const control = { stopping: signal, signal, onFailure: async () => 'stop' as const }
      const { result, failures } = await session.apply(made, mode, control, false)
      expect(failures).toEqual([])
      return result
    })
  const plan = () => withSession(async session => (await session.plan()).plan)
  const path = async () => (await lab.ceph('fs', 'subvolume', 'getpath', 'files', 'home')).trim()
  const changes = async () => (await plan()).steps.filter(step => step.action !== 'no-op')

  it('brings all back with its bytes, and leaves the manager answering', {
    timeout: 180_000,
  }, async () => {
    await carryOut('apply')
    await lab.mounted('files', await path(), mount => writeFile(join(mount, 'data'), 'the bytes'))
    await lab.rbd('bench', '--io-type', 'write', '--io-total', '1M', '--io-size', '64K', 'vms/disk')
    const before = await lab.imageHash('vms/disk')

    for (let round = 0; round < 2; round++) {
      await carryOut('destroy')
      expect(await lab.cephJson('fs', 'ls')).toEqual([])
      // What hangs would be unreadable
      expect((await plan()).unreadable).toEqual([])
      expect(await lab.cephJson('fs', 'volume', 'ls')).toEqual([])

      await carryOut('rollback')
      expect(await changes()).toEqual([])
      expect(await lab.imageHash('vms/disk')).toBe(before)
      const data = await lab.mounted('files', await path(), mount => readFile(join(mount, 'data'), 'utf8'))
      expect(data).toBe('the bytes')
      // Its purge takes the lock that work on a removed file system would hold for ever
      await lab.ceph('fs', 'subvolume', 'create', 'files', 'passing')
      await lab.ceph('fs', 'subvolume', 'rm', 'files', 'passing')
    }
  })

  it('reads what the monitors know while the manager hangs', { timeout: 120_000 }, async () => {
    // Less patience than the minute that a manager has: this one never answers
    await writeFile(join(folder, 'stack.yaml'), stack.replace('ceph: {}', 'ceph: {timeoutSeconds: 8}'))
    const pid = Number(await readFile(join(dirname(lab.conf), 'run', 'mgr.x.pid'), 'utf8'))
    process.kill(pid, 'SIGSTOP')
    try {
      const { unreadable, steps } = await plan()
      expect(unreadable.map(one => one.address)).toEqual(['CephVolume/home'])
      expect(unreadable[0]?.why).toMatch(/did not answer/)
      expect(steps.filter(step => step.action !== 'no-op' && step.address !== 'CephVolume/home')).toEqual([])
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** Drift on a real Ceph: none after an apply, whatever the fields; and what others do there is told as it happens. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes } from '../../src/model/value.js'
import type { DriftReport } from '../../src/report/drift/model.js'
import { type Desk, desk } from '../acceptance/desk.js'
import { resource } from '../acceptance/documents.js'
import { type CephLab, cephLab, cephLabMissing } from '../lab/ceph.js'
import { drift, remark, startWatch } from './helpers.js'

const missing = await cephLabMissing()

/** A stack with many fields of every kind that a cluster of one OSD can hold. */
function stackOf(conf: string, settings: Attributes): string {
  const head = {
    apiVersion: 'infra/v1',
    kind: 'Stack',
    metadata: { name: 'lake' },
    spec: { providers: { ceph: { conf, ...settings } } },
  }
  const flat = { size: 1, autoscale: 'off', pgNum: 4, failureDomain: 'osd' }
  const pool = (name: string, spec: Attributes = {}) => resource('CephPool', name, { ...flat, ...spec })
  const documents = [
    head,
    pool('plain'),
    pool('set', {
      pgNum: 8,
      autoscale: 'warn',
      application: 'lakes',
      quota: { maxBytes: '10GiB', maxObjects: 1000 },
      compression: { mode: 'aggressive', algorithm: 'zstd', requiredRatio: 0.75 },
      targetSizeRatio: 0.2,
      nodelete: false,
    }),
    pool('meta', { application: 'cephfs' }),
    pool('data', { application: 'cephfs' }),
    resource('CephFilesystem', 'fs', {
      metadataPool: '${CephPool.meta.name}',
      dataPools: ['${CephPool.data.name}'],
      maxFileSize: '2TiB',
      standbyCount: 0,
    }),
    resource('CephSubvolumeGroup', 'shore', {
      filesystem: '${CephFilesystem.fs.name}',
      mode: '750',
      uid: 7,
      gid: 8,
    }),
    resource('CephVolume', 'reed', {
      filesystem: 'fs',
      group: '${CephSubvolumeGroup.shore.metadata.name}',
      size: '64MiB',
      mode: '0700',
      uid: 1000,
      isolatedNamespace: true,
    }),
    resource('CephVolume', 'open', { filesystem: '${CephFilesystem.fs.name}' }),
    resource('CephSnapshot', 'monday', {
      filesystem: 'fs',
      volume: '${CephVolume.open.metadata.name}',
      retention: { keepLast: 3, keepFor: '7d' },
    }),
    resource('RbdImage', 'disk', {
      pool: '${CephPool.plain.name}',
      size: '12MiB',
      objectSize: '1MiB',
      stripeUnit: '64KiB',
      stripeCount: 4,
      features: ['layering', 'exclusive-lock'],
      snapshots: [{ name: 'first', protected: true }, { name: 'second' }],
    }),
    resource('RbdImage', 'twin', {
      pool: 'plain',
      from: { image: '${RbdImage.disk.name}', snapshot: 'first' },
    }),
    resource('CephClient', 'heron', {
      caps: { mon: 'allow r', osd: 'allow rw pool=plain, allow r pool=set' },
    }),
  ]
  return documents.map(document => `${JSON.stringify(document)}\n`).join('---\n')
}

describe.skipIf(missing)(`drift on Ceph${missing ? `: ${missing}` : ''}`, () => {
  let lab: CephLab
  let here: Desk

  beforeAll(async () => {
    lab = await cephLab({ name: 'drift', port: 20_200 })
    here = await desk({ 'stack.yaml': stackOf(lab.conf, {}) })
    await here.setUp()
  })
  afterAll(async () => {
    await here?.clear()
    await lab?.clean()
  })

  test('a clean apply is zero drift', async () => {
    const { code, out } = await here.infra('drift', '--json')
    const report = JSON.parse(out) as DriftReport
    const told = report.resources.flatMap(one =>
      one.attributes
        .filter(a => a.status === 'modified' || a.status === 'deleted')
        .map(a => [one.address, a]),
    )
    expect(told).toEqual([])
    expect(report.unmanaged).toEqual([])
    expect(code, out).toBe(0)
  })

  test('what others do is told as it happens', async () => {
    const watch = startWatch(here, '--interval', '1h')
    await watch.next(event => event.type === 'watching' && event.how === 'events')
    await watch.next(event => event.type === 'scan', 120)

    await lab.ceph('osd', 'pool', 'set-quota', 'set', 'max_objects', '77')
    expect(await watch.next(drift('CephPool/set', 'appeared', 'quota.maxObjects'))).toMatchObject({
      from: 1000,
      to: 77,
    })
    await lab.ceph('osd', 'pool', 'set-quota', 'set', 'max_objects', '1000')
    await watch.next(drift('CephPool/set', 'gone'))

    await lab.ceph('fs', 'subvolume', 'resize', 'fs', 'reed', '100000000', 'shore')
    await watch.next(drift('CephVolume/reed', 'appeared', 'size'))
    await lab.ceph('fs', 'subvolume', 'resize', 'fs', 'reed', String(64 << 20), 'shore')
    await watch.next(drift('CephVolume/reed', 'gone', 'size'))

    await lab.ceph('auth', 'caps', 'client.heron', 'mon', 'allow r', 'mds', 'allow rw')
    await watch.next(drift('CephClient/heron', 'appeared', 'caps.osd'))
    await watch.next(remark('CephClient/heron', /more than is declared: mds 'allow rw'/))
    await lab.ceph(
      'auth',
      'caps',
      'client.heron',
      'mon',
      'allow r',
      'osd',
      'allow rw pool=plain, allow r pool=set',
    )
    await watch.next(drift('CephClient/heron', 'gone'))

    // What the watch itself asks is in the same log, and must not make it look again and again
    watch.running.signal('SIGINT')
    const { code, text } = await watch.running.ended
    expect(code, text).toBe(0)
    expect(watch.events().filter(event => event.type === 'scan')).toHaveLength(1)
  })

  test('the ceph client hears the same, where there is no library', async () => {
    await here.write('stack.yaml', stackOf(lab.conf, { transport: 'command' }))
    const watch = startWatch(here, '--interval', '1h')
    await watch.next(event => event.type === 'watching' && event.how === 'events', 120)
    await watch.next(event => event.type === 'scan', 240)
    await lab.ceph('osd', 'pool', 'set-quota', 'set', 'max_objects', '78')
    await watch.next(drift('CephPool/set', 'appeared', 'quota.maxObjects'), 240)
    await lab.ceph('osd', 'pool', 'set-quota', 'set', 'max_objects', '1000')
    watch.running.signal('SIGINT')
    const { code, text } = await watch.running.ended
    expect(code, text).toBe(0)
  }, 600_000)

  test('it says when no monitor answers, and when one does again', async () => {
    // librados gives the question up sooner
    await here.write('stack.yaml', stackOf(lab.conf, { timeoutSeconds: 8 }))
    const watch = startWatch(here, '--interval', '1h')
    await watch.next(event => event.type === 'scan', 120)
    await lab.kill('mon.a')
    await watch.next(event => event.type === 'blind', 120)
    await lab.start('mon.a')
    await watch.next(event => event.type === 'watching' && event.again === true, 180)
    watch.running.signal('SIGTERM')
    const { code, text } = await watch.running.ended
    expect(code, text).toBe(0)
  })
})

/** What a live move is decided by, and what it tells libvirt. */
import { describe, expect, test } from 'vitest'
import { movedDefinition, readLeft } from '../../../../src/providers/libvirt/acts/move-definition.js'
import { onOneSide, type Side } from '../../../../src/providers/libvirt/acts/move-end.js'
import { peerAddress } from '../../../../src/providers/libvirt/acts/peer-address.js'
import { toldByThemselves } from '../../../../src/providers/libvirt/acts/shared-pool.js'
import { procedures } from '../../../../src/providers/libvirt/rpc/procedures/index.js'
import { parseUri } from '../../../../src/providers/libvirt/rpc/uri.js'
import { XdrReader, XdrWriter } from '../../../../src/providers/libvirt/rpc/xdr.js'
import { parseXml } from '../../../../src/providers/libvirt/xml/parse.js'
import { serializeXml } from '../../../../src/providers/libvirt/xml/serialize.js'

describe('the call that moves a machine', () => {
  test('is as libvirt defines it: domain, peer, parameters, cookie, flags', () => {
    const { perform } = procedures.migrations
    const writer = new XdrWriter()
    perform.args.write(writer, {
      domain: { name: 'web', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 7 },
      peer: 'qemu+ssh://b/system',
      parameters: [{ field: 'migrate_disks', type: 'string', value: 'vda' }],
      cookie: new Uint8Array(),
      flags: 0x1b,
    })
    const text = (value: string) => {
      const bytes = Buffer.from(value)
      const size = Buffer.alloc(4)
      size.writeUInt32BE(bytes.length)
      return Buffer.concat([size, bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
    }
    const word = (value: number) => Buffer.from([0, 0, 0, value])
    expect(writer.finish()).toEqual(
      Buffer.concat([
        text('web'),
        Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
        word(7),
        word(1),
        text('qemu+ssh://b/system'),
        word(1),
        text('migrate_disks'),
        word(7),
        text('vda'),
        word(0),
        word(0x1b),
      ]),
    )
    expect(perform).toMatchObject({ number: 305, effect: 'slow' })
    const reader = new XdrReader(Buffer.concat([word(3), Buffer.from([1, 2, 3, 0])]))
    expect([...perform.result.read(reader)]).toEqual([1, 2, 3])
    reader.end()
  })
})

describe('how one libvirt reaches the other', () => {
  const rows: readonly { reason: string; from: string; to: string; is: string | undefined }[] = [
    {
      reason: 'from this machine as the stack does',
      from: 'qemu:///system',
      to: 'qemu+ssh://root@b:2222/system?keyfile=/root/key&no_tty=1',
      is: 'qemu+ssh://root@b:2222/system?keyfile=%2Froot%2Fkey&no_tty=1',
    },
    {
      reason: 'files of this machine are none of another',
      from: 'qemu+ssh://root@a/system',
      to: 'qemu+ssh://root@b/system?keyfile=/root/key&socket=/run/x.sock',
      is: 'qemu+ssh://root@b/system?socket=%2Frun%2Fx.sock',
    },
    {
      reason: 'both on this machine, by the socket',
      from: 'qemu+unix:///system?socket=/a.sock',
      to: 'qemu+unix:///system?socket=/b.sock',
      is: 'qemu+unix:///system?socket=%2Fb.sock',
    },
    {
      reason: 'a socket of this machine is out of another’s reach',
      from: 'qemu+ssh://root@a/system',
      to: 'qemu:///system',
      is: undefined,
    },
    {
      reason: 'an IPv6 address stays in brackets',
      from: 'qemu+tls://a/system',
      to: 'qemu+tls://[fd00::2]/system',
      is: 'qemu+tls://[fd00::2]/system',
    },
  ]
  test.each(rows)('$reason', ({ from, to, is }) => {
    expect(peerAddress(parseUri(from), parseUri(to))).toBe(is)
  })
})

describe('whether a pool is the same on both hosts', () => {
  const rbd = (pool: string, ...monitors: string[]) => ({
    spec: { type: 'rbd', rbd: { pool, monitors } },
    path: undefined,
  })
  const dir = (path: string, type = 'dir') => ({ spec: { type }, path })
  const rows = [
    { reason: 'one pool of one Ceph', a: rbd('vms', 'a', 'b'), b: rbd('vms', 'b', 'c'), is: true },
    { reason: 'pools of the same name in two Cephs', a: rbd('vms', 'a'), b: rbd('vms', 'c'), is: false },
    { reason: 'two pools of one Ceph', a: rbd('vms', 'a'), b: rbd('disks', 'a'), is: false },
    { reason: 'another folder', a: dir('/a'), b: dir('/b'), is: false },
    {
      reason: 'one path may be two folders: only a file can tell',
      a: dir('/a'),
      b: dir('/a'),
      is: undefined,
    },
    { reason: 'NFS here, a folder there', a: dir('/a', 'netfs'), b: dir('/a'), is: false },
    {
      reason: 'volume groups are each host’s own',
      a: dir('/dev/vg', 'logical'),
      b: dir('/dev/vg', 'logical'),
      is: false,
    },
  ]
  test.each(rows)('$reason', ({ a, b, is }) => {
    expect(toldByThemselves(a, b)).toBe(is)
  })
})

describe('where a machine runs', () => {
  const rows: readonly { here: Side; there: Side; is: 'here' | 'there' | undefined; reason: string }[] = [
    { here: 'runs', there: 'absent', is: 'here', reason: 'it never left' },
    { here: 'absent', there: 'runs', is: 'there', reason: 'it arrived' },
    { here: 'off', there: 'runs', is: 'there', reason: 'it arrived, and its definition is still here' },
    { here: 'runs', there: 'between', is: undefined, reason: 'it is being received' },
    { here: 'between', there: 'runs', is: undefined, reason: 'the first host does not know yet' },
    { here: 'runs', there: 'unknown', is: undefined, reason: 'a host that does not answer may have it' },
    { here: 'off', there: 'absent', is: undefined, reason: 'nowhere is not somewhere' },
    { here: 'runs', there: 'runs', is: undefined, reason: 'never to be taken for done' },
  ]
  test.each(rows)('$here here and $there there: $reason', ({ here, there, is }) => {
    expect(onOneSide({ here, there })).toBe(is)
  })
})

describe('its definition there', () => {
  const root =
    parseXml(`<domain type='qemu'><name>web</name><metadata><other:x xmlns:other='urn:x'/></metadata><devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='/a/web_boot' index='1'/>
      <backingStore type='file'><source file='/images/base'/></backingStore><target dev='vda' bus='virtio'/><serial>S1</serial></disk>
    <disk type='network' device='disk'><source protocol='rbd' name='vms/web'/><target dev='vdb' bus='virtio'/></disk>
    <serial type='pty'><log file='/a/web_serial.log' append='on'/></serial></devices></domain>`)
  const pool = { name: 'yard', uuid: '00112233-4455-6677-8899-aabbccddeeff' }
  const places = [
    {
      disk: { device: 'vda', format: 'qcow2' as const, path: '/a/web_boot' },
      pool,
      folder: '/b',
      volume: 'web_boot',
    },
  ]
  const left = { from: 'near', volumes: [{ pool: 'yard', name: 'web_boot' }], autostart: true }
  const there = movedDefinition(root, places, left)
  const xml = serializeXml(there)

  test('has its copied disk in its new volume, standing alone, and its log beside it', () => {
    expect(xml).toMatch(
      /<disk type=["']volume["'] device=["']disk["']>.*<source pool=["']yard["'] volume=["']web_boot["']\/>/s,
    )
    expect(xml).not.toContain('backingStore')
    expect(xml).toMatch(/cache=["']none["']/)
    expect(xml).toContain('<serial>S1</serial>')
    expect(xml).toContain('/b/web_serial.log')
  })

  test('keeps disks of the network and what others wrote into its metadata', () => {
    expect(xml).toContain('vms/web')
    expect(xml).toContain('other:x')
  })

  test('tells what is left of it on the first host, and nothing where nothing is', () => {
    expect(readLeft(parseXml(xml))).toEqual(left)
    expect(readLeft(root)).toBeUndefined()
  })
})

/** What systems below answer, made hostile: XML and packets of libvirt, JSON of Ceph, objects and releases of Kubernetes. */
import { gzipSync } from 'node:zlib'
import { describe, it } from 'vitest'
import type { Json } from '../../src/model/value.js'
import { readDescriptions, readHelp, readVersion } from '../../src/providers/ceph/client/offers.js'
import { makeProvider } from '../../src/providers/ceph/provider.js'
import { packetReader } from '../../src/providers/libvirt/rpc/packet.js'
import { procedures } from '../../src/providers/libvirt/rpc/procedures/index.js'
import { XdrReader } from '../../src/providers/libvirt/rpc/xdr.js'
import { buildDomain } from '../../src/providers/libvirt/xml/domain-build.js'
import { observedMachine } from '../../src/providers/libvirt/xml/domain-observe.js'
import { readDomain } from '../../src/providers/libvirt/xml/domain-read.js'
import { buildNetwork, readNetwork } from '../../src/providers/libvirt/xml/network.js'
import { parseXml } from '../../src/providers/libvirt/xml/parse.js'
import { buildPool, readPool } from '../../src/providers/libvirt/xml/pool.js'
import { serializeXml } from '../../src/providers/libvirt/xml/serialize.js'
import { readSnapshot } from '../../src/providers/libvirt/xml/snapshot.js'
import { buildVolume, readVolume } from '../../src/providers/libvirt/xml/volume.js'
import type { Host } from '../../src/providers/vcluster/client/host.js'
import { readRelease } from '../../src/providers/vcluster/helm/release.js'
import { inputOf, machines } from '../providers/libvirt/xml/machines.js'
import { networks, pools, volumes } from '../providers/libvirt/xml/objects.js'
import type { Dice } from '../sim/dice.js'
import { mutatedBytes, mutatedJson } from './mutate.js'
import { survives } from './survive.js'

const none = { byName: () => undefined, byPath: () => undefined }
const metadata = { owner: { lineage: 'l', address: 'a/b' }, labels: {} }
const documents = {
  domains: Object.values(machines).map(spec => serializeXml(buildDomain(inputOf(spec as never)))),
  networks: networks.map(([name, spec]) => serializeXml(buildNetwork({ name, spec, metadata }))),
  pools: pools.map(([name, spec]) => serializeXml(buildPool({ name, spec }))),
  volumes: volumes.map(input => serializeXml(buildVolume(input))),
}

const xml =
  (samples: readonly string[], read: (root: ReturnType<typeof parseXml>) => unknown) => (dice: Dice) =>
    read(parseXml(mutatedBytes(Buffer.from(dice.pick(samples)), dice).toString('utf8')))

const codecs = Object.values(procedures)
  .flatMap(group => Object.values(group))
  .map(one => one.result)
const words = (...numbers: number[]) => {
  const bytes = Buffer.alloc(numbers.length * 4)
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number >>> 0, index * 4)
  return bytes
}
/** Begins as lists and texts of a reply do; what follows is noise. */
const reply = (dice: Dice) =>
  Buffer.concat([
    words(dice.pick([0, 1, 2, 5, 0xffff_ffff, 0x7fff_ffff, 100_000]), dice.pick([0, 1, 4, 36])),
    Buffer.from(Array.from({ length: dice.roll(400) }, () => (dice.chance(0.6) ? 0 : dice.roll(256)))),
  ])

/** Answers as a small cluster gives them, by the command's prefix. */
const answers: Readonly<Record<string, Json>> = {
  'osd pool ls': [
    {
      ...{
        pool_id: 1,
        pool_name: 'vms',
        type: 1,
        size: 3,
        min_size: 2,
        pg_num: 8,
        pg_num_target: 8,
        crush_rule: 0,
      },
      ...{ flags_names: 'hashpspool', quota_max_bytes: 0, quota_max_objects: 0, pg_autoscale_mode: 'on' },
      ...{ options: {}, application_metadata: { rbd: { 'infra.owner': 'x' } }, erasure_code_profile: '' },
    },
  ],
  'osd crush rule dump': [
    { rule_id: 0, rule_name: 'replicated_rule', type: 1, steps: [{ op: 'take', item_name: 'default' }] },
  ],
  'osd erasure-code-profile get': { k: '2', m: '1' },
  'auth ls': { auth_dump: [{ entity: 'client.app', key: 'AQ==', caps: { mon: 'allow r' } }] },
  'fs ls': [
    { name: 'files', metadata_pool: 'm', data_pools: ['d'], data_pool_ids: [3], metadata_pool_id: 2 },
  ],
  'fs dump': {
    filesystems: [
      { id: 1, mdsmap: { fs_name: 'files', max_mds: 1, up: {}, info: {}, in: [0], flags_state: {} } },
    ],
  },
  'mon dump': {
    mons: [
      { public_addr: '1.2.3.4:6789/0', public_addrs: { addrvec: [{ type: 'v1', addr: '1.2.3.4:6789' }] } },
    ],
  },
  'fs subvolume ls': [{ name: 'home' }],
  'fs subvolumegroup ls': [{ name: 'team' }],
  'fs subvolume info': {
    bytes_quota: 1,
    bytes_used: 0,
    path: '/a',
    state: 'complete',
    features: [],
    data_pool: 'd',
    mode: 16877,
    uid: 0,
    gid: 0,
  },
  'fs subvolume snapshot ls': [{ name: 's' }],
  'fs subvolume metadata ls': {},
}
const image: Json = {
  ...{
    id: 'a',
    name: 'disk',
    size: 1,
    objectSize: 4_194_304,
    features: ['layering'],
    stripeUnit: 1,
    stripeCount: 1,
  },
  ...{ snapshots: [{ name: 's', size: 1, protected: false }], metadata: { 'infra.owner': 'x' } },
}

const kinds: readonly [string, { readonly [key: string]: Json }][] = [
  ['CephPool', { size: 3 }],
  ['RbdImage', { pool: 'vms', size: 1 }],
  ['CephClient', { caps: { mon: 'allow r' } }],
  ['CephFilesystem', {}],
  ['CephVolume', { filesystem: 'files', size: 1 }],
  ['CephSubvolumeGroup', { filesystem: 'files' }],
  ['CephSnapshot', { volume: 'home', filesystem: 'files' }],
]
const targets = kinds.map(([kind, spec]) => ({
  ...{ address: `${kind}/vms`, kind, name: 'vms', spec, identity: { uuid: 'u' } },
}))

/** A cluster that answers as it should, but for what is changed. */
async function observeCeph(dice: Dice) {
  const changed = (value: Json) => (dice.chance(0.4) ? mutatedJson(value, dice) : value)
  const told = async ({ prefix }: { readonly prefix: string }) => {
    const value = changed(answers[prefix] ?? [])
    const text = JSON.stringify(value)
    return {
      output: dice.chance(0.1) ? mutatedBytes(Buffer.from(text), dice).toString('utf8') : text,
      status: '',
    }
  }
  const rbd = new Proxy(
    {},
    { get: (_, name) => async () => changed(name === 'info' ? image : [{ id: 'a', name: 'disk' }]) },
  )
  const connection = {
    ...{ description: 'ceph', transport: 'library', fsid: 'f', version: { release: 16, text: '16.2.15' } },
    ...{ mon: told, mgr: told, rbd, offers: async () => new Map(), close: async () => undefined },
  }
  const clock = { now: () => 0, sleep: async () => undefined }
  const provider = makeProvider({ connection, clock } as never)
  const { signal } = new AbortController()
  const target = dice.pick(targets)
  const seen = await provider.observe([target], signal)
  if (!seen.get(target.address)) throw new Error(`nothing is said of ${target.address}`)
  await provider.unmanaged?.([target], signal)
}

/** A release as helm stores it. */
async function release(dice: Dice) {
  const content = {
    config: { a: 1 },
    manifest: 'kind: A\n',
    chart: { metadata: { name: 'c', version: '1' }, values: { b: 2 } },
  }
  const packed = gzipSync(JSON.stringify(mutatedJson(content, dice)))
  const bytes = dice.chance(0.5) ? mutatedBytes(packed, dice) : packed
  const data = { release: Buffer.from(bytes.toString('base64')).toString('base64') }
  const secret = { metadata: { name: 's' }, data: dice.chance(0.2) ? mutatedJson(data, dice) : data }
  const host = { get: async () => secret } as unknown as Host
  await readRelease(host, { namespace: 'n', secret: 's' } as never, new AbortController().signal)
}

describe('hostile answers', () => {
  const table: readonly { reason: string; read: (dice: Dice) => unknown }[] = [
    {
      reason: 'a domain’s XML',
      read: xml(documents.domains, root => {
        observedMachine(readDomain(root, {}), none)
        observedMachine(readDomain(root, { live: true }), none)
        serializeXml(root)
      }),
    },
    { reason: 'a network’s XML', read: xml(documents.networks, root => readNetwork(root)) },
    { reason: 'a pool’s XML', read: xml(documents.pools, root => readPool(root)) },
    { reason: 'a volume’s XML', read: xml(documents.volumes, root => readVolume(root)) },
    { reason: 'a snapshot’s XML', read: xml(documents.domains, root => readSnapshot(root)) },
    {
      reason: 'packets',
      read: dice =>
        packetReader().push(mutatedBytes(Buffer.concat([words(28, 0x2000_8086, 1, 1, 1, 1, 0)]), dice)),
    },
    {
      reason: 'a reply of every procedure',
      read: dice => dice.pick(codecs).read(new XdrReader(reply(dice))),
    },
    { reason: 'what a cluster tells', read: observeCeph },
    {
      reason: 'what the manager describes',
      read: dice => {
        const text = mutatedBytes(
          Buffer.from('{"cmd000": {"sig": ["fs", "ls", {"name": "a"}], "help": ""}}'),
          dice,
        ).toString('utf8')
        readDescriptions(text)
        readHelp(text)
        readVersion(text)
      },
    },
    { reason: 'a release of helm', read: release },
  ]
  it.each(table)('$reason', ({ read }) => survives(read), 600_000)
})

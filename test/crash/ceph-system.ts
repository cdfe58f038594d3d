/** A pool, images and clients on a real Ceph cluster; ceph and rbd say what is there. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import type { Attributes } from '../../src/model/value.js'
import { resource } from '../acceptance/documents.js'
import type { CephLab } from '../lab/ceph.js'
import { type CrashSystem, marked, type Seen, type Thing } from './system.js'

const pool = 'vms'
const markLength = 12

interface Variant {
  readonly quota: number
  /** MiB of each image. */
  readonly images: Readonly<Record<string, number>>
  /** What each client may do on the monitors. */
  readonly clients: Readonly<Record<string, string>>
}

/** Few, and each next to each other one makes creates, updates and deletes. */
const variants: readonly (Variant | undefined)[] = [
  undefined,
  { quota: 0, images: { disk: 8, more: 4 }, clients: { app: 'allow r' } },
  { quota: 1000, images: { disk: 8, spare: 4, third: 4 }, clients: { app: 'allow rw', ops: 'allow r' } },
  { quota: 2000, images: { more: 4, spare: 4 }, clients: { ops: 'allow rw' } },
]

interface PoolJson {
  readonly pool_name: string
  readonly pool_id: number
  readonly size: number
  readonly quota_max_objects: number
}

interface ImageJson {
  readonly image: string
  readonly id: string
  readonly size: number
  readonly snapshot?: string
}

interface EntityJson {
  readonly entity: string
  readonly key: string
  readonly caps: { readonly mon?: string }
}

const run = promisify(execFile)

export function cephSystem(lab: CephLab): CrashSystem {
  /** Live images of a pool, by name; those in its trash, too. One that only its name is left of is a failure. */
  const imagesOf = async ({ pool_name: name }: PoolJson) => {
    const [list, open, trash] = await Promise.all([
      lab.rbdJson<string[]>('ls', name),
      lab.rbdJson<ImageJson[]>('ls', '--long', name),
      lab.rbdJson<{ id: string }[]>('trash', 'ls', name),
    ])
    const things = await Promise.all(
      list.map(async image => {
        const found = open.find(one => one.image === image && one.snapshot === undefined)
        if (!found) throw new Error(`${name}/${image} is listed, and cannot be opened`)
        return [image, await imageAt(`${name}/${image}`, found)] as const
      }),
    )
    return { things, trash: trash.map(({ id }) => `image ${id}`) }
  }
  const imageAt = async (image: string, { id, size }: ImageJson): Promise<Thing> => {
    const pipe = 'rbd --conf "$0" export --no-progress "$1" - | head -c "$2"'
    const { stdout } = await run('sh', ['-c', pipe, lab.conf, image, String(markLength)], {
      encoding: 'latin1',
    })
    return { id, is: `${size >> 20} MiB`, data: stdout.replaceAll('\0', '').trim() }
  }
  /** Numbers of all pools at the last look, kept ones included. */
  let numbers: ReadonlySet<number> = new Set()
  const isKept = ({ pool_name: name }: PoolJson) => name.startsWith('infra-kept-')

  return {
    name: 'ceph',
    daemons: ['osd.0', 'mon.a'],
    variants: variants.length,
    stack: variant => stackText(lab.conf, variants[variant]),
    expected: variant => expected(variants[variant]),
    async look(): Promise<Seen> {
      const [pools, auth, keys] = await Promise.all([
        lab.cephJson<PoolJson[]>('osd', 'pool', 'ls', 'detail'),
        lab.cephJson<{ auth_dump: EntityJson[] }>('auth', 'ls'),
        lab.cephJson<string[]>('config-key', 'ls'),
      ])
      const own = pools.filter(
        one => !one.pool_name.startsWith('.') && one.pool_name !== 'device_health_metrics',
      )
      numbers = new Set(own.map(one => one.pool_id))
      const things: Record<string, Thing> = {}
      const kept = [
        ...own.filter(isKept).map(one => one.pool_name),
        ...keys.filter(key => key.startsWith('infra/kept/')),
      ]
      await Promise.all(
        own.map(async one => {
          const images = await imagesOf(one)
          kept.push(...images.trash)
          for (const [name, thing] of images.things) things[`image ${one.pool_name}/${name}`] = thing
          if (isKept(one)) return
          const is = `${one.size} copies, ${one.quota_max_objects} objects`
          things[`pool ${one.pool_name}`] = { id: String(one.pool_id), is }
        }),
      )
      for (const { entity, key, caps } of auth.auth_dump) {
        if (!/^client\.(?!admin|bootstrap-|crash)/.test(entity)) continue
        const id = createHash('sha256').update(key).digest('hex').slice(0, 12)
        things[entity] = { id, is: `mon ${caps.mon}` }
      }
      return { things, kept: kept.sort() }
    },
    mark: (seen, mark) =>
      marked(seen, mark, async (name, text) => {
        const args = ['--conf', lab.conf, 'import-diff', '--no-progress', '-', name.slice('image '.length)]
        const written = run('rbd', args)
        written.child.stdin?.end(diff(text.padEnd(markLength)))
        await written
      }),
    recorded({ kind, name, identity }) {
      if (kind === 'CephPool') return { name: `pool ${name}`, id: identity.id ?? '' }
      if (kind === 'RbdImage') return { name: `image ${pool}/${name}`, id: identity.id ?? '' }
      return undefined
    },
    keptBy(token) {
      const { kind, keptAs = '', id, name, entity = '', poolId } = token as Record<string, string>
      // An image goes with its pool.
      if (kind === 'RbdImage' && !numbers.has(Number(poolId))) return []
      if (kind === 'RbdImage') return [{ name: `image ${id}`, of: `image ${pool}/${name}` }]
      return [{ name: keptAs, of: kind === 'CephPool' ? `pool ${name}` : entity }]
    },
    kill: daemon => lab.kill(daemon),
    start: daemon => lab.start(daemon),
    clean: () => lab.clean(),
  }
}

function stackText(conf: string, variant: Variant | undefined): string {
  const head = {
    apiVersion: 'infra/v1',
    kind: 'Stack',
    metadata: { name: 'shop' },
    spec: { providers: { ceph: { conf } } },
  }
  return [head, ...documents(variant)]
    .map(document => `${JSON.stringify(document, undefined, 2)}\n`)
    .join('---\n')
}

function documents(variant: Variant | undefined): Attributes[] {
  if (!variant) return []
  const { quota, images, clients } = variant
  return [
    resource('CephPool', pool, {
      ...{
        size: 1,
        minSize: 1,
        autoscale: 'off',
        pgNum: 4,
        application: 'rbd',
        quota: { maxObjects: quota },
      },
    }),
    ...Object.entries(images).map(([name, size]) => resource('RbdImage', name, { pool, size: `${size}MiB` })),
    ...Object.entries(clients).map(([name, mon]) => resource('CephClient', name, { caps: { mon } })),
  ]
}

function expected(variant: Variant | undefined): Record<string, string> {
  if (!variant) return {}
  const { quota, images, clients } = variant
  return Object.fromEntries([
    [`pool ${pool}`, `1 copies, ${quota} objects`],
    ...Object.entries(images).map(([name, size]) => [`image ${pool}/${name}`, `${size} MiB`]),
    ...Object.entries(clients).map(([name, mon]) => [`client.${name}`, `mon ${mon}`]),
  ])
}

/** A text at the beginning of an image, as `rbd import-diff` takes it. */
function diff(text: string): Buffer {
  const numbers = Buffer.alloc(16)
  numbers.writeBigUInt64LE(BigInt(text.length), 8)
  return Buffer.concat([Buffer.from('rbd diff v1\nw'), numbers, Buffer.from(text), Buffer.from('e')])
}

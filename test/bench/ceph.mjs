// 100 volumes made at once and 1,000 observed, against a bare librados loop of the same commands in the same run, and the
// ceph client. Prints the best of alternating rounds (the machine may have others to serve) and ratios; 1.2 is the goal. By
// hand, after a build:
//
//   UV_THREADPOOL_SIZE=64 node test/bench/ceph.mjs
//
// It brings up a cluster of its own (test/lab/ceph/lab.sh) and takes it away again.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import koffi from 'koffi'
import '../lab/typescript-loader.mjs'

const { nodePorts } = await import('../../src/model/node-ports.ts')
const { cephProviderType } = await import('../../src/providers/ceph/index.ts')
const { cephKinds } = await import('../../src/providers/ceph/kinds/index.ts')

const run = '/var/tmp/infra-ceph-bench'
const script = new URL('../lab/ceph/lab.sh', import.meta.url).pathname
const { CEPH_CONF: _conf, CEPH_ARGS: _args, ...outer } = process.env
const lab = verb =>
  execFileSync(script, [verb], { env: { ...outer, LAB_RUN: run, LAB_PORT: '18400' }, stdio: 'ignore' })
const say = text => process.stdout.write(`${text}\n`)
const signal = new AbortController().signal
const inFlight = 16
const [rounds, made, observed] = [5, 100, 1000]

/** Runs work on all items, so many at once. */
async function atOnce(items, work) {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
}

/** librados with nothing around it. */
async function bare(conf) {
  const library = koffi.load('librados.so.2')
  const handle = Buffer.alloc(8)
  library.func('int rados_create2(void *c, const char *n, const char *u, uint64_t f)')(
    handle,
    'ceph',
    'client.admin',
    0,
  )
  const cluster = handle.readBigUInt64LE()
  library.func('int rados_conf_read_file(void *c, const char *p)')(cluster, conf)
  library.func('int rados_connect(void *c)')(cluster)
  const free = library.func('void rados_buffer_free(void *b)')
  const command = library.func(
    'int rados_mgr_command(void *c, const char **cmd, size_t n, const char *in, size_t inlen, void *o, void *ol, void *s, void *sl)',
  )
  return given =>
    new Promise((done, failed) => {
      const out = Buffer.alloc(32)
      const at = n => out.subarray(n * 8, n * 8 + 8)
      const text = JSON.stringify({ format: 'json', ...given })
      command.async(cluster, [text], 1, null, 0, at(0), at(1), at(2), at(3), (error, code) => {
        if (error) return failed(error)
        const pointer = out.readBigUInt64LE(0)
        const length = Number(out.readBigUInt64LE(8))
        const answer =
          length > 0 ? JSON.parse(Buffer.from(koffi.view(pointer, length)).toString()) : undefined
        for (const n of [0, 16]) if (out.readBigUInt64LE(n) !== 0n) free(out.readBigUInt64LE(n))
        done({ code, answer })
      })
    })
}

const timed = async work => {
  const start = performance.now()
  await work()
  return performance.now() - start
}
const best = values => Math.min(...values)

lab('clean')
lab('up')
try {
  // The process that holds librados runs from source, too
  const loader = new URL('../lab/typescript-loader.mjs', import.meta.url).href
  const env = { ...outer, CEPH_CONF: `${run}/ceph.conf`, NODE_OPTIONS: `--import=${loader}` }
  const connection = { name: 'ceph', type: 'ceph', settings: {}, folder: '/', stateFolder: '/' }
  const provider = await cephProviderType(env).open(connection, nodePorts, signal)
  const mgr = await bare(env.CEPH_CONF)
  const kind = cephKinds.find(one => one.kind === 'CephVolume')
  const call = { signal, keep: async () => {}, progress: () => {} }
  const group = { vol_name: 'files', group_name: 'g' }
  await mgr({ prefix: 'fs volume create', name: 'files' })
  while ((await mgr({ prefix: 'fs subvolumegroup create', ...group })).code !== 0)
    await nodePorts.clock.sleep(200)

  const target = name => {
    const meta = { name, labels: {}, annotations: {} }
    const spec = kind.canonical({ filesystem: 'files', group: 'g', size: '1GiB' }, meta)
    return { address: `CephVolume/${name}`, kind: 'CephVolume', name, spec, identity: { uuid: randomUUID() } }
  }
  const ours = names =>
    atOnce(names, name => {
      const one = target(name)
      return provider.create({ ...one, owner: { lineage: 'bench', address: one.address }, labels: {} }, call)
    })
  // What the provider sends, and nothing else
  const loop = names =>
    atOnce(names, async sub_name => {
      const at = { sub_name, ...group }
      await mgr({ prefix: 'fs subvolume info', ...at })
      await mgr({ prefix: 'fs subvolume create', ...at, size: 2 ** 30, uid: 0, gid: 0, mode: '755' })
      await mgr({ prefix: 'fs subvolume info', ...at })
      await mgr({ prefix: 'fs subvolume metadata set', ...at, key_name: 'infra.owner', value: 'bench' })
    })

  const names = (prefix, count) => Array.from({ length: count }, (_, n) => `${prefix}-${n}`)
  const create = { ours: [], loop: [] }
  await ours(names('warm', 10))
  await loop(names('cold', 10))
  for (let round = 0; round < rounds; round++) {
    // In turns, so that neither always comes first
    const both = [
      async () => create.ours.push(await timed(() => ours(names(`o${round}`, made)))),
      async () => create.loop.push(await timed(() => loop(names(`l${round}`, made)))),
    ]
    for (const work of round % 2 ? both.reverse() : both) await work()
  }

  const targets = [...Array(rounds).keys()]
    .flatMap(n => [...names(`o${n}`, made), ...names(`l${n}`, made)])
    .map(target)
  const some = targets.slice(0, observed)
  const observe = { ours: [], loop: [] }
  const observeOurs = async () => {
    const seen = await provider.observe(some, signal)
    if ([...seen.values()].some(one => one.status !== 'present')) throw new Error('not all are there')
  }
  const observeLoop = async () => {
    await mgr({ prefix: 'fs subvolume ls', ...group })
    await atOnce(some, async ({ name: sub_name }) => {
      await mgr({ prefix: 'fs subvolume info', sub_name, ...group })
      await mgr({ prefix: 'fs subvolume metadata ls', sub_name, ...group })
    })
  }
  for (let round = 0; round < rounds; round++) {
    const both = [
      async () => observe.ours.push(await timed(observeOurs)),
      async () => observe.loop.push(await timed(observeLoop)),
    ]
    for (const work of round % 2 ? both.reverse() : both) await work()
  }

  const client = await timed(async () => {
    for (const name of names('cli', 5)) {
      execFileSync('ceph', [
        '--conf',
        env.CEPH_CONF,
        'fs',
        'subvolume',
        'create',
        'files',
        name,
        '--group_name=g',
      ])
    }
  })
  const row = (what, { ours: mine, loop: theirs }) =>
    say(
      `${what}: infra ${best(mine).toFixed(0)} ms, bare loop ${best(theirs).toFixed(0)} ms, ratio ${(best(mine) / best(theirs)).toFixed(2)}`,
    )
  row(`${made} volumes made`, create)
  row(`${observed} volumes observed`, observe)
  say(
    `ceph client: ${(client / 5).toFixed(0)} ms a create, one after another: ${((client / 5) * made).toFixed(0)} ms for ${made}`,
  )
  await provider.close()
} finally {
  lab('clean')
}
process.exit(0)

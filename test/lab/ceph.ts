/** A real Ceph cluster for one test file, made by lab/ceph/lab.sh. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { begun } from './begun.js'
import { cephClient } from './ceph-client.js'
import { isOwn, own } from './owner.js'

const script = fileURLToPath(new URL('./ceph/lab.sh', import.meta.url))
const loader = new URL('./typescript-loader.mjs', import.meta.url).href
const exec = promisify(execFile)

export interface CephLabOptions {
  /** Names the lab's folder: one a test file. */
  readonly name: string
  /** The first of 300 ports of its own. */
  readonly port: number
  readonly osds?: number
  readonly mgrs?: number
  readonly mdss?: number
  readonly store?: 'memstore' | 'bluestore'
}

export interface CephLab {
  readonly conf: string
  /** For `ceph`, `rbd` and connections: where the cluster is. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The client's output. Fails with what it said. */
  ceph(...args: readonly string[]): Promise<string>
  /** The client's output as data. */
  cephJson<T>(...args: readonly string[]): Promise<T>
  /** What the client would send the cluster for these words. Fails where it does not know such a command. */
  means(words: readonly string[]): Promise<Readonly<Record<string, unknown>>>
  rbd(...args: readonly string[]): Promise<string>
  rados(...args: readonly string[]): Promise<string>
  rbdJson<T>(...args: readonly string[]): Promise<T>
  /** SHA-256 of an image's bytes, as the rbd client exports them: `pool/image`. */
  imageHash(image: string): Promise<string>
  /** Changes a value that RADOS keeps with an object, under librbd's feet; the change of one that is not there gets no bytes. */
  omap(pool: string, object: string, key: string, change: (value: Buffer) => Buffer): Promise<void>
  /** Writes an object of RADOS, under librbd's feet. */
  putObject(pool: string, object: string, bytes: Buffer): Promise<void>
  /** Runs `work` with a folder that is a file system's path, through ceph-fuse. */
  mounted<T>(filesystem: string, path: string, work: (folder: string) => Promise<T>): Promise<T>
  /** SIGKILL of daemons: `mgr.x`. */
  kill(...daemons: readonly string[]): Promise<void>
  /** Starts them again and waits until they serve. */
  start(...daemons: readonly string[]): Promise<void>
  clean(): Promise<void>
}

/** Why this machine cannot have a lab, or undefined where it can. With CI=true that is a failure instead. */
export async function cephLabMissing(): Promise<string | undefined> {
  try {
    for (const tool of ['ceph-mon', 'ceph-osd', 'ceph-mgr', 'ceph-mds', 'ceph', 'rbd', 'ceph-fuse']) {
      await exec('sh', ['-c', `command -v ${tool}`])
    }
    return undefined
  } catch {
    const reason = `Ceph's daemons are not installed: run ${script} install ceph-fuse`
    if (process.env.CI === 'true') throw new Error(reason)
    return reason
  }
}

/** Runs `work` with a path for a file, which is gone afterwards. */
async function withFile(work: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-ceph-value-'))
  try {
    await work(join(folder, 'value'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

export async function cephLab(options: CephLabOptions): Promise<CephLab> {
  const run = join(tmpdir(), `infra-ceph-${options.name}-${options.port}`)
  const { CEPH_CONF: _conf, CEPH_ARGS: _args, ...outer } = process.env
  const env = {
    ...outer,
    LAB_RUN: run,
    LAB_PORT: String(options.port),
    LAB_OSDS: String(options.osds ?? 1),
    LAB_MGRS: String(options.mgrs ?? 1),
    LAB_MDSS: String(options.mdss ?? 1),
    LAB_OSD_STORE: options.store ?? 'memstore',
  }
  const lab = async (...args: readonly string[]) => {
    await exec(script, [...args], { env })
  }
  // Fails where another run has it; what was left behind goes
  isOwn(run)
  await begun('Ceph', async () => {
    await lab('clean')
    await lab('up')
  })
  own(run)
  const conf = join(run, 'ceph.conf')
  const client = cephClient(conf, outer)
  const ceph = (...args: readonly string[]) => client.ask(args)
  const tool =
    (name: string) =>
    async (...args: readonly string[]) => {
      const { stdout } = await exec(name, ['--conf', conf, ...args], { env: outer, maxBuffer: 1 << 28 })
      return stdout
    }
  const rbd = tool('rbd')
  const rados = tool('rados')
  return {
    conf,
    env: { ...outer, CEPH_CONF: conf, NODE_OPTIONS: `${outer.NODE_OPTIONS ?? ''} --import=${loader}` },
    ceph,
    cephJson: async (...args) => JSON.parse(await ceph('--format', 'json', ...args)),
    means: async words => JSON.parse(await ceph('means', ...words)),
    rbd,
    rados,
    rbdJson: async (...args) => JSON.parse(await rbd('--format', 'json', ...args)),
    imageHash: async image => {
      const pipe = 'rbd --conf "$0" export --no-progress "$1" - | sha256sum'
      const { stdout } = await exec('bash', ['-o', 'pipefail', '-c', pipe, conf, image], { env: outer })
      return stdout.slice(0, 64)
    },
    omap: (pool, object, key, change) =>
      withFile(async file => {
        await rados('--pool', pool, 'getomapval', object, key, file).catch(() => writeFile(file, ''))
        await writeFile(file, change(await readFile(file)))
        await rados('--pool', pool, 'setomapval', object, key, '--input-file', file)
      }),
    putObject: (pool, object, bytes) =>
      withFile(async file => {
        await writeFile(file, bytes)
        await rados('--pool', pool, 'put', object, file)
      }),
    async mounted(filesystem, path, work) {
      const folder = await mkdtemp(join(tmpdir(), 'infra-ceph-mount-'))
      await exec('ceph-fuse', ['--conf', conf, '--client_fs', filesystem, '-r', path, folder], { env: outer })
      try {
        return await work(folder)
      } finally {
        // Its process must end before the cluster does, or it hangs
        await exec('umount', [folder])
        await rmdir(folder)
      }
    },
    kill: (...names) => lab('kill', ...names),
    start: (...names) => lab('start', ...names),
    async clean() {
      client.end()
      await lab('clean')
    },
  }
}

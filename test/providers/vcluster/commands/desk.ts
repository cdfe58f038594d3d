// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/**
 * What the suites of commands share: a stack of one cluster and of one machine that reads its kubeconfig, and `infra` as
 * processes of its own. All that they print is remembered, to be searched for secrets in the end.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { stringify } from 'yaml'
import type { KubernetesLab } from '../../../lab/kubernetes.js'

const bin = fileURLToPath(new URL('../../../../bin/infra', import.meta.url))

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface CommandDesk {
  readonly host: KubernetesLab
  /** Of the stack's cluster, whose namespace is `vcluster-NAME`. */
  readonly name: string
  /** Everything that the suites write is below it. */
  folder: string
  stack: string
  /** What must never be seen: parts of the kubeconfig, and the value of a sensitive variable. */
  secrets: string[]
  /** The value of the stack's sensitive variable. */
  readonly password: string
  /** Of the recipient to whom the kubeconfig is encrypted. */
  readonly identity: Promise<string>
  /** While the first is there, the vcluster tool does nothing, for good, and says so by the second. */
  readonly toolHeld: { readonly request: string; readonly sign: string }
  /** What was printed. */
  readonly said: string[]
  open(): Promise<void>
  close(): Promise<void>
  /** Makes the stack's cluster, with a ConfigMap `proof` in it, and remembers what must never be seen. */
  make(): Promise<void>
  infra(...args: readonly string[]): Promise<Ended>
  /** The output of a call that succeeds. */
  ok(...args: readonly string[]): Promise<string>
  /** `infra` as a process that is still running, the leader of a group of its own. */
  started(...args: readonly string[]): ChildProcess
  /** kubectl in the virtual cluster, without infra; it succeeds. */
  inside(...args: readonly string[]): Promise<string>
  /** The stack, with more in the spec of its cluster. */
  writeStack(more?: object): Promise<void>
  /** The values file beside the stack. */
  writeValues(more?: object): Promise<void>
}

/** The desk of one run of suites; nothing is there before `open`. */
export function commandDesk(host: KubernetesLab, name: string): CommandDesk {
  const password = 'tr0ub4dor-and-three'
  const identity = generateIdentity()
  const said: string[] = []
  const children: ChildProcess[] = []
  const env = () => ({
    ...process.env,
    PATH: `${host.bin}:${process.env.PATH ?? ''}`,
    INFRA_LOG: join(desk.folder, 'infra.log'),
    INFRA_VAR_password: password,
    XDG_CACHE_HOME: join(desk.folder, 'cache'),
    NO_COLOR: '1',
  })

  const desk: CommandDesk = {
    host,
    name,
    folder: '',
    stack: '',
    secrets: [],
    password,
    identity,
    get toolHeld() {
      return { request: join(desk.folder, 'hold'), sign: join(desk.folder, 'held') }
    },
    said,
    async open() {
      if (!existsSync(new URL('../../../../dist/cli/main.js', import.meta.url)))
        throw new Error('this runs what is built: npm run build')
      desk.folder = await mkdtemp(join(tmpdir(), 'infra-commands-'))
      desk.stack = join(desk.folder, 'stack')
      await mkdir(desk.stack)
      const own = await readFile(host.kubeconfig, 'utf8')
      await cp(host.chart, join(desk.stack, 'chart'), { recursive: true })
      await writeFile(join(desk.folder, 'away'), own.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:9'))
      const { request, sign } = desk.toolHeld
      const held = `if [ -e ${request} ]; then touch ${sign}; exec sleep 600; fi`
      const tool = `#!/bin/sh\n${held}\nexec ${join(host.bin, 'vclusterctl')} "$@"\n`
      await writeFile(join(desk.folder, 'tool'), tool, { mode: 0o755 })
      await desk.writeStack()
      await desk.writeValues()
    },
    async close() {
      for (const child of children)
        if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL')
      if (desk.folder !== '') await rm(desk.folder, { recursive: true, force: true })
    },
    async make() {
      await desk.ok('apply', desk.stack, '--yes')
      const { data } = await host.kubectlJson<{ data: { config: string } }>(
        ...(['-n', `vcluster-${name}`, 'get', 'secret', `vc-${name}`] as const),
      )
      const config = Buffer.from(data.config, 'base64').toString('utf8')
      const key = /client-key-data: (\S+)/.exec(config)?.[1] ?? ''
      if (key.length <= 100) throw new Error('the kubeconfig has no key')
      const plain = Buffer.from(key, 'base64').toString('utf8')
      desk.secrets = [password, key, key.slice(40, 90), plain.slice(40, 90)]
      await desk.inside('delete', 'configmap', 'proof', '--ignore-not-found')
      await desk.inside('create', 'configmap', 'proof', '--from-literal=a=b')
    },
    infra: (...args) =>
      new Promise(resolve => {
        const options = { cwd: desk.folder, env: env(), maxBuffer: 64 << 20, timeout: 280_000 }
        const child = execFile(bin, [...args], options, (error, out, err) => {
          said.push(`$ infra ${args.join(' ')}\n${args.includes('--stdout') ? '' : out}${err}`)
          resolve({ code: error === null ? 0 : Number(child.exitCode ?? 255), out, err })
        })
        child.stdin?.end()
      }),
    async ok(...args) {
      const { code, out, err } = await desk.infra(...args)
      if (code !== 0) throw new Error(`infra ${args.join(' ')} ended with ${code}\n${out}${err}`)
      return out
    },
    started(...args) {
      const stdio = ['ignore', 'pipe', 'pipe'] as const
      const child = spawn(bin, [...args], { cwd: desk.folder, env: env(), stdio: [...stdio], detached: true })
      child.stderr?.on('data', chunk => said.push(String(chunk)))
      children.push(child)
      return child
    },
    async inside(...args) {
      const place = ['-n', `vcluster-${name}`, 'get'] as const
      const [config, address] = await Promise.all([
        host.kubectl(...place, 'secret', `vc-${name}`, '-o', 'jsonpath={.data.config}'),
        host.kubectl(...place, 'service', name, '-o', 'jsonpath={.spec.clusterIP}'),
      ])
      // Beside the desk's own folder, which is searched for secrets
      const folder = await mkdtemp(join(tmpdir(), 'infra-inside-'))
      const file = join(folder, 'kubeconfig')
      try {
        const text = Buffer.from(config, 'base64').toString('utf8')
        await writeFile(file, text.replace(/https:\/\/localhost:8443/, `https://${address}`), { mode: 0o600 })
        return await host.kubectl('--kubeconfig', file, ...args)
      } finally {
        await rm(folder, { recursive: true })
      }
    },
    async writeStack(more = {}) {
      const recipient = await identityToRecipient(await identity)
      const documents = [
        settings(host, join(desk.folder, 'tool'), recipient, name),
        cluster(name, more),
        machine(name),
      ]
      await writeFile(join(desk.stack, 'stack.yaml'), documents.map(one => stringify(one)).join('---\n'))
    },
    writeValues: (more = {}) =>
      writeFile(join(desk.stack, 'lab.values.yaml'), stringify({ ...host.values, ...more })),
  }
  return desk
}

const settings = (host: KubernetesLab, tool: string, recipient: string, name: string) => ({
  apiVersion: 'infra/v1',
  kind: 'Stack',
  metadata: { name: 'sandbox' },
  spec: {
    variables: { password: { sensitive: true }, recipient: { default: recipient } },
    providers: {
      vcluster: {
        kubeconfig: host.kubeconfig,
        helm: join(host.bin, 'helm'),
        vcluster: tool,
      },
      away: { type: 'vcluster', kubeconfig: '../away', timeout: '1s', patience: '1s' },
      libvirt: { type: 'embedded' },
    },
    outputs: { path: { value: `\${VirtualCluster.${name}.kubeconfigPath}` } },
  },
})

const cluster = (name: string, more: object) => ({
  apiVersion: 'infra/v1',
  kind: 'VirtualCluster',
  metadata: { name },
  spec: {
    chart: { path: 'chart' },
    ttl: '2h',
    storage: { size: '1Gi' },
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '2Gi' } },
    sync: { toHost: { ingresses: true } },
    readinessTimeout: '3m',
    valuesFiles: ['lab.values.yaml'],
    values: { controlPlane: { statefulSet: { env: [{ name: 'PASSWORD', value: '${var.password}' }] } } },
    kubeconfig: { recipient: '${var.recipient}' },
    ...more,
  },
})

const machine = (name: string) => ({
  apiVersion: 'infra/v1',
  kind: 'VirtualMachine',
  metadata: { name: 'runner', lifecycle: { ignoreChanges: ['cloudInit.userData'] } },
  spec: {
    vcpus: 1,
    memoryGiB: 1,
    bootDisk: { sizeGB: 1, empty: true },
    networkInterfaces: [{ ip: '10.0.0.2/24', gateway: '10.0.0.1', bridge: 'br0' }],
    cloudInit: {
      fqdn: 'runner.lab.example',
      userData: `#!/bin/sh\ncat >/root/kubeconfig <<END\n\${VirtualCluster.${name}.kubeconfigContent}\nEND\n`,
    },
  },
})

/** Every file below a folder, in order; none where there is no such folder. */
export async function filesBelow(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return []
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
}

/**
 * The private libvirtd of test/lab/libvirt for tests: brought up where it is not, with faults on demand. A machine that cannot
 * run one skips, with the reason; with CI=true it fails.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { begun, lastWords } from './begun.js'
import { isOwn, own } from './owner.js'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('./libvirt/', import.meta.url))

export interface LibvirtLab {
  /** For infra and for virsh alike. */
  readonly uri: string
  readonly socket: string
  /** Folder of the pool `lab`; qemu's user can read what is in it. */
  readonly poolPath: string
  /** A NAT network with DHCP. */
  readonly network: string
  /** A bridge of the host with the address 1 of `bridgeNet`. */
  readonly bridge: string
  /** The first three octets of the bridge's /24: 10.97.0, each lab of one's own another. */
  readonly bridgeNet: string
  /** libvirtd is killed with -9; guests run on. */
  kill(): Promise<void>
  /** libvirtd is started where it does not run. */
  start(): Promise<void>
  /** libvirtd takes connections and calls, and answers none. */
  stopAnswering(): Promise<void>
  continue(): Promise<void>
  /** Standard output of a virsh command; rejects where it fails. */
  virsh(...args: readonly string[]): Promise<string>
  /** A command where libvirtd runs: in its mounts. */
  inside(...args: readonly string[]): Promise<string>
  /** Words that, before a command, run it where libvirtd runs. */
  readonly through: readonly string[]
  /** An address by ssh on loopback, with the sshd for it. */
  ssh(): Promise<{
    readonly uri: string
    readonly key: string
    readonly knownHosts: string
    readonly port: string
  }>
  /** Folder of a guest image, built once: `fast` in seconds, `debian` in minutes. */
  guest(name: 'fast' | 'debian'): Promise<string>
  /** Ends it, leaving nothing. Only for a lab of one's own. */
  clean(): Promise<void>
}

export interface LabRequest {
  /** A lab of one's own beside the common one; a number from 1 to 99 that no other test file uses. */
  readonly own?: number
}

function environment(own: number | undefined): NodeJS.ProcessEnv {
  if (own === undefined) return process.env
  return {
    ...process.env,
    LAB_RUN: `/var/tmp/infra-lab-libvirt-${own}`,
    LAB_BRIDGE: `br-lab${own}`,
    LAB_BRIDGE_NET: `10.97.${own}`,
    LAB_NET: `10.98.${100 + own}`,
    LAB_SSH_PORT: String(12_100 + own),
  }
}

/** `export A='b' C='d'` as the script prints it. */
function exported(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([A-Z_]+)='([^']*)'/g)].map(([, name, value]) => [name, value]),
  )
}

/** The lab, or why there is none on this machine. With CI=true the reason is thrown. */
export async function libvirtLab(request: LabRequest = {}): Promise<LibvirtLab | { readonly skip: string }> {
  const env = environment(request.own)
  const lab = async (...args: readonly string[]) =>
    (await run(`${folder}lab.sh`, [...args], { env, maxBuffer: 64 << 20 })).stdout
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return unavailable('a private libvirtd needs Linux and root')
  }
  let exports: Record<string, string>
  const numbered = request.own === undefined ? undefined : env.LAB_RUN
  try {
    let anew = numbered !== undefined && !isOwn(numbered)
    exports = await begun('libvirt', async () => {
      if (anew) await lab('clean')
      // The common one may be in use
      anew = numbered !== undefined
      return exported(await lab('up'))
    })
    if (numbered !== undefined) own(numbered)
  } catch (error) {
    return unavailable(lastWords(error))
  }
  const uri = exports.LIBVIRT_DEFAULT_URI ?? ''
  const act = (name: string) => async () => {
    await lab(name)
  }
  return {
    uri,
    socket: exports.LAB_LIBVIRT_SOCK ?? '',
    poolPath: exports.LAB_POOL ?? '',
    network: 'lab',
    bridge: exports.LAB_BRIDGE ?? '',
    bridgeNet: exports.LAB_BRIDGE_NET ?? '',
    kill: act('kill'),
    start: act('start'),
    stopAnswering: act('stop-answering'),
    continue: act('continue'),
    clean: act('clean'),
    inside: (...args) => lab('in', ...args),
    through: ['env', `LAB_RUN=${exports.LAB_RUN ?? ''}`, `${folder}lab.sh`, 'in'],
    virsh: async (...args) =>
      (await run('virsh', ['-q', '-c', uri, ...args], { maxBuffer: 64 << 20 })).stdout,
    async ssh() {
      const printed = exported(await lab('sshd-up'))
      return {
        uri: printed.LAB_SSH_URI ?? '',
        key: printed.LAB_SSH_KEY ?? '',
        knownHosts: printed.LAB_SSH_KNOWN_HOSTS ?? '',
        port: printed.LAB_SSH_PORT ?? '',
      }
    },
    guest: async name => (await run(`${folder}guest.sh`, [name], { env })).stdout.trim(),
  }
}

/**
 * Gives the name of a machine's tap free while it runs: two labs are two hosts, and yet have one kernel, where a machine that
 * moves cannot have its tap twice. Changes nothing for the guest.
 */
export async function freeTap(lab: LibvirtLab, machine: string): Promise<void> {
  const [, tap] = /<target dev='(v[mn][0-9a-f]+)'\/>/.exec(await lab.virsh('dumpxml', machine)) ?? []
  if (tap === undefined) throw new Error(`${machine} has no tap`)
  await run('ip', ['link', 'set', 'dev', tap, 'down'])
  await run('ip', ['link', 'set', 'dev', tap, 'name', `old-${tap.slice(-10)}`])
  await run('ip', ['link', 'set', 'dev', `old-${tap.slice(-10)}`, 'up'])
}

function unavailable(skip: string): { readonly skip: string } {
  if (process.env.CI === 'true') throw new Error(`no lab of libvirt: ${skip}`)
  return { skip }
}

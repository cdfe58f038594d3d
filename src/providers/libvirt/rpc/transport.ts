/** How bytes reach libvirtd: a unix socket, the system's own ssh, or TLS. Everything above sees a duplex stream. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { Duplex } from 'node:stream'
import { InfraError, messageOf } from '../../../model/error.js'
import { shellWord } from '../../../model/shell-word.js'
import { connectionError } from './errors.js'
import type { LibvirtUri } from './uri.js'

export interface Link {
  readonly stream: Duplex
  /** What the transport itself said beside the protocol, for errors: the last lines of ssh. */
  said(): string
}

/** Sockets of libvirtd, and of the newer daemon for QEMU alone; the first that is there is used. */
const systemSockets = [
  '/run/libvirt/libvirt-sock',
  '/var/run/libvirt/libvirt-sock',
  '/run/libvirt/virtqemud-sock',
]

/** Connects. Rejects with an InfraError of kind `connection`, or with the signal's reason. */
export async function openLink(uri: LibvirtUri, signal: AbortSignal): Promise<Link> {
  signal.throwIfAborted()
  switch (uri.transport) {
    case 'unix':
      return openUnix(uri, signal)
    case 'ssh':
      return openSsh(uri, signal)
    case 'tls':
      return openTls(uri, signal)
  }
}

/** Resolves at the event, rejects at an error or abort; the stream is destroyed then. */
function opened(stream: Duplex, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: unknown) => {
      signal.removeEventListener('abort', aborted)
      stream.off(event, succeed)
      stream.off('error', finish)
      if (error === undefined) resolve()
      else {
        stream.on('error', () => undefined).destroy()
        reject(error)
      }
    }
    const succeed = () => finish()
    const aborted = () => finish(signal.reason ?? new Error('aborted'))
    stream.once(event, succeed)
    stream.once('error', finish)
    signal.addEventListener('abort', aborted, { once: true })
  })
}

async function openUnix(uri: LibvirtUri, signal: AbortSignal): Promise<Link> {
  const paths = uri.parameters.socket === undefined ? systemSockets : [uri.parameters.socket]
  const failures: string[] = []
  for (const path of paths) {
    const stream = connectSocket({ path })
    try {
      await opened(stream, 'connect', signal)
      return { stream, said: () => '' }
    } catch (error) {
      if (signal.aborted) throw error
      failures.push(messageOf(error))
    }
  }
  const denied = failures.some(text => text.includes('EACCES'))
  const noneThere = failures.every(text => text.includes('ENOENT'))
  throw connectionError(
    denied ? 'libvirt-denied' : 'libvirt-unreachable',
    `Cannot connect to libvirt at ${paths[0]}`,
    noneThere ? `There is no socket at ${paths.join(', ')}: libvirtd does not run here` : failures.join('; '),
    denied
      ? 'Run as root, or as a member of the group libvirt'
      : 'Start libvirtd (systemctl start libvirtd), or name its socket: qemu+unix:///system?socket=/path',
  )
}

/** Text as one word of a POSIX shell. */
/** The command that is run on the other host: libvirt's own helper, else netcat at the socket. */
function remoteCommand(uri: LibvirtUri): string {
  const socket = uri.parameters.socket ?? '/run/libvirt/libvirt-sock'
  const netcat = `exec ${shellWord(uri.parameters.netcat ?? 'nc')} -U ${shellWord(socket)}`
  if (uri.parameters.proxy === 'netcat' || uri.parameters.socket !== undefined) return netcat
  const helper = `exec virt-ssh-helper ${shellWord(uri.open)}`
  if (uri.parameters.proxy === 'native') return helper
  return `sh -c ${shellWord(`if command -v virt-ssh-helper >/dev/null 2>&1; then ${helper}; else ${netcat}; fi`)}`
}

/** A command on the other host by ssh. The user's own configuration, agent, jump hosts and known hosts apply. */
export function sshCommand(uri: LibvirtUri, script: string): { command: string; args: string[] } {
  return { command: uri.parameters.command ?? 'ssh', args: sshArguments(uri, script) }
}

function sshArguments(uri: LibvirtUri, script: string): string[] {
  const { keyfile, known_hosts: knownHosts, no_tty: noTty, no_verify: noVerify } = uri.parameters
  return [
    '-T',
    '-e',
    'none',
    '-o',
    'ConnectTimeout=15',
    ...(noTty === '0' ? [] : ['-o', 'BatchMode=yes']),
    ...(keyfile === undefined ? [] : ['-i', keyfile]),
    ...(knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${knownHosts}`]),
    ...(noVerify === '1' ? ['-o', 'StrictHostKeyChecking=no'] : []),
    ...(uri.port === undefined ? [] : ['-p', String(uri.port)]),
    ...(uri.user === undefined ? [] : ['-l', uri.user]),
    '--',
    uri.host ?? '',
    script,
  ]
}

async function openSsh(uri: LibvirtUri, signal: AbortSignal): Promise<Link> {
  const { command, args } = sshCommand(uri, remoteCommand(uri))
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000)
  })
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout })
  stream.once('close', () => child.kill())
  // a child that ends closes its pipes; one that cannot be started tells it here alone
  child.once('error', error => stream.destroy(error))
  child.stdin.on('error', () => undefined)
  signal.throwIfAborted()
  return { stream, said: () => said.trim() }
}

/** libvirt's own places of keys and certificates, or those below `pkipath`. */
async function tlsFiles(uri: LibvirtUri): Promise<{ ca: Buffer; cert?: Buffer; key?: Buffer }> {
  const folder = uri.parameters.pkipath
  const paths =
    folder === undefined
      ? [
          '/etc/pki/CA/cacert.pem',
          '/etc/pki/libvirt/clientcert.pem',
          '/etc/pki/libvirt/private/clientkey.pem',
        ]
      : [`${folder}/cacert.pem`, `${folder}/clientcert.pem`, `${folder}/clientkey.pem`]
  const [ca, cert, key] = await Promise.all(
    paths.map(path =>
      readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw error
      }),
    ),
  )
  if (ca === undefined) {
    throw new InfraError({
      kind: 'configuration',
      code: 'libvirt-tls-files',
      message: 'There is no certificate of an authority to trust',
      why: `${paths[0]} is missing`,
      hint: 'Put libvirt’s cacert.pem, clientcert.pem and clientkey.pem there, or name their folder: ?pkipath=/path',
    })
  }
  return { ca, ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) }
}

async function openTls(uri: LibvirtUri, signal: AbortSignal): Promise<Link> {
  const files = await tlsFiles(uri)
  const host = uri.host ?? ''
  // loaded by those who use it: few do
  const { connect: connectTls } = await import('node:tls')
  const stream = connectTls({
    host,
    port: uri.port ?? 16_514,
    ...files,
    ...(uri.parameters.no_verify === '1' && { rejectUnauthorized: false }),
  })
  try {
    await opened(stream, 'secureConnect', signal)
    // once it has checked the client's certificate, libvirtd sends one byte, 1, before any packet
    await opened(stream, 'readable', signal)
    const verdict = stream.read(1) as Buffer | null
    if (verdict?.[0] !== 1) throw new Error('libvirtd refused the certificate of this client')
  } catch (error) {
    stream.on('error', () => undefined).destroy()
    if (signal.aborted) throw error
    throw connectionError(
      'libvirt-unreachable',
      `Cannot connect to libvirt at ${host} by TLS`,
      messageOf(error),
      'See that libvirtd listens there (libvirtd-tls.socket) and trusts this client’s certificate',
    )
  }
  return { stream, said: () => '' }
}

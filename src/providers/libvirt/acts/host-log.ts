/** A file of the host that grows, read by offset: this machine's own, by ssh, or by libvirt as a volume. */
import { execFile, spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { shellWord } from '../../../model/shell-word.js'
import { ask, findVolume, type Host } from '../connection.js'
import { procedures } from '../rpc/procedures/index.js'
import { sshCommand } from '../rpc/transport.js'

/** Bytes of the end of a file, and where it ends. */
export interface LogPart {
  readonly bytes: Buffer
  /** Offset behind them. */
  readonly end: number
}

/** Most bytes of one read: a log that is longer is told from its end. */
const most = 4 << 20

/** What is in the file from this offset on (from its last `most` bytes at least); undefined where there is no file. */
export async function readLogFrom(
  host: Host,
  path: string,
  offset: number,
  signal: AbortSignal,
): Promise<LogPart | undefined> {
  const { transport } = host.client.uri
  if (transport === 'ssh') return bySsh(host, path, offset, signal)
  if (transport !== 'unix') return readLogByVolume(host, path, offset, signal)
  try {
    return await byFile(path, offset)
  } catch (error) {
    // libvirt reads with rights that this user may not have
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') return readLogByVolume(host, path, offset, signal)
    throw error
  }
}

async function byFile(path: string, offset: number): Promise<LogPart | undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const { size } = await file.stat()
    const from = start(offset, size)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(size - from, 0)), 0, undefined, from)
    return { bytes: buffer.subarray(0, bytesRead), end: from + bytesRead }
  } finally {
    await file.close()
  }
}

/** A file that has become shorter is another one: it is read from its beginning. */
function start(offset: number, size: number): number {
  return Math.max(offset > size ? 0 : offset, size - most)
}

function bySsh(host: Host, path: string, offset: number, signal: AbortSignal): Promise<LogPart | undefined> {
  const file = shellWord(path)
  const script = `[ -e ${file} ] || exit 44; s=$(stat -c %s ${file}) || exit 45; o=${offset}; [ $o -le $s ] || o=0; [ $((s-o)) -le ${most} ] || o=$((s-${most})); echo $s; tail -c +$((o+1)) ${file} | head -c $((s-o))`
  const { command, args } = sshCommand(host.client.uri, script)
  return new Promise((resolve, reject) => {
    const options = { signal, timeout: 60_000, maxBuffer: most * 2, encoding: 'buffer' as const }
    execFile(command, args, options, (error, out, said) => {
      if (signal.aborted) reject(signal.reason)
      else if (error?.code === 44) resolve(undefined)
      else if (error !== null) reject(unread(path, said.toString('utf8').trim() || error.message))
      else {
        const line = out.indexOf(10)
        resolve({ bytes: out.subarray(line + 1), end: Number(out.subarray(0, line).toString('utf8')) })
      }
    })
  })
}

/** Through libvirt, which reads as root: over TLS, and where this user may not read the file. */
export function readLogByVolume(
  host: Host,
  path: string,
  offset: number,
  signal: AbortSignal,
): Promise<LogPart | undefined> {
  return host.folders.with(host, dirname(path), signal, async pool => {
    const volume = await findVolume(host, pool, basename(path), signal)
    if (volume === undefined) return undefined
    const { capacity } = await ask(host, procedures.volumes.info, { volume }, signal)
    const from = start(offset, capacity)
    if (from >= capacity) return { bytes: Buffer.alloc(0), end: capacity }
    const args = { volume, offset: from, length: capacity - from, flags: 0 }
    const stream = await host.client.stream(procedures.volumes.download, args, { signal })
    const parts: Uint8Array[] = []
    try {
      for await (const chunk of stream.channel.read()) {
        parts.push(chunk instanceof Uint8Array ? chunk : Buffer.alloc(chunk.hole))
      }
      await stream.channel.finish()
    } finally {
      stream.close()
    }
    return { bytes: Buffer.concat(parts), end: capacity }
  })
}

/** What is written from now on, over ssh by one command that stays; ends when the signal says so. */
export async function* followBySsh(
  host: Host,
  path: string,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { command, args } = sshCommand(
    host.client.uri,
    `exec tail -c +${offset + 1} -F ${shellWord(path)} 2>/dev/null`,
  )
  const child = spawn(command, args, { signal, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1_000)
  })
  const ended = new Promise<void>(resolve => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  for await (const chunk of child.stdout) yield chunk as Buffer
  await ended
  if (!signal.aborted) throw unread(path, said.trim() || 'the connection ended')
}

function unread(path: string, why: string): InfraError {
  return new InfraError({ kind: 'operation', code: 'log-unreadable', message: `${path} cannot be read`, why })
}

/**
 * Files on the host where libvirtd runs: renaming is all that is needed, so that deleted data can wait for its return in the
 * place where it is, without being copied. By this machine's own file system, or by ssh where that is the way there.
 */
import { execFile } from 'node:child_process'
import { lstat, open, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { InfraError } from '../../model/error.js'
import { shellWord } from '../../model/shell-word.js'
import { sshCommand } from './rpc/transport.js'
import type { LibvirtUri } from './rpc/uri.js'

export interface HostFiles {
  /** Renames within a folder. Done already (the old name gone, the new one there) is no error; it never overwrites. */
  rename(from: string, to: string, signal: AbortSignal): Promise<void>
  exists(path: string, signal: AbortSignal): Promise<boolean>
  /** Names in a folder, none where it is not there; undefined where that is not to be known: no rights, or no way there. */
  names(folder: string, signal: AbortSignal): Promise<readonly string[] | undefined>
  /** What the machine is called whose files these are; undefined where there is no way there. */
  machine(signal: AbortSignal): Promise<string | undefined>
  /** The last bytes of a file, as text; undefined where there is none. Fails where that cannot be said. */
  tail(path: string, bytes: number, signal: AbortSignal): Promise<string | undefined>
  /** Removes a file; nothing happens where there is none. */
  remove(path: string, signal: AbortSignal): Promise<void>
}

/** By the way that leads to libvirtd; over TLS there is none, and nothing can be renamed. */
export function hostFiles(uri: LibvirtUri): HostFiles {
  if (uri.transport === 'unix') return localFiles
  if (uri.transport === 'ssh') return sshFiles(uri)
  return noFiles
}

async function there(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw failed(path, error, 'looked at')
  }
}

const localFiles: HostFiles = {
  async rename(from, to) {
    const [source, target] = await Promise.all([there(from), there(to)])
    if (!source && target) return
    if (target) throw taken(to)
    await rename(from, to).catch(error => {
      throw failed(from, error)
    })
  },
  exists: path => there(path),
  async names(folder) {
    try {
      return await readdir(folder)
    } catch (error) {
      // anything but "not found" says nothing of what is in there
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : undefined
    }
  },
  machine: async () => hostname(),
  async tail(path, bytes) {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw failed(path, error, 'read')
    })
    if (file === undefined) return undefined
    try {
      const { size } = await file.stat()
      const from = Math.max(0, size - bytes)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, bytes)), 0, undefined, from)
      return buffer.subarray(0, bytesRead).toString('utf8')
    } finally {
      await file.close()
    }
  },
  async remove(path) {
    await rm(path, { force: true }).catch(error => {
      throw failed(path, error)
    })
  },
}

/** Text as one word of a POSIX shell. */
const notFound = /No such file or directory/

function sshFiles(uri: LibvirtUri): HostFiles {
  const run = async (script: string, path: string, signal: AbortSignal) =>
    (await runs(script, path, signal)).code
  const runs = (script: string, path: string, signal: AbortSignal) =>
    new Promise<{ code: number; out: string; said: string }>((resolve, reject) => {
      const { command, args } = sshCommand(uri, script)
      execFile(command, args, { signal, timeout: 60_000 }, (error, out, said) => {
        const code = error === null ? 0 : error.code
        if (typeof code === 'number' && code < 100) resolve({ code, out, said: said.trim() })
        else reject(signal.aborted ? signal.reason : failed(path, said.trim() || error))
      })
    })
  /** Undefined where ssh does not get there: a plan says less then, and does not fail. */
  const perhaps = (script: string, path: string, signal: AbortSignal) =>
    runs(script, path, signal).catch(() => {
      signal.throwIfAborted()
      return undefined
    })
  return {
    async rename(from, to, signal) {
      const [a, b] = [shellWord(from), shellWord(to)]
      const script = `if [ -e ${b} ]; then [ ! -e ${a} ] || exit 17; else mv -- ${a} ${b} || exit 18; fi`
      const code = await run(script, from, signal)
      if (code === 17) throw taken(to)
      if (code !== 0) throw failed(from, `mv ended with ${code}`)
    },
    async tail(path, bytes, signal) {
      const script = `LC_ALL=C tail -c ${bytes} -- ${shellWord(path)}`
      const { code, out, said } = await runs(script, path, signal)
      if (code === 0) return out
      if (notFound.test(said)) return undefined
      throw failed(path, said, 'read')
    },
    async names(folder, signal) {
      const ran = await perhaps(`LC_ALL=C ls -1A -- ${shellWord(folder)}`, folder, signal)
      if (ran?.code === 0) return ran.out.split('\n').filter(name => name !== '')
      return ran !== undefined && notFound.test(ran.said) ? [] : undefined
    },
    async machine(signal) {
      const ran = await perhaps('uname -n', 'the name of the host', signal)
      return ran?.code === 0 ? ran.out.trim() : undefined
    },
    async exists(path, signal) {
      // `[ -e` says no as well where it may not look
      const { code, said } = await runs(`LC_ALL=C ls -d -- ${shellWord(path)} >/dev/null`, path, signal)
      if (code === 0) return true
      if (notFound.test(said)) return false
      throw failed(path, said, 'looked at')
    },
    async remove(path, signal) {
      const code = await run(`rm -f -- ${shellWord(path)}`, path, signal)
      if (code !== 0) throw failed(path, `rm ended with ${code}`)
    },
  }
}

const noFiles: HostFiles = {
  rename: path => Promise.reject(unreachable(path)),
  exists: path => Promise.reject(unreachable(path)),
  names: async () => undefined,
  machine: async () => undefined,
  tail: async () => undefined,
  remove: path => Promise.reject(unreachable(path)),
}

function unreachable(path: string): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'libvirt-no-files',
    message: `${path} cannot be kept for a return: files of this host are out of reach`,
    why: 'Over TLS libvirt offers no way to rename a file',
    hint: 'Connect by qemu+ssh, or forget the resource with retainOnDelete and delete it by hand',
  })
}

function taken(path: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'file-exists',
    message: `${path} is there already`,
    hint: 'Look what it is, and move it away',
  })
}

function failed(path: string, cause: unknown, what = 'moved or removed'): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'host-file',
    message: `${path} cannot be ${what}`,
    why: cause instanceof Error ? cause.message : String(cause),
    hint: 'infra needs the rights of root on the host for the files of its pools',
    cause,
  })
}

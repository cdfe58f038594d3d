/** Failures as Ceph tells them: an errno and a sentence. */
import { constants } from 'node:os'
import { InfraError } from '../../../model/error.js'

/** Ceph reports numbers that Linux has, whatever machine it is asked from. */
const linux: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  5: 'EIO',
  11: 'EAGAIN',
  13: 'EACCES',
  16: 'EBUSY',
  17: 'EEXIST',
  22: 'EINVAL',
  28: 'ENOSPC',
  34: 'ERANGE',
  39: 'ENOTEMPTY',
  61: 'ENODATA',
  95: 'EOPNOTSUPP',
  107: 'ENOTCONN',
  108: 'ESHUTDOWN',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  122: 'EDQUOT',
}

/** The name of an errno: `ENOENT` of 2. */
export function errnoName(errno: number): string {
  const name = linux[errno] ?? Object.entries(constants.errno).find(([, number]) => number === errno)?.[0]
  return name ?? `errno ${errno}`
}

/** The errno of a name; 5 (EIO) where it is unknown. */
export function errnoOf(name: string): number {
  return Number(Object.entries(linux).find(([, text]) => text === name)?.[0] ?? 5)
}

const hints: Readonly<Record<string, string>> = {
  EPERM: 'the client lacks the capability for this; see `ceph auth get`',
  EACCES: 'the client lacks the capability for this; see `ceph auth get`',
  ETIMEDOUT:
    'see `ceph -s`: is there a quorum of monitors, an active manager, and are the OSDs up? A manager that hangs is replaced with `ceph mgr fail`',
  ENOSPC: 'the cluster or the pool is full; see `ceph df`',
  EDQUOT: 'the quota of the pool or the volume is reached; see `ceph df detail`',
}

/** What Ceph refused or could not do. `errno` is positive. */
export class CephError extends InfraError {
  readonly errno: number

  constructor(what: string, errno: number, words: string) {
    const name = errnoName(errno)
    const lost = errno === 110 || errno === 107
    super({
      kind: lost ? 'connection' : 'operation',
      code: lost ? 'ceph-no-answer' : `ceph-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`,
      message: `${what}: ${lost ? 'Ceph did not answer' : 'Ceph refused'} (${name})`,
      ...(words.trim() !== '' && { why: words.trim() }),
      ...(hints[name] !== undefined && { hint: hints[name] }),
    })
    this.name = 'CephError'
    this.errno = errno
  }
}

export function isErrno(thrown: unknown, ...names: readonly string[]): thrown is CephError {
  return thrown instanceof CephError && names.includes(errnoName(thrown.errno))
}

/** The call's value, or undefined where Ceph says that the thing is not there. */
export async function orAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) return undefined
    throw thrown
  }
}

/** Why a file could not be read or written, in words. */
import { InfraError } from './error.js'

const causes: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or folder.',
  EEXIST: 'There is a file of that name.',
  EACCES: 'Permission denied.',
  EPERM: 'Permission denied.',
  EROFS: 'The file system is read-only.',
  ENOTDIR: 'A part of the path is not a folder.',
  EISDIR: 'It is a folder.',
  ELOOP: 'It is a link, or its links go round in a circle.',
  ENOSPC: 'The disk is full.',
  ENAMETOOLONG: 'The name is too long.',
}

/** What an error of the file system says, without the system's own abbreviations where they are known. */
export function plainCause(thrown: unknown): string {
  const { code, message } = thrown as NodeJS.ErrnoException
  return causes[code ?? ''] ?? message ?? String(thrown)
}

/** What the system was asked to do with the file, where that is not reading or writing. */
const calls: Readonly<Record<string, string>> = {
  mkdir: 'made',
  unlink: 'removed',
  rmdir: 'removed',
  rename: 'renamed',
  scandir: 'listed',
  write: 'written',
  fsync: 'written',
  ftruncate: 'written',
}

/**
 * The error of a file that nobody expected to fail, or undefined for anything else that was thrown: no defect of infra, but of
 * the place that it was pointed to. Of a file that is open already the system does not tell the path: `known` is it then.
 */
export function fileError(thrown: unknown, known?: string): InfraError | undefined {
  if (!(thrown instanceof Error)) return undefined
  const { code, path = known, syscall } = thrown as NodeJS.ErrnoException
  if (syscall?.startsWith('spawn')) return undefined
  if (typeof path !== 'string' || causes[code ?? ''] === undefined) return undefined
  return new InfraError({
    kind: 'storage',
    code: 'file',
    message: `${path} cannot be ${calls[syscall ?? ''] ?? 'opened'}`,
    why: plainCause(thrown),
    hint:
      code === 'ENOSPC' ? 'Make room on the disk that it is on.' : 'Look at the path and its permissions.',
    cause: thrown,
  })
}

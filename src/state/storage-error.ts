/** What the file system refused, as an error that a user can act on. */
import { type ErrorDetails, InfraError } from '../model/error.js'
import { plainCause } from '../model/file-error.js'

/** The code that Node put on an error, if any. */
export function systemCode(thrown: unknown): string | undefined {
  const code = (thrown as { readonly code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Whether there is no room left: on the device, or in the user's quota. */
export function isDiskFull(thrown: unknown): boolean {
  const code = systemCode(thrown)
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'disk-full'
}

/** An error of kind storage. What is one of ours already passes unchanged. */
export function storageError(thrown: unknown, details: Pick<ErrorDetails, 'message' | 'hint'>): InfraError {
  if (thrown instanceof InfraError) return thrown
  const { code, hint } = meaningOf(systemCode(thrown))
  return new InfraError({
    kind: 'storage',
    code,
    message: details.message,
    why: plainCause(thrown),
    hint: [hint, details.hint].filter(Boolean).join(' '),
    cause: thrown,
  })
}

function meaningOf(code: string | undefined): { readonly code: string; readonly hint: string } {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return { code: 'disk-full', hint: 'Make room on the disk.' }
    case 'EROFS':
      return { code: 'read-only', hint: 'The file system is mounted read-only.' }
    case 'EACCES':
    case 'EPERM':
      return { code: 'not-permitted', hint: 'Check who owns the folder and its files.' }
    case 'ELOOP':
      return {
        code: 'is-a-link',
        hint: 'infra does not write through symbolic links; put the real file there.',
      }
    case 'ENOTDIR':
      return { code: 'storage-failed', hint: 'A part of the path is a file; name another folder.' }
    case 'EISDIR':
      return { code: 'storage-failed', hint: 'A folder is where a file belongs; move it away.' }
    default:
      return { code: 'storage-failed', hint: '' }
  }
}

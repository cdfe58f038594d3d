/** One call of the kernel that Node does not have: `flock(2)`, by the program of the same name. */
import { spawn } from 'node:child_process'
import { InfraError } from '../model/error.js'

/** The exit code asked for where the lock is taken; none of the program's own. */
const taken = 75

/**
 * Locks an open file for all who share it, this process first of all. False where another holds it and does not let go in
 * time. The program is handed the file as its descriptor 3, locks it and exits; it never outlives a lock that it took.
 */
export function flock(descriptor: number, waitMilliseconds: number, signal?: AbortSignal): Promise<boolean> {
  const wait = (waitMilliseconds / 1000).toFixed(3)
  return new Promise((resolve, reject) => {
    const child = spawn(
      'flock',
      ['--exclusive', '--timeout', wait, '--conflict-exit-code', String(taken), '3'],
      {
        stdio: ['ignore', 'ignore', 'pipe', descriptor],
        killSignal: 'SIGKILL',
        ...(signal && { signal }),
      },
    )
    let said = ''
    child.stderr?.on('data', (text: Buffer) => {
      said += text.toString('utf8')
    })
    child.on('error', error => {
      if (signal?.aborted) reject(signal.reason)
      else reject(unavailable(error.message))
    })
    child.on('close', code => {
      if (code === 0) resolve(true)
      else if (code === taken) resolve(false)
      else reject(unavailable(said.trim() || `flock ended with ${code}`))
    })
  })
}

function unavailable(why: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'lock-unavailable',
    message: 'the state cannot be locked',
    why,
    hint: 'The program flock of util-linux is needed, and a file system that has locks.',
  })
}

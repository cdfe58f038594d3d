/** Standard output and error that can no longer be written. */
import { exitCodes } from '../model/error.js'
import { plainCause } from '../model/file-error.js'

let isTold = false

/**
 * What cannot be written ends the output, not the command: a reader that has seen enough (`infra plan | head`), or a log on a
 * full disk while an apply runs. The latter is told once, and is no success. oclif has a listener of its own, from when its
 * commands are loaded, that ends the process: to be called after that, too.
 */
export function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error')
    stream.on('error', error => lost(stream, error))
  }
}

function lost(stream: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' || isTold) return
  isTold = true
  process.once('exit', () => {
    process.exitCode ||= exitCodes.storage
  })
  if (stream !== process.stderr)
    process.stderr.write(`error: standard output cannot be written\n  why: ${plainCause(error)}\n`)
}

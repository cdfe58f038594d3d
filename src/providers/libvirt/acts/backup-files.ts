/** The files of a backup, as they are written: new, durable, with their sums. */
import { createHash } from 'node:crypto'
import { open, writeFile } from 'node:fs/promises'
import { fileError } from '../../../model/file-error.js'
import type { Chunk } from '../rpc/channel.js'

interface Written {
  readonly bytes: number
  /** In hex. */
  readonly sha256: string
}

/** Writes chunks to a new file, holes as holes, and tells its size and sum. */
export async function writeChunks(path: string, chunks: AsyncIterable<Chunk>): Promise<Written> {
  const hash = createHash('sha256')
  const zeros = Buffer.alloc(1 << 20)
  const handle = await open(path, 'wx', 0o600)
  let at = 0
  try {
    for await (const chunk of chunks) {
      if (chunk instanceof Uint8Array) {
        hash.update(chunk)
        for (let done = 0; done < chunk.length; ) {
          const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, at + done)
          done += bytesWritten
        }
        at += chunk.length
      } else {
        for (let left = chunk.hole; left > 0; left -= zeros.length)
          hash.update(zeros.subarray(0, Math.min(left, zeros.length)))
        at += chunk.hole
      }
    }
    // a hole at the end is of the file, too
    await handle.truncate(at)
    await handle.sync()
  } catch (error) {
    throw fileError(error, path) ?? error
  } finally {
    await handle.close()
  }
  return { bytes: at, sha256: hash.digest('hex') }
}

/** Writes a new file, durably, and tells its size in bytes and its sum. */
export async function writeBytes(path: string, bytes: Uint8Array): Promise<Written> {
  await writeAndSync(path, bytes)
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Writes a new file, durably. */
export async function writeAndSync(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(path, content, { mode: 0o600, flag: 'wx', flush: true }).catch(error => {
    throw fileError(error, path) ?? error
  })
}

/** SHA-256 of files, read as a stream. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** In lower-case hexadecimal. `seen` is told of the bytes so far. */
export async function sha256OfFile(
  path: string,
  signal: AbortSignal,
  seen?: (bytes: number) => void,
): Promise<string> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, {
    highWaterMark: 1 << 20,
    signal,
  }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
    seen?.(bytes)
  }
  return hash.digest('hex')
}

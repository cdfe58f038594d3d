/** A web server on loopback that serves one file, as badly as a test wants. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Served {
  readonly url: string
  /** Each request's Range header, in order. */
  readonly ranges: (string | undefined)[]
  close(): Promise<void>
}

export type Behaviour = (request: IncomingMessage, response: ServerResponse, count: number) => void

export async function serve(behaviour: Behaviour): Promise<Served> {
  const ranges: (string | undefined)[] = []
  const server = createServer((request, response) => {
    ranges.push(request.headers.range)
    behaviour(request, response, ranges.length)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/debian.qcow2`,
    ranges,
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** The whole file, or the rest that is asked for. */
export function whole(bytes: Buffer, etag = '"one"'): Behaviour {
  return (request, response) => {
    const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
    const start = from !== null && request.headers['if-range'] === etag ? Number(from[1]) : 0
    if (start > 0) response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`)
    response.writeHead(start > 0 ? 206 : 200, { etag, 'content-length': bytes.length - start })
    response.end(bytes.subarray(start))
  }
}

/**
 * The file up to a byte, and then the connection is cut: not at once, as fetch drops what came and was not read before it heard
 * of the end, and on a busy machine that is all of it.
 */
export function cutAt(bytes: Buffer, at: number): Behaviour {
  return (_, response) => {
    response.writeHead(200, { etag: '"one"', 'content-length': bytes.length })
    response.write(bytes.subarray(0, at), () => setTimeout(() => response.destroy(), 200))
  }
}

/** One HTTP exchange with the host cluster's API server: TLS and credentials as the kubeconfig has them, kept connections. */
import http from 'node:http'
import https from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { InfraError } from '../../../model/error.js'

export interface RawRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export interface Transport {
  /** The response as a stream; its status is not judged. */
  send(request: RawRequest): Promise<http.IncomingMessage>
  /** Asks for credentials anew, after the server refused them: a token may have ended. */
  forgetCredentials(): void
  close(): void
}

/** Connections that may be open at once; what is beyond waits. */
const sockets = 16

/** Calls of one API server with the credentials of a kubeconfig. Connects with the first call. */
export function openTransport(config: KubeConfig, server: URL): Transport {
  const secure = server.protocol === 'https:'
  const prefix = server.pathname.replace(/\/$/, '')
  let ready: Promise<https.RequestOptions> | undefined
  let own: http.Agent | undefined

  async function credentials(): Promise<https.RequestOptions> {
    const options: https.RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    const { headers, auth, agent, ...tls } = options
    if (config.getCurrentCluster()?.proxyUrl !== undefined)
      return { headers, auth, agent } as https.RequestOptions
    own?.destroy()
    own = secure
      ? new https.Agent({ ...(tls as https.AgentOptions), keepAlive: true, maxSockets: sockets })
      : new http.Agent({ keepAlive: true, maxSockets: sockets })
    return { headers, auth, agent: own } as https.RequestOptions
  }

  return {
    async send(request) {
      ready ??= credentials()
      const options = await ready.catch(error => {
        ready = undefined
        throw error
      })
      return new Promise((resolve, reject) => {
        const call = (secure ? https : http).request(
          {
            ...options,
            host: server.hostname,
            port: server.port === '' ? (secure ? 443 : 80) : server.port,
            path: prefix + request.path,
            method: request.method,
            headers: {
              ...options.headers,
              ...request.headers,
              ...(request.body !== undefined && {
                'content-length': String(Buffer.byteLength(request.body)),
              }),
            } as http.OutgoingHttpHeaders,
            signal: request.signal,
          },
          resolve,
        )
        call.on('error', reject)
        call.end(request.body)
      })
    },
    forgetCredentials() {
      ready = undefined
    },
    close() {
      own?.destroy()
    },
  }
}

/** Bytes of one answer: a page of 500 objects of at most 1.5 MiB has much less. */
const longestBody = 256 << 20

/** The whole body as text. */
export async function bodyOf(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    length += (chunk as Buffer).length
    if (length > longestBody)
      throw new InfraError({
        kind: 'connection',
        code: 'host-answer-unfit',
        message: 'What the host cluster answered is no answer of Kubernetes.',
        why: `it is longer than ${longestBody >> 20} MiB`,
      })
  }
  return Buffer.concat(chunks).toString('utf8')
}

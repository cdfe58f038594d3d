/** A proxy in front of an API server that fails on demand, and a kubeconfig that goes through it. */
import { readFile, writeFile } from 'node:fs/promises'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'

/** What to do with a request instead of passing it on; undefined passes it. */
export type Fault = (
  request: { readonly method: string; readonly path: string },
  count: number,
) =>
  | { readonly status: number; readonly body?: object; readonly headers?: Record<string, string> }
  | 'hang'
  | 'reset'
  | undefined

export interface FaultyHost {
  /** A kubeconfig whose server is the proxy. */
  readonly kubeconfig: string
  readonly calls: string[]
  fault: Fault
  close(): Promise<void>
}

export async function faultyHost(kubeconfig: string, file: string): Promise<FaultyHost> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const upstream = new URL(config.getCurrentCluster()?.server ?? '')
  const credentials: https.RequestOptions = {}
  await config.applyToHTTPSOptions(credentials)
  const agent = new https.Agent({ ...(credentials as https.AgentOptions), keepAlive: true })
  const counts = new Map<string, number>()
  const host: { fault: Fault; calls: string[] } = { fault: () => undefined, calls: [] }

  function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const call = https.request(
      {
        host: upstream.hostname,
        port: upstream.port,
        path: incoming.url,
        method: incoming.method,
        headers: incoming.headers,
        agent,
      },
      answer => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      },
    )
    call.on('error', () => outgoing.destroy())
    incoming.pipe(call)
  }

  const server = http.createServer((incoming, outgoing) => {
    const request = { method: incoming.method ?? '', path: incoming.url ?? '' }
    const key = `${request.method} ${request.path.split('?')[0]}`
    host.calls.push(key)
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    const fault = host.fault(request, count)
    if (fault === undefined) pass(incoming, outgoing)
    else if (fault === 'reset') incoming.socket.destroy()
    else if (fault !== 'hang') {
      incoming.resume()
      outgoing.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
      outgoing.end(JSON.stringify(fault.body ?? { kind: 'Status', message: `the test says ${fault.status}` }))
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  const text = await readFile(kubeconfig, 'utf8')
  const through = text
    .replace(
      /server: "?https:\/\/[^",}]+"?/,
      `server: "http://127.0.0.1:${port}", insecure-skip-tls-verify: true`,
    )
    .replace(/, certificate-authority-data: [^,}]+/, '')
  await writeFile(file, through, { mode: 0o600 })
  return Object.assign(host, {
    kubeconfig: file,
    close: () =>
      new Promise<void>(resolve => {
        agent.destroy()
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  })
}

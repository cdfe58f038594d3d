/** A port of this machine that leads to a pod, through the host cluster's API server. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { PortForward } from '@kubernetes/client-node'
import { InfraError, messageOf } from '../../../model/error.js'
import type { Host } from '../client/host.js'

export interface Forward {
  readonly port: number
  close(): Promise<void>
}

/** The port on which the control plane's pod serves its API. */
const apiPort = 8443

/**
 * Listens on 127.0.0.1; `port` 0 takes any that is free. Every connection gets a stream of its own to the pod that is ready
 * at that moment, so that a control plane that starts anew is found again.
 */
export async function forwardPort(
  host: Host,
  namespace: string,
  podNow: () => Promise<string | undefined>,
  port = 0,
): Promise<Forward> {
  const sockets = new Set<Socket>()
  const forwarder = new PortForward(host.config, false)
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    void connect(forwarder, namespace, podNow, socket)
  })
  await listen(server, port)
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

async function connect(
  forwarder: PortForward,
  namespace: string,
  podNow: () => Promise<string | undefined>,
  socket: Socket,
) {
  const input = new PassThrough()
  socket.pipe(input)
  const failed = new Writable({
    write(chunk: Buffer, _encoding, done) {
      // The stream begins with an empty piece; words in it are an error.
      if (chunk.length > 0) socket.destroy()
      done()
    },
  })
  try {
    const pod = await podNow()
    if (pod === undefined) {
      socket.destroy()
      return
    }
    const web = await forwarder.portForward(namespace, pod, [apiPort], socket, failed, input)
    if (typeof web === 'function') return
    web.onclose = () => socket.end()
    web.onerror = () => socket.destroy()
    // whoever had connected may have gone meanwhile
    if (socket.destroyed) web.close()
    else socket.on('close', () => web.close())
  } catch {
    // whoever uses the port sees its connection end
    socket.destroy()
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error =>
      reject(
        new InfraError({
          kind: 'operation',
          code: 'port-taken',
          message: `Port ${port} of this machine cannot be listened on.`,
          why: messageOf(error),
          hint: 'take another with --port, or leave it out',
        }),
      ),
    )
    server.listen(port, '127.0.0.1', () => resolve())
  })
}

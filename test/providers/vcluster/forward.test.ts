/** Connections through a forwarded port end when either side does. */
import { connect } from 'node:net'
import { setImmediate as soon } from 'node:timers/promises'
import { PortForward } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { nodePorts } from '../../../src/model/node-ports.js'
import { openWay } from '../../../src/providers/vcluster/acts/connect.js'
import type { Host } from '../../../src/providers/vcluster/client/host.js'
import { type Forward, forwardPort } from '../../../src/providers/vcluster/kubeconfig/forward.js'
import type { Session } from '../../../src/providers/vcluster/session.js'

interface Web {
  onclose: (() => void) | null
  onerror: (() => void) | null
  close(): void
}

let forward: Forward
/** The streams to the pod that are open. */
let open: Set<Web>
/** What is waited for before a stream to the pod is there. */
let before: Promise<unknown>
/** How many streams were asked for, and how many there have been. */
let asked: number
let opened: number

beforeEach(async () => {
  open = new Set()
  before = Promise.resolve()
  asked = 0
  opened = 0
  vi.spyOn(PortForward.prototype, 'portForward').mockImplementation(async () => {
    asked += 1
    await before
    const web: Web = { onclose: null, onerror: null, close: () => void open.delete(web) }
    open.add(web)
    opened += 1
    return web as never
  })
  forward = await forwardPort({ config: {} } as Host, 'team', async () => 'team-0')
})
afterEach(async () => {
  await forward.close()
  vi.restoreAllMocks()
})

const settled = async (holds: () => boolean) => {
  while (!holds()) await soon()
}

test('a stream to the pod is closed with the connection that it serves', async () => {
  const socket = connect(forward.port, '127.0.0.1')
  await settled(() => open.size === 1)
  socket.destroy()
  await settled(() => open.size === 0)
})

test('a connection that ended before its stream was there leaves none open', async () => {
  let there: () => void = () => undefined
  before = new Promise<void>(resolve => {
    there = resolve
  })
  connect(forward.port, '127.0.0.1').on('error', () => undefined)
  await settled(() => asked === 1)
  await forward.close()
  // Ends of sockets are told at the end of a turn of the loop
  await soon()
  await soon()
  there()
  await settled(() => opened === 1)
  await soon()
  expect(open.size).toBe(0)
})

test('a port is let go where the kubeconfig of the way through it cannot be written', async () => {
  await forward.close()
  const labels = { app: 'vcluster', release: 'team' }
  const workload = { metadata: { name: 'team', namespace: 'team', labels }, spec: { replicas: 1 } }
  const session = {
    host: {
      ...{ name: 'lab', config: {} },
      list: async (path: string) => (path.endsWith('/statefulsets') ? [workload] : []),
      get: async () => undefined,
    },
    kubeconfigs: { current: async () => '{clusters: []}' },
    privateFolder: '/dev/null/way',
    ports: nodePorts,
  } as unknown as Session
  const way = openWay(session, { name: 'team' }, forward.port, AbortSignal.timeout(30_000))
  await expect(way).rejects.toMatchObject({ code: 'ENOTDIR' })
  // Whoever wants it has it
  await (await forwardPort({ config: {} } as Host, 'team', async () => undefined, forward.port)).close()
})

/** Which address of a virtual API server answers from this machine, and the proof that it does. */
import { KubeConfig } from '@kubernetes/client-node'
import { messageOf } from '../../../model/error.js'
import type { Clock } from '../../../model/ports.js'
import { timeLimit } from '../../../model/time-limit.js'
import type { Host } from '../client/host.js'
import type { KubeObject, Pod, Service } from '../client/objects.js'
import { paths } from '../client/paths.js'
import { bodyOf, openTransport } from '../client/transport.js'
import { isReady } from '../trouble.js'
import { throughPort, withServer } from './content.js'
import { forwardPort } from './forward.js'

export interface Reach {
  /** The kubeconfig with the address that answers; with the wanted or its own one where none does. */
  readonly text: string
  /** How `/readyz` was answered: directly, through a forwarded port, or not at all. */
  readonly proof: 'direct' | 'forwarded' | 'none'
  /** Why there is no proof. */
  readonly why?: string
}

/** The wait for one address. A virtual API server of the same site answers in milliseconds. */
const patience = 4_000
/** How often an address that refuses is tried again, a second apart. */
const refusals = 8

/** Asks `/readyz` with the kubeconfig's own credentials. True where it says ok. */
export async function answersReadyz(
  text: string,
  signal: AbortSignal,
): Promise<{ readonly ok: boolean; readonly why: string }> {
  const config = new KubeConfig()
  config.loadFromString(text)
  const server = config.getCurrentCluster()?.server ?? ''
  const transport = openTransport(config, new URL(server))
  try {
    const response = await transport.send({
      method: 'GET',
      path: '/readyz',
      headers: { accept: '*/*' },
      signal: AbortSignal.any([signal, timeLimit(patience)]),
    })
    const body = await bodyOf(response)
    const ok = response.statusCode === 200 && body.trim() === 'ok'
    return { ok, why: ok ? '' : `${server} answered ${response.statusCode}: ${body.slice(0, 200)}` }
  } catch (error) {
    signal.throwIfAborted()
    return { ok: false, why: `${server}: ${messageOf(error)}` }
  } finally {
    transport.close()
  }
}

/**
 * Tries the address that the stack wants, then those that the service has, all at once; the first of them in this order that
 * answers is taken. Where none does, the answer is asked for through a forwarded port.
 */
export async function reach(
  host: Host,
  clock: Clock,
  cluster: {
    readonly namespace: string
    readonly name: string
    readonly service: Service | undefined
    readonly pods: readonly Pod[]
  },
  text: string,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<Reach> {
  const addresses = wanted === undefined ? await addressesOf(host, cluster.service, signal) : [wanted]
  let tried = await tryAll(text, addresses, signal)
  // A service is forwarded only a moment after its pod is ready: till then it refuses.
  for (let turn = 0; turn < refusals && tried.length > 0 && !tried.some(one => one.ok); turn += 1) {
    if (!tried.some(one => one.why.includes('ECONNREFUSED'))) break
    await clock.sleep(1_000, signal)
    tried = await tryAll(text, addresses, signal)
  }
  const answering = tried.find(attempt => attempt.ok)
  if (answering !== undefined) return { text: answering.candidate, proof: 'direct' }
  const kept = wanted === undefined ? text : withServer(text, wanted)
  const why = tried.map(attempt => attempt.why).join('; ')
  const pod = cluster.pods.find(isReady)
  if (pod === undefined) return { text: kept, proof: 'none', why: why === '' ? 'no pod is ready' : why }
  const forward = await forwardPort(host, cluster.namespace, async () => pod.metadata.name)
  try {
    const through = await answersReadyz(throughPort(text, forward.port), signal)
    return through.ok
      ? { text: kept, proof: 'forwarded', why }
      : { text: kept, proof: 'none', why: [why, through.why].filter(part => part !== '').join('; ') }
  } finally {
    await forward.close()
  }
}

async function tryAll(text: string, addresses: readonly string[], signal: AbortSignal) {
  return Promise.all(
    addresses.map(async server => {
      const candidate = withServer(text, server)
      return { candidate, ...(await answersReadyz(candidate, signal)) }
    }),
  )
}

/** Load balancer, node port, cluster address: in the order in which they serve others, too. */
async function addressesOf(host: Host, service: Service | undefined, signal: AbortSignal): Promise<string[]> {
  if (service?.spec === undefined) return []
  const port = service.spec.ports?.find(one => one.name === 'https') ?? service.spec.ports?.[0]
  const found = (service.status?.loadBalancer?.ingress ?? [])
    .map(ingress => ingress.ip ?? ingress.hostname)
    .filter(address => address !== undefined)
    .map(address => `https://${address}${portOf(port?.port)}`)
  if (service.spec.type === 'NodePort' && port?.nodePort !== undefined) {
    // few accounts may read nodes: their addresses are then not tried, and the cluster's own is
    const nodes = await host.list<NodeObject>(paths.nodes, {}, signal).catch(() => [])
    for (const node of nodes)
      for (const address of node.status?.addresses ?? [])
        if (address.type === 'ExternalIP' || address.type === 'InternalIP')
          found.push(`https://${address.address}:${port.nodePort}`)
  }
  const own = service.spec.clusterIP
  if (own !== undefined && own !== '' && own !== 'None') found.push(`https://${own}${portOf(port?.port)}`)
  return found.slice(0, 6)
}

function portOf(port: number | undefined): string {
  return port === undefined || port === 443 ? '' : `:${port}`
}

interface NodeObject extends KubeObject {
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] }
}

/** What a plan does to the objects that the charts of its virtual clusters render. */
import { InfraError, messageOf } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import { isUnresolved, type Json } from '../../model/value.js'
import type { RenderedChanges } from '../../planner/mask.js'
import type { Plan, Step } from '../../planner/plan.js'
import { manifestChanges } from '../../providers/vcluster/acts/manifests.js'
import type { Session } from '../../session/session.js'
import { type ClusterHosts, openClusterHosts } from './hosts.js'

/** One entry for each cluster that is made or changed, in the plan's order. What cannot be rendered is told with why. */
export async function renderedChanges(
  session: Session,
  plan: Plan,
  ports: Ports,
  signal: AbortSignal,
): Promise<readonly RenderedChanges[]> {
  const steps = plan.steps.filter(
    ({ action, phase, desired }) =>
      desired?.kind === 'VirtualCluster' &&
      (action === 'create' || action === 'update' || action === 'replace') &&
      phase !== 'delete',
  )
  const real = steps.some(step => plan.connections[step.desired?.connection ?? '']?.type === 'vcluster')
  const hosts = real ? openClusterHosts(session, undefined, ports) : undefined
  try {
    return await Promise.all(steps.map(step => rendered(step, hosts, signal)))
  } finally {
    hosts?.close()
  }
}

async function rendered(
  { address, desired, before }: Step,
  hosts: ClusterHosts | undefined,
  signal: AbortSignal,
): Promise<RenderedChanges> {
  const nothing = (why: string) => ({ address, why, objects: [] })
  const host = hosts?.open.get(desired?.connection ?? '')
  const down = hosts?.down.find(one => one.name === desired?.connection)
  if (desired === undefined || host === undefined)
    return nothing(down?.error.message ?? 'the embedded world renders nothing')
  if (holdsUnresolved(desired.spec)) return nothing('it refers to something that is known only later')
  const place = {
    namespace: before?.identity.namespace ?? String(desired.spec.namespace),
    name: before?.identity.name ?? desired.name,
  }
  try {
    const objects = await host.limited(() => manifestChanges(host, place, desired.spec, signal))
    return { address, objects }
  } catch (error) {
    if (!(error instanceof InfraError)) throw error
    return nothing([messageOf(error), error.why].filter(text => text !== undefined).join(' '))
  }
}

function holdsUnresolved(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false
  return isUnresolved(value) || Object.values(value).some(holdsUnresolved)
}

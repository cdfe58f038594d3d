/** Virtual clusters that nobody's stack owns, as documents that leave nothing to do once they are taken over. */
import type { Attributes } from '../model/value.js'
import { currentSpec, differences } from '../planner/diff.js'
import { vclusterKinds } from '../providers/vcluster/kinds/index.js'
import { observe } from '../providers/vcluster/observe.js'
import type { Session as HostSession } from '../providers/vcluster/session.js'
import { type Discovered, discover } from '../providers/vcluster/unmanaged.js'
import type { DiscoveredDocument } from './discover.js'

/**
 * One document a cluster. `ghostFolder` is ghostctl's `~/.ghost`. A time to live that it recorded is told and left out: ghostctl
 * never enforced one, and whoever takes a cluster over does not mean to lose it.
 */
export async function discoverClusters(
  connection: string,
  session: HostSession,
  ghostFolder: string | undefined,
  signal: AbortSignal,
): Promise<readonly DiscoveredDocument[]> {
  const options = ghostFolder === undefined ? {} : { ghostFolder }
  const found = await discover(session, options, signal)
  const drafts = found.map(one => draft(one, connection))
  const targets = drafts.map(({ document, identity }) => ({
    address: `VirtualCluster/${document.name}@${identity.namespace}`,
    kind: 'VirtualCluster',
    name: document.name,
    spec: canonical(document),
    identity,
  }))
  const seen = await observe(session, targets, signal)
  return drafts.map(({ document }, index) => {
    const target = targets[index]
    const live = target && seen.get(target.address)
    if (target === undefined || live?.status !== 'present') return document
    const current = currentSpec(target.spec, live.spec, target.spec, {})
    const differs = differences(target.spec, current, {}).map(one => one.path)
    if (differs.length === 0) return document
    return {
      ...document,
      remarks: [...document.remarks, `Once it is taken over, the next plan changes ${differs.join(', ')}.`],
    }
  })
}

function draft(one: Discovered, connection: string) {
  const { ttl, ...rest } = one.spec
  const document: DiscoveredDocument = {
    host: connection,
    kind: 'VirtualCluster',
    name: one.name,
    labels: {},
    spec: { ...(connection !== 'vcluster' && { hostCluster: connection }), ...rest },
    remarks: [
      ...(one.ghost === undefined ? [] : ['ghostctl made it.']),
      ...(typeof ttl === 'string'
        ? [
            `ghostctl gave it a time to live of ${ttl}, which it never enforced: add \`ttl: ${ttl}\` if it shall end, counted from ${one.createdAt ?? 'its creation'}.`,
          ]
        : []),
    ],
  }
  return { document, identity: one.identity }
}

function canonical({ name, spec }: DiscoveredDocument): Attributes {
  const [kind] = vclusterKinds
  return kind?.canonical(spec, { name, labels: {}, annotations: {} }) ?? spec
}

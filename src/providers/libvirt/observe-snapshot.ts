/** What snapshots of machines really are. */
import type { Observation, Target } from '../provider.js'
import { ask, findDomain, orAbsent } from './connection.js'
import type { Inventory } from './inventory.js'
import { present, text } from './kinds/values.js'
import { procedures } from './rpc/procedures/index.js'
import { parseXml } from './xml/parse.js'
import { readSnapshot } from './xml/snapshot.js'

export async function observeSnapshot(target: Target, { host, signal }: Inventory): Promise<Observation> {
  const machine = text(target.spec.virtualMachine)
  if (machine === undefined) return { status: 'unreadable', why: 'its machine is not known yet' }
  const domain = await findDomain(host, { name: machine }, signal)
  if (domain === undefined) return { status: 'absent' }
  const { lookup, xml, current } = procedures.snapshots
  const snapshot = await orAbsent(
    ask(host, lookup, { domain, name: target.name, flags: 0 }, signal),
    'NO_DOMAIN_SNAPSHOT',
  )
  if (snapshot === undefined) return { status: 'absent' }
  const [answer, now] = await Promise.all([
    ask(host, xml, { snapshot, flags: 0 }, signal),
    orAbsent(ask(host, current, { domain, flags: 0 }, signal), 'NO_DOMAIN_SNAPSHOT'),
  ])
  const reading = readSnapshot(parseXml(answer))
  const { mark, createdAt } = reading
  return {
    status: 'present',
    identity: mark === undefined ? {} : { uuid: mark.uuid },
    ...(mark !== undefined && { owner: mark.owner }),
    spec: { ...reading.spec, virtualMachine: domain.name },
    facts: present({
      createdAt: createdAt === undefined ? undefined : new Date(createdAt * 1_000).toISOString(),
      state: reading.state,
      parent: reading.parent,
      current: now?.name === target.name,
    }),
  }
}

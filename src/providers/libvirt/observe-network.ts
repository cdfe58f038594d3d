/** What a network really is. */
import type { Observation, Target } from '../provider.js'
import { ask, findNetwork, orAbsent } from './connection.js'
import type { Inventory } from './inventory.js'
import { network as networkKind } from './kinds/network.js'
import { present } from './kinds/values.js'
import { pendingPaths } from './pending.js'
import { inactiveXml } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import { readNetwork } from './xml/network.js'
import { parseXml } from './xml/parse.js'

/** Looks it up by its UUID, and by its name where it has none. */
export async function observeNetwork(target: Target, { host, signal }: Inventory): Promise<Observation> {
  const { name, identity } = target
  const network = await findNetwork(host, { name, uuid: identity?.uuid }, signal)
  if (network === undefined) return { status: 'absent' }
  const { xml, isActive, autostart, leases, bridge } = procedures.networks
  const [stored, active, starts] = await Promise.all([
    ask(host, xml, { network, flags: inactiveXml }, signal),
    ask(host, isActive, { network }, signal),
    ask(host, autostart, { network }, signal),
  ])
  const reading = readNetwork(parseXml(stored), target.spec)
  const running = active ? await ask(host, xml, { network, flags: 0 }, signal) : undefined
  const [given, onHost] = await Promise.all([
    active
      ? orAbsent(
          ask(host, leases, { network, mac: undefined, needResults: 1, flags: 0 }, signal),
          'OPERATION_INVALID',
          'NO_SUPPORT',
        )
      : undefined,
    // libvirt's word for a network without a bridge, or that stopped just now
    active
      ? orAbsent(ask(host, bridge, { network }, signal), 'INTERNAL_ERROR', 'OPERATION_INVALID', 'NO_NETWORK')
      : undefined,
  ])
  const live = running === undefined ? undefined : readNetwork(parseXml(running), target.spec).spec
  const pending = live === undefined ? [] : pendingPaths(live, reading.spec, networkKind.keyedLists)
  return {
    status: 'present',
    identity: { uuid: network.uuid },
    ...(reading.metadata.owner && { owner: reading.metadata.owner }),
    spec: { ...reading.spec, autostart: starts },
    facts: present({
      uuid: network.uuid,
      bridge: onHost ?? reading.bridge,
      state: active ? 'active' : 'inactive',
      leases: given?.map(lease =>
        present({ address: lease.address, mac: lease.mac, hostname: lease.hostname }),
      ),
    }),
    ...(pending.length > 0 && { pending }),
    ...(!active && { remark: `it is not active: \`virsh net-start ${network.name}\` starts it` }),
  }
}

/** What machines are plugged into: networks of libvirt and bridges of the host. */
import type { InfraError } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import type { Target } from '../provider.js'
import { ask, findNetwork, type Host, orAbsent } from './connection.js'
import { objects, text } from './kinds/values.js'
import { missing } from './nearest.js'
import { procedures } from './rpc/procedures/index.js'

interface Plugs {
  readonly networks: ReadonlySet<string>
  readonly bridges: ReadonlySet<string>
}

function plugsOf(spec: Attributes): Plugs {
  const plugs = objects(spec.networkInterfaces).map(({ item }) => item)
  return {
    networks: new Set(plugs.flatMap(item => text(item.network) ?? [])),
    bridges: new Set(plugs.flatMap(item => text(item.bridge) ?? [])),
  }
}

const noNetwork = (name: string, there: readonly string[]) =>
  missing('network', name, there, 'Declare it: a document of kind Network')
const noBridge = (name: string, there: readonly string[]) =>
  missing('bridge', name, there, 'Make the bridge on the host, or correct its name')

/** Fails where a network or bridge is not there; a network that is stopped is started. */
export async function needPlugs(host: Host, spec: Attributes, signal: AbortSignal): Promise<void> {
  const { networks, bridges } = plugsOf(spec)
  await Promise.all([
    ...[...networks].map(name => needNetwork(host, name, signal)),
    needBridges(host, bridges, signal),
  ])
}

async function needNetwork(host: Host, name: string, signal: AbortSignal): Promise<void> {
  const network = await findNetwork(host, { name }, signal)
  if (network === undefined) throw noNetwork(name, await networkNames(host, signal))
  if (await ask(host, procedures.networks.isActive, { network }, signal)) return
  await ask(host, procedures.networks.start, { network }, signal)
}

async function needBridges(host: Host, wanted: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  if (wanted.size === 0) return
  const there = await bridgeNames(host, signal)
  for (const bridge of wanted) if (there && !there.includes(bridge)) throw noBridge(bridge, there)
}

async function networkNames(host: Host, signal: AbortSignal): Promise<string[]> {
  const all = await ask(host, procedures.connect.listNetworks, { needResults: 1, flags: 0 }, signal)
  return all.map(one => one.name)
}

/** As far as libvirt's driver for host interfaces tells of them; undefined where it has none: starting a machine will tell. */
async function bridgeNames(host: Host, signal: AbortSignal): Promise<string[] | undefined> {
  const all = await orAbsent(
    ask(host, procedures.connect.listInterfaces, { needResults: 1, flags: 0 }, signal),
    'NO_SUPPORT',
    'INTERNAL_ERROR',
    'OPERATION_UNSUPPORTED',
  )
  return all === undefined || all.length === 0 ? undefined : all.map(one => one.name)
}

/** Networks and bridges that machines name, and neither the host has nor the stack makes. Two calls, however many machines. */
export async function missingPlugs(
  host: Host,
  targets: readonly Target[],
  all: readonly Target[],
  signal: AbortSignal,
): Promise<InfraError[]> {
  const machines = targets.filter(target => target.kind === 'VirtualMachine')
  if (machines.length === 0) return []
  const made = all.filter(target => target.kind === 'Network')
  const [networks, bridges] = await Promise.all([networkNames(host, signal), bridgeNames(host, signal)])
  const allNetworks = new Set([...networks, ...made.map(target => target.name)])
  const allBridges = new Set([...(bridges ?? []), ...made.flatMap(bridgeMade)])
  return machines.flatMap(({ address, spec }) => {
    const wanted = plugsOf(spec)
    const errors = [
      ...[...wanted.networks]
        .filter(name => !allNetworks.has(name))
        .map(name => noNetwork(name, [...allNetworks])),
      ...[...wanted.bridges]
        .filter(name => bridges !== undefined && !allBridges.has(name))
        .map(name => noBridge(name, [...allBridges])),
    ]
    return errors.map(error => error.at(address))
  })
}

/** The bridge that libvirt makes for a network; one of mode `bridge` only names one of the host. */
function bridgeMade({ spec }: Target): string[] {
  const name = spec.mode === 'bridge' ? undefined : text(spec.bridge)
  return name === undefined ? [] : [name]
}

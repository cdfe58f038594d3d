/** Snapshots of machines as libvirt has them. */
import { InfraError } from '../../../model/error.js'
import { ask, type Host } from '../connection.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Domain, snapshot as snapshotCodec } from '../rpc/types.js'
import type { ValueOf } from '../rpc/xdr.js'
import { parseXml } from '../xml/parse.js'
import { readSnapshot } from '../xml/snapshot.js'
import type { XmlElement } from '../xml/tree.js'
import type { Machine } from './machines.js'

export interface SnapshotView {
  readonly name: string
  readonly machine: string
  readonly host: string
  /** ISO 8601. */
  readonly createdAt?: string
  readonly storage: 'external' | 'internal'
  readonly memory: boolean
  readonly parent?: string
  readonly description?: string
  /** What the machine did then. */
  readonly state?: string
}

const topological = 1024

/** All snapshots of a machine, each behind the one that it is based on. */
export async function listSnapshots(machine: Machine, signal: AbortSignal): Promise<readonly SnapshotView[]> {
  const all = await readSnapshots(machine.host, machine.domain, signal)
  return all.map(({ reading }) => ({
    name: reading.name,
    machine: machine.view.name,
    host: machine.view.host,
    ...(reading.createdAt !== undefined && { createdAt: new Date(reading.createdAt * 1_000).toISOString() }),
    storage: reading.spec.storage === 'internal' ? ('internal' as const) : ('external' as const),
    memory: reading.spec.memory === true,
    ...(reading.parent !== undefined && { parent: reading.parent }),
    ...(typeof reading.spec.description === 'string' && { description: reading.spec.description }),
    ...(reading.state !== undefined && { state: reading.state }),
  }))
}

type Snapshot = ValueOf<typeof snapshotCodec>

export interface KnownSnapshot {
  readonly snapshot: Snapshot
  readonly root: XmlElement
  readonly reading: ReturnType<typeof readSnapshot>
}

/** All snapshots, parents before their children. */
export async function readSnapshots(
  host: Host,
  domain: Domain,
  signal: AbortSignal,
): Promise<readonly KnownSnapshot[]> {
  const { list, xml } = procedures.snapshots
  const all = await ask(host, list, { domain, needResults: 1, flags: topological }, signal)
  return Promise.all(
    all.map(async snapshot => {
      const root = parseXml(await ask(host, xml, { snapshot, flags: 0 }, signal))
      return { snapshot, root, reading: readSnapshot(root) }
    }),
  )
}

export async function findSnapshot(
  machine: Machine,
  name: string,
  signal: AbortSignal,
): Promise<KnownSnapshot> {
  const all = await readSnapshots(machine.host, machine.domain, signal)
  const found = all.find(one => one.snapshot.name === name)
  if (found !== undefined) return found
  throw new InfraError({
    kind: 'operation',
    code: 'no-snapshot',
    message: `${machine.view.name} has no snapshot ${name}`,
    why: all.length === 0 ? 'It has none' : `It has ${all.map(one => one.snapshot.name).join(', ')}`,
    hint: `infra vm snapshot list ${machine.view.name}`,
  })
}

/** Of what libvirt said it did, and is not so. */
export function notSo(message: string): InfraError {
  return new InfraError({ kind: 'operation', code: 'not-so', message, hint: 'Look at it, and try again.' })
}

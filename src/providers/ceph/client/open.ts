/** Opens a connection: chooses the transport, and asks the cluster what it is and what it offers. */
import { InfraError } from '../../../model/error.js'
import { openCommand } from './command.js'
import type { CallOptions, CephConnection } from './connection.js'
import { openLibrary } from './library.js'
import { isOffered, readVersion } from './offers.js'
import type { Access, Environment } from './settings.js'
import type { Wire } from './wire.js'

/** Fails with an InfraError of kind `connection` that says what was tried. */
export async function openCeph(
  access: Access,
  environment: Environment,
  signal: AbortSignal,
): Promise<CephConnection> {
  const wire = await openWire(access, environment, signal)
  try {
    return await acquaint(wire, access, { signal })
  } catch (thrown) {
    await wire.close()
    throw thrown
  }
}

async function openWire(access: Access, environment: Environment, signal: AbortSignal): Promise<Wire> {
  // Words before the client mean another machine, where no library of this one reaches
  const library =
    access.transport === 'library' || (access.transport === 'auto' && access.command.length === 0)
  if (!library) return openCommand(access, environment)
  try {
    return await openLibrary(access, environment, signal)
  } catch (thrown) {
    const missing = thrown instanceof InfraError && thrown.code === 'ceph-library-missing'
    if (!missing || access.transport === 'library') throw thrown
    return openCommand(access, environment)
  }
}

async function acquaint(wire: Wire, access: Access, options: CallOptions): Promise<CephConnection> {
  const [offers, version, fsid] = await Promise.all([
    wire.offers(options),
    wire.mon({ prefix: 'version' }, options),
    wire.mon({ prefix: 'fsid' }, options),
  ])
  const read = readVersion(version.output)
  const id = (JSON.parse(fsid.output) as { fsid: string }).fsid
  const how = wire.transport === 'library' ? 'librados' : [...access.command, 'ceph'].join(' ')
  const { transport, mon, mgr, audit, rbd, files, close } = wire
  return {
    transport,
    mon,
    mgr,
    audit,
    rbd,
    files,
    close,
    fsid: id,
    version: read,
    description: `ceph ${read.text} (${id}) through ${how} as ${access.name}`,
    offers: (prefix, argument) => isOffered(offers, prefix, argument),
  }
}

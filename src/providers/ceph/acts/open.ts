/** A connection for acts, opened as the provider opens its own. */
import type { Ports } from '../../../model/ports.js'
import type { Connection } from '../../provider.js'
import type { Ceph } from '../ask.js'
import { openCeph } from '../client/open.js'
import { type Environment, resolveAccess } from '../client/settings.js'

/** To be closed with `connection.close()`. */
export async function openForActs(
  connection: Pick<Connection, 'settings' | 'folder'>,
  environment: Environment,
  ports: Pick<Ports, 'clock'>,
  signal: AbortSignal,
): Promise<Ceph> {
  const access = resolveAccess(connection.settings, connection.folder, environment)
  return { connection: await openCeph(access, environment, signal), clock: ports.clock }
}

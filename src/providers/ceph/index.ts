/** The provider type `ceph`. */
import type { Ports } from '../../model/ports.js'
import type { Connection, Provider, ProviderType } from '../provider.js'
import { findKeyring } from './client/keyring.js'
import { openCeph } from './client/open.js'
import { cephSettings, type Environment, resolveAccess } from './client/settings.js'
import { cephKinds } from './kinds/index.js'
import { makeProvider } from './provider.js'

/** The type, with the environment that Ceph's own clients read: CEPH_CONF, CEPH_ARGS, CEPH_KEYRING. */
export function cephProviderType(environment: Environment): ProviderType {
  return {
    type: 'ceph',
    summary: 'A Ceph cluster: pools, file systems, volumes, snapshots, images and clients.',
    kinds: cephKinds,
    settings: cephSettings,
    async open(connection: Connection, ports: Ports, signal: AbortSignal): Promise<Provider> {
      const access = resolveAccess(connection.settings, connection.folder, environment)
      const [ceph, keyring] = await Promise.all([openCeph(access, environment, signal), findKeyring(access)])
      return makeProvider({
        connection: ceph,
        clock: ports.clock,
        ...(keyring !== undefined && { client: { user: access.name.replace(/^client\./, ''), keyring } }),
      })
    },
  }
}

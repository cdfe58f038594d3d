/**
 * The procedures of libvirt's protocol that infra uses, as one table. Numbers and fields are those of libvirt's own
 * definition (src/remote/remote_protocol.x and qemu_protocol.x); they never change once released.
 */
import { connect } from './connect.js'
import { domains } from './domain.js'
import { backups, blockJobs, migrations, snapshots } from './jobs.js'
import { networks, secrets } from './network.js'
import { pools, volumes } from './storage.js'

export const procedures = {
  connect,
  domains,
  snapshots,
  backups,
  blockJobs,
  migrations,
  pools,
  volumes,
  networks,
  secrets,
} as const

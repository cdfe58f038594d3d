/** Why there is no connection to a cluster. */
import { InfraError } from '../../../model/error.js'
import { CephError } from './error.js'
import type { Failure } from './native/protocol.js'
import type { Access } from './settings.js'

export function notConnected(access: Access, failure: Failure): InfraError {
  if (failure.library) {
    return new InfraError({
      kind: 'connection',
      code: 'ceph-library-missing',
      message: 'librados or librbd cannot be loaded',
      why: failure.words,
      hint: 'install librados2 and librbd1, or set `transport: command` to use the ceph and rbd clients',
    })
  }
  const words = failure.words === '' ? '' : `: ${failure.words}`
  return new InfraError({
    kind: 'connection',
    code: 'ceph-connect',
    message: `cannot connect to Ceph as ${access.name} (${access.conf ?? `/etc/ceph/${access.cluster}.conf`})`,
    why: new CephError('connecting', failure.errno, failure.words).message + words,
    hint: 'check conf, keyring and client of the connection, and that a monitor can be reached from here',
  })
}

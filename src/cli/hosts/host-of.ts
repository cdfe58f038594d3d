/** The open host that is meant by the name of its connection. */
import { InfraError } from '../../model/error.js'
import type { Hosts, NamedHost } from '../../providers/libvirt/acts/open.js'

/** Fails with the host's own error where it is down, and with `no-host` where there is no such connection. */
export function hostOf(hosts: Hosts, name: string): NamedHost {
  const found = hosts.open.find(one => one.name === name)
  if (found !== undefined) return found
  const down = hosts.down.find(one => one.name === name)
  throw (
    down?.error ??
    noHost(
      name,
      hosts.open.map(one => one.name),
    )
  )
}

function noHost(name: string, there: readonly string[]): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'no-host',
    message: `There is no connection ${name}`,
    ...(there.length > 0 && { why: `There is ${there.join(', ')}` }),
    hint: 'Add it under spec.providers of the stack.',
  })
}

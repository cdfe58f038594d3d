/** A machine that somebody renamed while it was off. It is found by its UUID; what is its own is named after it still. */
import { InfraError } from '../../model/error.js'
import { ask, type Host } from './connection.js'
import { isActive } from './power.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'

/** What people hear of it; undefined where the machine has its own name. */
export function renamedRemark(now: string, name: string): string | undefined {
  return now === name
    ? undefined
    : `renamed by hand: it is called ${now} there; while it is off, \`virsh domrename ${now} ${name}\` gives it its name back`
}

/** The machine under its own name, which it gets back. Fails with `renamed` while it runs: libvirt renames none that does. */
export async function underItsName(
  host: Host,
  domain: Domain,
  name: string,
  signal: AbortSignal,
): Promise<Domain> {
  if (domain.name === name) return domain
  if (await isActive(host, domain, signal)) {
    throw new InfraError({
      kind: 'operation',
      code: 'renamed',
      message: `The virtual machine ${name} is called ${domain.name} on its host`,
      why: 'Somebody renamed it, and libvirt gives no machine another name while it runs',
      hint: `Stop it (virsh shutdown ${domain.name}) and apply again`,
    })
  }
  await ask(host, procedures.domains.rename, { domain, name, flags: 0 }, signal)
  return { ...domain, name }
}

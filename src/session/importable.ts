/** What may be imported: an object that exists under the name that its document says. */
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Observation } from '../providers/provider.js'
import type { DesiredResource, Stack } from '../stack/desired.js'

/** The document of an address. Fails with `no-document` where the stack has none. */
export function documentToImport(stack: Stack, address: Address): DesiredResource {
  const desired = stack.resources.get(address)
  if (desired) return desired
  throw new InfraError({
    kind: 'validation',
    code: 'no-document',
    address,
    message: 'the stack has no document for it, so there is nothing to hold it against',
    hint: 'Write its document first; `infra discover` writes documents of what exists.',
  })
}

/** Fails with `nothing-to-import` where no such object was observed, or its document says another name. */
export function requireImportable(
  desired: DesiredResource,
  name: string,
  found: Observation | undefined,
): void {
  if (found?.status === 'present' && desired.name === name) return
  const message =
    found?.status === 'present'
      ? `its document says the name ${desired.name}, not ${name}`
      : found?.status === 'unreadable'
        ? `it cannot be read: ${found.why}`
        : `there is no ${desired.kind} ${name}`
  throw new InfraError({
    kind: 'validation',
    code: 'nothing-to-import',
    address: desired.address,
    message,
    hint: 'The name in the document and the name of the existing object must be the same.',
  })
}

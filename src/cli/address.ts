/** Addresses on the command line. */
import { type Address, parseAddress } from '../model/address.js'
import { InfraError } from '../model/error.js'

/** Fails with `bad-address` for a text that is none: the stack's folder in its place, more often than not. */
export function requireAddress(...texts: readonly string[]): void {
  const wrong = texts.find(text => parseAddress(text) === undefined)
  if (wrong !== undefined) throw noAddress(wrong)
}

function noAddress(text: Address): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'bad-address',
    message: `${JSON.stringify(text)} is no address of a resource`,
    hint: 'Write Kind/name or Kind/name[key], and the stack after it.',
  })
}

/** `--target` and `--replace` name what is there: a misspelt address must not pass for nothing to do. */
import type { Address } from '../model/address.js'
import { InfraError, InfraErrors } from '../model/error.js'
import type { PlanOptions } from '../planner/input.js'
import { meant } from '../stack/nearest.js'

/** Fails with `unknown-address` for every address that is none of those that `list` gives; `Kind/name` stands for all its instances. */
export function requireKnown(
  { targets = [], replace = [] }: Pick<PlanOptions, 'targets' | 'replace'>,
  list: () => ReadonlySet<Address>,
): void {
  const asked = new Set([...targets, ...replace])
  if (asked.size === 0) return
  const known = list()
  const bases = new Set([...known].map(address => address.replace(/\[.*\]$/, '')))
  const errors = [...asked]
    .filter(address => !known.has(address) && !bases.has(address))
    .map(address => unknownAddress(address, known))
  if (errors.length > 0) throw new InfraErrors(errors)
}

function unknownAddress(address: Address, known: ReadonlySet<Address>): InfraError {
  const hint =
    meant(address, known) ?? 'An address is Kind/name or Kind/name[key]; `infra state ls` lists them.'
  return new InfraError({
    kind: 'configuration',
    code: 'unknown-address',
    message: `neither the stack nor its state has ${JSON.stringify(address)}`,
    hint,
  })
}

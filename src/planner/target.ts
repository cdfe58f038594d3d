/** `--target`: a part of the stack with all that it stands on. */
import type { Address } from '../model/address.js'
import type { PlanInput } from './input.js'

/** The addresses in scope, or undefined for all. In a destroy the dependents belong to it, otherwise the dependencies. */
export function targeted(input: PlanInput): ReadonlySet<Address> | undefined {
  const { targets, mode, only } = input.options
  if (only) return only
  if (!targets || targets.length === 0) return undefined
  const next = mode === 'destroy' ? dependentsOf(input) : dependenciesOf(input)
  const known = [...new Set([...input.desired.keys(), ...Object.keys(input.state.resources)])]
  // `VirtualMachine/web` means all instances `VirtualMachine/web[key]`, too.
  const queue = targets.flatMap(target =>
    known.filter(address => address === target || address.startsWith(`${target}[`)),
  )
  const scope = new Set(queue)
  for (let address = queue.pop(); address !== undefined; address = queue.pop()) {
    for (const other of next(address)) {
      if (scope.has(other)) continue
      scope.add(other)
      queue.push(other)
    }
  }
  return scope
}

function dependenciesOf(input: PlanInput): (address: Address) => readonly Address[] {
  return address =>
    input.desired.get(address)?.dependencies ?? input.state.resources[address]?.dependencies ?? []
}

function dependentsOf(input: PlanInput): (address: Address) => readonly Address[] {
  const dependents = new Map<Address, Address[]>()
  for (const record of Object.values(input.state.resources)) {
    for (const dependency of record.dependencies) {
      const list = dependents.get(dependency)
      if (list) list.push(record.address)
      else dependents.set(dependency, [record.address])
    }
  }
  return address => dependents.get(address) ?? []
}

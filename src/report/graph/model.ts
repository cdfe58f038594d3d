/** The graph that is drawn: resources with what happens to them, and which must be done before which. */
import { parseAddress } from '../../model/address.js'
import type { Action, Plan } from '../../planner/plan.js'
import type { DesiredResource } from '../../stack/desired.js'

export interface GraphNode {
  /** A step's id, or an address. */
  readonly id: string
  /** `VirtualMachine` */
  readonly kind: string
  /** `web`, `web[a]` */
  readonly label: string
  readonly action?: Action
  readonly dangerous: boolean
}

export interface Graph {
  readonly nodes: readonly GraphNode[]
  /** `[before, after]`: the first is done before the second. */
  readonly edges: readonly (readonly [string, string])[]
}

/** The steps of a plan and what each needs, without those that nothing else needs to be there for. */
export function planGraph(plan: Plan): Graph {
  const nodes = plan.steps.map(step => ({
    id: step.id,
    kind: step.phase === undefined ? step.kind : `${step.kind} (${step.phase === 'delete' ? 'old' : 'new'})`,
    label: labelOf(step.address),
    action:
      step.phase === 'delete'
        ? ('delete' as const)
        : step.phase === 'create'
          ? ('create' as const)
          : step.action,
    dangerous: step.hazards.length > 0,
  }))
  const known = new Set(nodes.map(node => node.id))
  const edges = plan.steps.flatMap(step =>
    step.needs.filter(need => known.has(need)).map(need => [need, step.id] as const),
  )
  return { nodes, edges }
}

/** The resources of a stack and what each depends on. */
export function stackGraph(
  resources: Iterable<Pick<DesiredResource, 'address' | 'kind' | 'dependencies'>>,
): Graph {
  const list = [...resources]
  const known = new Set(list.map(resource => resource.address))
  return {
    nodes: list.map(({ address, kind }) => ({
      id: address,
      kind,
      label: labelOf(address),
      dangerous: false,
    })),
    edges: list.flatMap(({ address, dependencies }) =>
      dependencies
        .filter(dependency => known.has(dependency))
        .map(dependency => [dependency, address] as const),
    ),
  }
}

function labelOf(address: string): string {
  const parts = parseAddress(address)
  if (!parts) return address
  return parts.key === undefined ? parts.name : `${parts.name}[${parts.key}]`
}

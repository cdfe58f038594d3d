/** What a plan's resources need of the real systems and those do not have, found before anything is made. */
import type { InfraError } from '../model/error.js'
import type { FileSystem } from '../model/ports.js'
import type { PlanResult } from '../planner/input.js'
import type { Step } from '../planner/plan.js'
import type { Provider, Target, Wanted } from '../providers/provider.js'
import type { DesiredResource, Stack } from '../stack/desired.js'
import { missingFiles } from './missing-files.js'
import { kinds } from './provider-types.js'

/** The plan with what is lacking among its problems. Asks nothing where nothing is to be made or changed. */
export async function withLacks(
  result: PlanResult,
  stack: Stack,
  providers: ReadonlyMap<string, Provider>,
  files: FileSystem,
  signal: AbortSignal,
): Promise<PlanResult> {
  const changed = new Map<string, Wanted[]>()
  for (const step of result.plan.steps) {
    const { desired, action, changes } = step
    if (!desired || action === 'no-op' || (action === 'adopt' && changes.length === 0)) continue
    const list = changed.get(desired.connection)
    if (list) list.push(asWanted(step, desired))
    else changed.set(desired.connection, [asWanted(step, desired)])
  }
  const onHere = missingFiles([...changed.values()].flat(), kinds, stack.folder, files)
  const there = Promise.all(
    [...changed].map(async ([connection, resources]) => {
      const provider = providers.get(connection)
      if (!provider?.lacks) return []
      const all = [...stack.resources.values()].filter(one => one.connection === connection)
      return provider.lacks(resources, all.map(asTarget), signal)
    }),
  )
  const lacking = [...(await onHere), ...(await there).flat()].map(error => placed(error, stack))
  return lacking.length === 0 ? result : { ...result, problems: [...result.problems, ...lacking] }
}

function asWanted({ action, before }: Step, desired: DesiredResource): Wanted {
  const from = action === 'update' || action === 'adopt' ? before?.spec : undefined
  return { ...asTarget(desired), ...(from && { from }) }
}

function asTarget({ address, kind, name, spec }: DesiredResource): Target {
  return { address, kind, name, spec }
}

/** The error with the document that it is about. */
function placed(error: InfraError, stack: Stack): InfraError {
  const source = stack.resources.get(error.address ?? '')?.source
  return source ? error.in({ ...source, column: 1 }) : error
}

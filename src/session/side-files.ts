/** The files that may stand beside a stack: its policy, and the drift that somebody decided to live with. */
import { join } from 'node:path'
import { InfraError } from '../model/error.js'
import type { Plan } from '../planner/plan.js'
import type { PolicyReport } from '../policy/policy.js'
import { driftIgnoreFileName, type Ignore, readIgnores } from '../report/drift/ignores.js'
import type { Stack } from '../stack/desired.js'
import type { SourceFile } from '../stack/documents.js'
import { readSource } from '../stack/files.js'

type Beside = Pick<Stack, 'folder' | 'shown'>

/** What the policy beside the stack says of a plan; undefined where there is no policy. `now` in milliseconds since 1970. */
export async function policyReport(
  stack: Beside,
  plan: Plan,
  now: number,
): Promise<PolicyReport | undefined> {
  const file = await sideFile(stack, 'infra-policy.yaml')
  if (!file) return undefined
  // The expression language is loaded by those who have a policy.
  const [{ readPolicy }, { evaluatePolicy }] = await Promise.all([
    import('../policy/read.js'),
    import('../policy/evaluate.js'),
  ])
  return evaluatePolicy(readPolicy(file), plan, now)
}

/** The ignores beside the stack; none where there is no such file. */
export async function driftIgnores(stack: Beside): Promise<readonly Ignore[]> {
  const file = await sideFile(stack, driftIgnoreFileName)
  return file ? readIgnores(file) : []
}

/** Called as the stack was, and read within the limits of its own files. */
async function sideFile({ folder, shown }: Beside, name: string): Promise<SourceFile | undefined> {
  try {
    return (await readSource(join(folder, name), join(shown, name))).file
  } catch (error) {
    if (error instanceof InfraError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
      return undefined
    throw error
  }
}

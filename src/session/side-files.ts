/** The files that may stand beside a stack: its policy, and the drift that somebody decided to live with. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from '../planner/plan.js'
import type { PolicyReport } from '../policy/policy.js'
import { driftIgnoreFileName, type Ignore, readIgnores } from '../report/drift/ignores.js'
import type { SourceFile } from '../stack/documents.js'

/** What the policy beside the stack says of a plan; undefined where there is no policy. `now` in milliseconds since 1970. */
export async function policyReport(
  folder: string,
  plan: Plan,
  now: number,
): Promise<PolicyReport | undefined> {
  const file = await sideFile(folder, 'infra-policy.yaml')
  if (!file) return undefined
  // The expression language is loaded by those who have a policy.
  const [{ readPolicy }, { evaluatePolicy }] = await Promise.all([
    import('../policy/read.js'),
    import('../policy/evaluate.js'),
  ])
  return evaluatePolicy(readPolicy(file), plan, now)
}

/** The ignores beside the stack; none where there is no such file. */
export async function driftIgnores(folder: string): Promise<readonly Ignore[]> {
  const file = await sideFile(folder, driftIgnoreFileName)
  return file ? readIgnores(file) : []
}

async function sideFile(folder: string, name: string): Promise<SourceFile | undefined> {
  const path = join(folder, name)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : { name, text }
}

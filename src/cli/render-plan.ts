/** A plan in any of its formats, as text. */
import { extname } from 'node:path'
import { InfraError } from '../model/error.js'
import type { PlanResult } from '../planner/input.js'
import { maskPlan, maskRendered, type RenderedChanges } from '../planner/mask.js'
import type { PolicyReport } from '../policy/policy.js'
import { renderTerminal } from '../report/terminal.js'

export const planFormats = ['terminal', 'markdown', 'html', 'json'] as const
export type PlanFormat = (typeof planFormats)[number]

export interface RenderInput {
  readonly result: Pick<PlanResult, 'plan' | 'problems'>
  readonly policy: PolicyReport | undefined
  readonly secrets: readonly string[]
  /** What becomes of rendered objects, where that was asked for. */
  readonly rendered?: readonly RenderedChanges[] | undefined
  readonly colour: boolean
  readonly width?: number
  readonly milliseconds?: number
  readonly full?: boolean
  /** The stack's file or folder, and what else it was asked for with, for the command that applies this plan. */
  readonly path?: string
  readonly flags?: readonly string[]
  /** Where the whole report is, for one that had to leave something out: an address, or a file's name. */
  readonly whole?: string
  readonly commit?: string
  /** Milliseconds since 1970. */
  readonly readAt?: number
  /** Bytes of a markdown report. */
  readonly budget?: number
}

/** The plan as text in the format, secrets masked. Formats for pages are loaded by those who ask for them. */
export async function renderPlan(format: PlanFormat, input: RenderInput): Promise<string> {
  const { result, policy, secrets, rendered, commit, budget, full, milliseconds, width } = input
  const { plan, problems } = result
  const review = {
    secrets,
    ...(rendered && { rendered }),
    ...(policy && { policy }),
    ...(problems.length > 0 && { problems: problems.map(problem => problem.details()) }),
  }
  const about = {
    ...(commit !== undefined && { commit }),
    ...(input.path !== undefined && { path: input.path }),
    ...(input.flags !== undefined && { flags: input.flags }),
    ...(input.readAt !== undefined && { readAt: new Date(input.readAt).toISOString() }),
  }
  switch (format) {
    case 'json':
      return `${JSON.stringify(
        {
          ...maskPlan(plan, { secrets }),
          ...(rendered && { manifests: maskRendered(rendered, plan, { secrets }) }),
        },
        undefined,
        2,
      )}\n`
    case 'markdown': {
      const { renderMarkdown } = await import('../report/markdown.js')
      return renderMarkdown(plan, {
        ...review,
        ...about,
        ...(input.whole !== undefined && { whole: input.whole }),
        ...(budget !== undefined && { budget }),
      })
    }
    case 'html': {
      const { renderHtml } = await import('../report/html.js')
      return renderHtml(plan, { ...review, ...about })
    }
    case 'terminal':
      return renderTerminal(plan, {
        ...review,
        colour: input.colour,
        ...(width !== undefined && { width }),
        ...(milliseconds !== undefined && { milliseconds }),
        ...(full !== undefined && { full }),
      })
  }
}

const formatsByEnding: Readonly<Record<string, PlanFormat>> = {
  '.html': 'html',
  '.htm': 'html',
  '.md': 'markdown',
  '.markdown': 'markdown',
  '.json': 'json',
  '.txt': 'terminal',
}

/** The format that a file's name asks for. Fails with `unknown-format` for a name that asks for none. */
export function formatOfFile(file: string): PlanFormat {
  const format = formatsByEnding[extname(file).toLowerCase()]
  if (format) return format
  throw new InfraError({
    kind: 'configuration',
    code: 'unknown-format',
    message: `${file} does not tell the format of the report`,
    hint: 'End its name in .md, .html, .json or .txt.',
  })
}

/** The commit that a pipeline says it runs for; planning itself runs nothing, not even git. */
export function commitOf(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  return environment.GITHUB_SHA ?? environment.CI_COMMIT_SHA ?? environment.GIT_COMMIT
}

/** Flags that a plan was asked for with, for the command that applies it. A variable that holds a secret is named alone. */
export function planFlags(
  asked: {
    readonly target?: readonly string[] | undefined
    readonly replace?: readonly string[] | undefined
    readonly restart?: boolean
    readonly state?: string | undefined
    readonly var?: readonly string[] | undefined
    readonly 'var-file'?: readonly string[] | undefined
  },
  secrets: readonly string[],
): string[] {
  const each = (flag: string, values: readonly string[] = []) => values.flatMap(value => [flag, value])
  const vars = (asked.var ?? []).map(one =>
    secrets.some(secret => one.includes(secret)) ? `${one.split('=')[0]}=...` : one,
  )
  return [
    ...each('--target', asked.target),
    ...each('--replace', asked.replace),
    ...(asked.restart ? ['--restart'] : []),
    ...each('--var-file', asked['var-file']),
    ...each('--var', vars),
    ...(asked.state === undefined ? [] : ['--state', asked.state]),
  ]
}

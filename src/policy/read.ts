/** Reads `infra-policy.yaml`. */
import { parse } from '@bufbuild/cel'
import { z } from 'zod'
import { messageOf } from '../model/error.js'
import type { SourceFile } from '../stack/documents.js'
import { readSideFile } from '../stack/side-file.js'
import type { PolicyRule } from './policy.js'

/** The name of a policy's file, beside the stack. */
export const policyFileName = 'infra-policy.yaml'

const expression = z.string().min(1).max(10_000)

const ruleSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes')
    .describe('What findings call it.'),
  reason: z
    .string()
    .min(1)
    .max(1000)
    .describe('Why there is this rule, and what to do: shown with every finding.'),
  level: z.enum(['warn', 'deny']).optional().describe('`deny` (the default) forbids to apply the plan.'),
  each: z
    .enum(['plan', 'step'])
    .optional()
    .describe('Evaluated for each step (the default) or once for the plan.'),
  when: expression.optional().describe('CEL: where it is false, the rule says nothing.'),
  require: expression.describe('CEL: must be true.'),
})

/** The schema of a policy's file. */
export const policySchema = z.strictObject({
  apiVersion: z.literal('infra/v1'),
  kind: z.literal('Policy'),
  rules: z.array(ruleSchema).max(1000).describe('In the order of the findings.'),
})

/** The rules of a file, or `InfraErrors` with all that is wrong with it, expressions included. */
export function readPolicy(file: SourceFile): readonly PolicyRule[] {
  const { value, problem, placeOf, done } = readSideFile(file, policySchema)
  const names = new Map<string, number>()
  for (const [index, rule] of value.rules.entries()) {
    const path = ['rules', index]
    if (names.has(rule.name))
      problem([...path, 'name'], 'duplicate-rule', `There are two rules called \`${rule.name}\`.`)
    names.set(rule.name, index)
    for (const field of ['when', 'require'] as const) {
      const text = rule[field]
      const why = text === undefined ? undefined : syntaxError(text)
      if (why === undefined) continue
      problem([...path, field], 'invalid-expression', `\`${field}\` of the rule ${rule.name} is not CEL.`, {
        why,
        hint: 'CEL is described at https://cel.dev.',
      })
    }
  }
  done()
  return value.rules.map(({ level = 'deny', each = 'step', when, ...rule }, index) => ({
    ...rule,
    level,
    each,
    ...(when !== undefined && { when }),
    place: placeOf(['rules', index, 'name']),
  }))
}

function syntaxError(text: string): string | undefined {
  try {
    parse(text)
    return undefined
  } catch (thrown) {
    return messageOf(thrown)
  }
}

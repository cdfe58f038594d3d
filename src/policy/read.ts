/** Reads `infra-policy.yaml`. */
import { parse } from '@bufbuild/cel'
import { z } from 'zod'
import { messageOf } from '../model/error.js'
import type { SourceFile } from '../stack/documents.js'
import { readSideFile } from '../stack/side-file.js'
import { misnamed } from './names.js'
import type { Expression, PolicyRule } from './policy.js'

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
  const { value, problem, placeOf, done } = readSideFile(
    file,
    policySchema,
    'docs/policy.md tells what a policy holds.',
  )
  const names = new Set<string>()
  const rules: PolicyRule[] = []
  for (const [index, rule] of value.rules.entries()) {
    const path = ['rules', index]
    if (names.has(rule.name)) {
      problem([...path, 'name'], 'duplicate-rule', `There are two rules called \`${rule.name}\`.`, {
        hint: 'Give one of them another name.',
      })
    }
    names.add(rule.name)
    const { name, reason, level = 'deny', each = 'step' } = rule
    const parsed = (field: 'when' | 'require', text: string): Expression | undefined => {
      try {
        const expression = parse(text)
        const wrong = misnamed(expression, each)
        if (wrong) problem([...path, field], 'unknown-variable', wrong.message, { hint: wrong.hint })
        return expression
      } catch (thrown) {
        problem([...path, field], 'invalid-expression', `\`${field}\` of the rule ${rule.name} is not CEL.`, {
          why: messageOf(thrown),
          hint: 'CEL is described at https://cel.dev.',
        })
        return undefined
      }
    }
    const when = rule.when === undefined ? undefined : parsed('when', rule.when)
    const require = parsed('require', rule.require)
    if (require) {
      rules.push({
        name,
        reason,
        level,
        each,
        require,
        ...(when && { when }),
        place: placeOf([...path, 'name']),
      })
    }
  }
  done()
  return rules
}

/** What a plan that was read from a file must look like before anything is made of it. Fields of later versions may be more. */
import { z } from 'zod'
import { once } from '../model/once.js'
import { planFormat } from './plan.js'

const planShape = once(() => {
  const text = z.string()
  const texts = z.array(text)
  const values = z.record(text, z.unknown())
  const identity = z.record(text, text)

  const desired = z.looseObject({
    ...{ address: text, kind: text, name: text, connection: text, managed: z.boolean() },
    ...{ labels: z.record(text, text), annotations: z.record(text, text), lifecycle: values, spec: values },
    ...{ sensitive: texts, dependencies: texts },
    source: z.looseObject({ file: text, line: z.number() }),
  })

  const step = z.looseObject({
    ...{ id: text, address: text, kind: text, name: text, connection: text, needs: texts, hazards: texts },
    action: z.enum(['create', 'update', 'replace', 'delete', 'adopt', 'forget', 'no-op']),
    phase: z.enum(['delete', 'create']).optional(),
    changes: z.array(
      z.looseObject({
        path: text,
        origin: z.enum(['stack', 'drift', 'both']),
        how: z.enum(['live', 'restart', 'replace', 'refuse']),
        why: text.optional(),
      }),
    ),
    cause: text.optional(),
    undo: z.looseObject({
      how: z.enum(['delete', 'restore', 'recreate', 'update', 'forget', 'adopt', 'none']),
      text,
    }),
    desired: desired.optional(),
    before: z.looseObject({ spec: values, sensitive: texts, identity }).optional(),
    restore: z.looseObject({ identity, token: z.unknown() }).optional(),
  })

  const counts = ['create', 'update', 'replace', 'delete', 'adopt', 'forget', 'unchanged'] as const

  return z.looseObject({
    format: z.literal(planFormat),
    ...{ stack: text, digest: text, incomplete: z.boolean() },
    mode: z.enum(['apply', 'destroy', 'accept', 'rollback']),
    base: z.looseObject({ lineage: text, serial: z.number() }),
    connections: z.record(text, z.looseObject({ type: text, description: text })),
    steps: z.array(step),
    counts: z.looseObject(Object.fromEntries(counts.map(name => [name, z.number()]))),
    drift: z.array(
      z.looseObject({
        ...{ address: text, kind: text },
        status: z.enum(['modified', 'deleted']),
        changes: z.array(z.looseObject({ path: text })),
      }),
    ),
    unreadable: z.array(z.looseObject({ address: text, why: text })),
    remarks: z.array(z.looseObject({ address: text, text })),
    pending: z.array(z.looseObject({ address: text, paths: texts })),
    observed: z.record(text, text),
    outputs: z.record(text, z.looseObject({ sensitive: z.boolean() })),
    declaresNothing: z.literal(true).optional(),
    stateOf: text.optional(),
    capacity: z
      .array(
        z.looseObject({
          ...{ place: text, resource: text, unit: text, before: z.number(), after: z.number() },
          limit: z.number().optional(),
        }),
      )
      .optional(),
  })
})

/** Why a value is no plan: where, and what is wrong there; undefined where it is one. */
export function planFault(value: unknown): string | undefined {
  const { error } = planShape().safeParse(value)
  const [issue] = error?.issues ?? []
  if (!issue) return undefined
  return `${issue.path.map(String).join('.').slice(0, 200) || 'it'}: ${issue.message.slice(0, 200)}`
}

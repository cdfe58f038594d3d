// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** The one document that describes the stack itself. */
import { z } from 'zod'
import type { Json } from '../model/value.js'
import { checkValue } from './check-spec.js'
import { apiVersion } from './envelope.js'
import { isName, nameHint } from './name.js'
import type { ParsedDocument, Problems } from './problems.js'

const json = z.unknown()

export const variableTypes = ['string', 'number', 'boolean', 'list', 'map'] as const

const variable = z.strictObject({
  type: z.enum(variableTypes).optional().describe('The type of its value; `string` by default.'),
  default: json.optional().describe('Its value where none is given. Without a default one must be given.'),
  description: z.string().optional().describe('What it is for.'),
  sensitive: z.boolean().optional().describe('Never shown, wherever it goes.'),
  pattern: z.string().optional().describe('A regular expression that the whole text must match.'),
  oneOf: z.array(json).min(1).optional().describe('The values that it may have.'),
  minimum: z.number().optional().describe('The least that a number may be.'),
  maximum: z.number().optional().describe('The most that a number may be.'),
})

const output = z.strictObject({
  value: json.describe('What is put out; may hold references.'),
  description: z.string().optional().describe('What it is for.'),
  sensitive: z.boolean().optional().describe('Shown only when asked for by name.'),
})

const connection = z
  .looseObject({
    type: z.string().optional().describe('The type of provider; the connection’s name by default.'),
  })
  .describe('A connection: its type, and the settings of that type.')

export const stackSpec = z.strictObject({
  variables: z
    .record(z.string(), variable)
    .optional()
    .describe('Values from outside: --var, --var-file, INFRA_VAR_NAME. Referred to as ${var.NAME}.'),
  environment: z
    .array(z.string())
    .optional()
    .describe('Names of environment variables that ${env.NAME} may read.'),
  providers: z
    .record(z.string(), connection.nullable())
    .optional()
    .describe('Connections by name. A stack without any runs on the embedded world.'),
  outputs: z
    .record(z.string(), json)
    .optional()
    .describe(
      'Values to be shown after an apply: each a value, or a map of value, description and sensitive.',
    ),
  state: z
    .strictObject({ path: z.string().min(1).describe('The folder of state, journal and checkpoints.') })
    .optional()
    .describe('Where the state is kept; `.infra/NAME` beside the stack by default.'),
})

export const stackDocument = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Stack'),
  metadata: z.strictObject({
    name: z.string().describe('The name of the stack.'),
    labels: z.record(z.string(), z.string()).optional().describe('Labels for people and tools.'),
    annotations: z.record(z.string(), z.string()).optional().describe('Notes for people and tools.'),
  }),
  spec: stackSpec.optional(),
})

export type StackSpec = z.infer<typeof stackSpec>
export type VariableDeclaration = z.infer<typeof variable>

export interface StackHead {
  readonly name: string
  readonly spec: StackSpec
  /** Absent where the stack has no document of its own. */
  readonly document?: ParsedDocument
}

/** The stack's document, checked. Without one, the name is made from the file's or folder's. */
export function readStackDocument(
  documents: readonly ParsedDocument[],
  baseName: string,
  problems: Problems,
): StackHead {
  const [document, ...others] = documents
  if (!document) return { name: stackName(baseName), spec: {} }
  for (const other of others) {
    problems.add({
      code: 'duplicate-stack',
      message: 'There is a second Stack document.',
      why: `The first is in ${document.file.name}, line ${document.line}.`,
      hint: 'Keep one of them; a folder is one stack.',
      document: other,
      path: ['kind'],
    })
  }
  const misfits = checkValue(stackDocument, document.value, [])
  for (const { path, code, message, hint, at } of misfits)
    problems.add({ document, path, code, message, hint, at })
  if (misfits.length > 0) return { name: stackName(baseName), spec: {}, document }
  const { metadata, spec = {} } = document.value as unknown as z.infer<typeof stackDocument>
  if (!isName(metadata.name)) {
    problems.add({
      code: 'invalid-name',
      message: 'The stack cannot have that name.',
      hint: nameHint,
      document,
      path: ['metadata', 'name'],
    })
  }
  return { name: metadata.name, spec, document }
}

function stackName(baseName: string): string {
  const name = baseName
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
  return name === '' ? 'stack' : name.slice(0, 60)
}

/** Whether an output says more than its value. */
export function isFullOutput(value: Json): value is Json & z.infer<typeof output> {
  return output.safeParse(value).success
}

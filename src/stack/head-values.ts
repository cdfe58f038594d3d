/** Values of the Stack document that may hold references: connections, the place of the state, outputs. */
import type { Json } from '../model/value.js'
import { readConnections } from './connect.js'
import type { DesiredConnection, DesiredOutput } from './desired.js'
import type { Index } from './expand.js'
import { interpolate } from './interpolate.js'
import type { Path, Problems } from './problems.js'
import { lookUpAnywhere, type Resolution } from './resolve.js'
import { isFullOutput, type StackHead } from './stack-document.js'
import type { TemplateText } from './template-text.js'
import type { Values } from './variables.js'

export interface HeadSettings {
  readonly connections: readonly DesiredConnection[]
  readonly stateFolder: string | undefined
}

/** Connections and the place of the state: these may refer to variables and the environment alone. */
export function settingsOf(
  { document, spec }: StackHead,
  values: Values,
  texts: Map<string, TemplateText>,
  problems: Problems,
): HeadSettings {
  const empty: Index = { instances: new Map(), objects: new Map(), find: () => undefined }
  const nothing = {
    index: empty,
    connections: new Map(),
    namesNone: true,
    resolved: new Map(),
    valueFiles: new Map(),
  }
  const context: Resolution = { ...nothing, values, texts, factsOf: undefined, problems }
  const evaluate = (value: Json, path: Path): Json =>
    interpolate(
      value,
      {
        texts,
        lookUp: reference => lookUpAnywhere(reference, context),
        onSensitive: () => {},
        onLater: () => {},
        onProblem: (at, find, problem) => {
          const why = 'Connections and the state must be known before any resource is.'
          if (problem) problems.add({ why, ...problem, document, path: at, find })
        },
      },
      path,
    )
  const providers = evaluate((spec.providers ?? {}) as Json, ['spec', 'providers'])
  const path = spec.state && evaluate(spec.state.path, ['spec', 'state', 'path'])
  return {
    connections: readConnections(providers as Readonly<Record<string, Json>>),
    stateFolder: typeof path === 'string' ? path : undefined,
  }
}

/** The stack's outputs, as far as they are known. */
export function outputsOf({ document, spec }: StackHead, context: Resolution): DesiredOutput[] {
  return Object.entries((spec.outputs ?? {}) as Readonly<Record<string, Json>>).map(([name, written]) => {
    const full = isFullOutput(written) ? written : undefined
    const path = ['spec', 'outputs', name, ...(full ? ['value'] : [])]
    let sensitive = full?.sensitive === true
    const value = interpolate(
      full ? (full.value as Json) : written,
      {
        texts: context.texts,
        lookUp: reference => lookUpAnywhere(reference, context),
        onSensitive: () => {
          sensitive = true
        },
        onLater: () => {},
        onProblem: (at, find, problem) => {
          if (problem) context.problems.add({ ...problem, document, path: at, find })
        },
      },
      path,
    )
    return {
      name,
      value,
      sensitive,
      ...(full?.description !== undefined && { description: full.description }),
    }
  })
}

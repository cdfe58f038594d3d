/** The stack's connections, and which of them serves a resource. */
import { type Attributes, isObject, isUnresolved, type Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { ProviderType } from '../providers/provider.js'
import { checkValue } from './check-spec.js'
import type { DesiredConnection } from './desired.js'
import type { ReferenceProblem } from './interpolate.js'
import { meant } from './nearest.js'
import type { ParsedDocument, Problems } from './problems.js'

/** The world that needs nothing installed. */
const embedded = 'embedded'

/** Makes connections of `spec.providers`, values resolved. A stack that names none has the embedded one alone. */
export function readConnections(providers: Readonly<Record<string, Json>>): DesiredConnection[] {
  const connections = Object.entries(providers).map(([name, value]) => {
    const { type, ...settings } = isObject(value) ? value : ({} as Attributes)
    return { name, type: typeof type === 'string' ? type : name, settings }
  })
  return connections.length > 0 ? connections : [{ name: embedded, type: embedded, settings: {} }]
}

/** Holds connections to the types that there are, and to the settings that each type has. */
export function checkConnections(
  connections: readonly DesiredConnection[],
  types: ReadonlyMap<string, Pick<ProviderType, 'settings'>>,
  document: ParsedDocument | undefined,
  problems: Problems,
): void {
  for (const { name, type, settings } of connections) {
    const path = ['spec', 'providers', name]
    const known = types.get(type)
    if (!known) {
      problems.add({
        code: 'unknown-provider',
        message: `There is no type of connection \`${type}\`.`,
        hint: meant(type, types.keys()),
        document,
        path: [...path, 'type'],
      })
      continue
    }
    for (const misfit of checkValue(known.settings, settings, [])) {
      const hint = misfit.hint ?? `docs/connections/${type}.md lists the settings of ${type}.`
      problems.add({ ...misfit, hint, document, path: [...path, ...misfit.path] })
    }
  }
}

export type Connections = ReadonlyMap<string, DesiredConnection>

/** The connection for a resource of this kind with this spec, by name; else what is wrong, and what the spec asked for. */
export function connectionFor(
  kind: Kind,
  spec: Attributes,
  connections: Connections,
  namesNone: boolean,
): { readonly name: string } | { readonly problem: ReferenceProblem; readonly asked: Json | undefined } {
  if (namesNone) return { name: embedded }
  const asked = kind.connection?.(spec) as Json | undefined
  if (asked !== undefined && (typeof asked !== 'string' || isUnresolved(asked))) {
    const hint = 'Write the name of a connection, or refer to a variable.'
    const message = 'The connection must be known beforehand.'
    return { problem: { code: 'invalid-connection', message, hint }, asked }
  }
  const wanted = asked ?? kind.provider
  const found =
    connections.get(wanted) ??
    (asked === undefined ? (onlyOfType(kind.provider, connections) ?? onlyEmbedded(connections)) : undefined)
  if (!found) {
    const near = asked === undefined ? undefined : meant(wanted, connections.keys())
    const type = wanted === kind.provider ? '{}' : `{type: ${kind.provider}}`
    return {
      asked,
      problem: {
        code: 'missing-connection',
        message: `The stack has no connection \`${wanted}\` for a ${kind.kind}.`,
        hint: near ?? `Add \`${wanted}: ${type}\` under \`spec.providers\` of the Stack document.`,
      },
    }
  }
  if (found.type !== kind.provider && found.type !== embedded) {
    return {
      asked,
      problem: {
        code: 'wrong-connection',
        message: `The connection \`${found.name}\` is of type ${found.type}, which has no ${kind.kind}.`,
        hint: `A ${kind.kind} needs a connection of type ${kind.provider} or ${embedded}.`,
      },
    }
  }
  return { name: found.name }
}

function onlyOfType(type: string, connections: Connections): DesiredConnection | undefined {
  const ofType = [...connections.values()].filter(connection => connection.type === type)
  return ofType.length === 1 ? ofType[0] : undefined
}

/** A stack whose only connections are of the embedded world runs on it, whatever the kind. */
function onlyEmbedded(connections: Connections): DesiredConnection | undefined {
  const [first, ...others] = connections.values()
  return first?.type === embedded && others.length === 0 ? first : undefined
}

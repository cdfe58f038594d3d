/** Resolves instances, dependencies first: references, checks, canonical form, connection, dependencies. */
import type { Address } from '../model/address.js'
import type { Attributes, Json } from '../model/value.js'
import { attributeOf, type FactsOf } from './attribute.js'
import { type Connections, connectionFor } from './connect.js'
import type { DesiredResource } from './desired.js'
import { type Index, type Instance, objectKey } from './expand.js'
import { finishSpec, sensitivePaths } from './finish.js'
import { interpolate, type Outcome } from './interpolate.js'
import { pathOf } from './paths.js'
import type { Path, Problems } from './problems.js'
import { laterText, lookUpValue } from './scope.js'
import type { Reference, TemplateText } from './template-text.js'
import { type ValueFiles, withValueFiles } from './value-files.js'
import type { Values } from './variables.js'

export interface Resolution {
  readonly index: Index
  readonly values: Values
  readonly texts: Map<string, TemplateText>
  readonly connections: Connections
  readonly valueFiles: ValueFiles
  /** The stack names no connections: everything is served by the embedded world. */
  readonly namesNone: boolean
  readonly factsOf: FactsOf | undefined
  /** What is resolved so far; references look here. */
  readonly resolved: Map<Address, DesiredResource>
  readonly problems: Problems
}

/** The resource, or undefined after a problem. `hasLater` tells whether values are left that are known only later. */
export function resolveInstance(
  instance: Instance,
  context: Resolution,
): { readonly resource: DesiredResource; readonly hasLater: boolean } | undefined {
  const { raw, address, meta, templates } = instance
  const { kind, document } = raw
  const { problems } = context
  const later: Path[] = []
  const secret: Path[] = []
  let failed = false
  let spec = instance.spec
  const at = { address, document, orIn: templates }
  if (instance.references) {
    spec = interpolate(spec, {
      texts: context.texts,
      lookUp: reference => lookUp(reference, instance, context),
      onSensitive: path => secret.push(path),
      onLater: path => later.push(path),
      onProblem: (path, find, problem) => {
        failed = true
        later.push(path)
        if (problem) problems.add({ ...problem, ...at, path: ['spec', ...path], find })
      },
    }) as Attributes
  }
  spec = withValueFiles(spec, context.valueFiles.get(address))
  const finished = finishSpec(kind, spec, meta, raw.managed, later)
  if (finished.problems) {
    for (const problem of finished.problems) problems.add({ ...problem, ...at })
    return undefined
  }
  if (failed) return undefined
  const connection = connectionFor(kind, finished.spec, context.connections, context.namesNone)
  if ('problem' in connection) {
    const field = Object.keys(spec).find(name => spec[name] === connection.asked)
    const path = connection.asked === undefined || field === undefined ? ['kind'] : ['spec', field]
    problems.add({ ...connection.problem, ...at, path })
    return undefined
  }
  const tainted = secret.map(path => pathOf(path, spec, kind.keyedLists))
  const resource: DesiredResource = {
    address,
    kind: kind.kind,
    name: meta.name,
    connection: connection.name,
    managed: raw.managed,
    labels: meta.labels,
    annotations: meta.annotations,
    lifecycle: raw.lifecycle,
    spec: finished.spec,
    sensitive: sensitivePaths(kind, finished.spec, tainted),
    dependencies: dependenciesOf(instance, finished.spec, context.index),
    source: { file: document.file.name, line: document.line },
  }
  return { resource, hasLater: later.length > 0 }
}

function lookUp(reference: Reference, instance: Instance, context: Resolution): Outcome {
  const { index } = context
  const value = lookUpValue(reference, context.values, instance.each)
  if (value) return value
  const target = index.find(reference, instance.each)
  const resource = target && context.resolved.get(target.address)
  const of = target && index.instances.get(target.address)
  // Not there, or broken itself: told already.
  if (!target || !resource || !of) return { failed: true }
  const later = (): string => laterText(reference, instance.each)
  return attributeOf(resource, of.raw.kind, target.segments, later, context.factsOf?.(target.address))
}

/** What an output or a setting refers to, outside of any resource. */
export function lookUpAnywhere(reference: Reference, context: Resolution): Outcome {
  const value = lookUpValue(reference, context.values, undefined)
  if (value) return value
  const { index } = context
  const target = index.find(reference, undefined)
  if (!target) {
    const message = `\`${reference.raw}\` refers to a resource that is not in the stack.`
    return { problem: { code: 'unknown-resource', message, hint: 'Add its document, or correct the name.' } }
  }
  const resource = context.resolved.get(target.address)
  const kind = index.instances.get(target.address)?.raw.kind
  if (!resource || !kind) return { failed: true }
  const later = (): string => laterText(reference, undefined)
  return attributeOf(resource, kind, target.segments, later, context.factsOf?.(target.address))
}

/** Needs by reference and `dependsOn`, and what the kind knows to be needed, as far as the stack has it. */
function dependenciesOf(instance: Instance, spec: Attributes, index: Index): readonly Address[] {
  const { address, meta, needs, raw } = instance
  const implied = raw.kind.implied?.(spec, meta) ?? []
  if (implied.length === 0) return sorted(needs)
  const connection = raw.kind.connection?.(spec)
  let all: Set<Address> | undefined
  for (const { kind, name } of implied) {
    if (typeof (name as Json) !== 'string') continue
    const objects = index.objects.get(kind)
    const near = connection === undefined ? undefined : objects?.get(objectKey(connection, name))
    const there = near ?? objects?.get(name) ?? addressIn(index, `${kind}/${name}`)
    if (there !== undefined && there !== address) {
      all ??= new Set(needs)
      all.add(there)
    }
  }
  return all ? [...all].sort() : sorted(needs)
}

function addressIn(index: Index, address: Address): Address | undefined {
  return index.instances.has(address) ? address : undefined
}

function sorted(addresses: readonly Address[]): readonly Address[] {
  return addresses.length > 1 ? [...addresses].sort() : addresses
}

/** From a file or a folder of YAML documents to a `Stack`. */
import { join, resolve } from 'node:path'
import type { Address } from '../model/address.js'
import { InfraError, InfraErrors } from '../model/error.js'
import { isObject, type Json, scalarText } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { ProviderType } from '../providers/provider.js'
import type { FactsOf } from './attribute.js'
import { type Connections, checkConnections } from './connect.js'
import { impliedCycles, tellCycles } from './cycles.js'
import type { DesiredOutput, DesiredResource, Stack } from './desired.js'
import { type RawResource, readEnvelope } from './envelope.js'
import { expandAll, type Index } from './expand.js'
import { readStackFiles, type StackFiles } from './files.js'
import { outputsOf, settingsOf } from './head-values.js'
import { mayBeKept, openKeptStack } from './kept-stack.js'
import { indexTemplates } from './merge.js'
import { putInOrder } from './order.js'
import { parseFiles } from './parse.js'
import { leastBytes, openParseCache } from './parse-cache.js'
import { collectProblems, type ParsedDocument, type Path, type Problems } from './problems.js'
import { type Resolution, resolveInstance } from './resolve.js'
import { readStackDocument } from './stack-document.js'
import type { TemplateText } from './template-text.js'
import { readValueFiles, type ValueFiles } from './value-files.js'
import { readVariables } from './variables.js'

export type { FactsOf } from './attribute.js'
export { resolveResource } from './resolve-later.js'

export interface LoadInput {
  /** A YAML file, or a folder whose `*.yaml` and `*.yml` files make up the stack (`*.vars.yaml` and `*.values.yaml` are not part of it). */
  readonly path: string
  readonly kinds: ReadonlyMap<string, Kind>
  /** To hold connections to the types that there are and to their settings. Without them, whoever opens them does. */
  readonly providerTypes?: ReadonlyMap<string, Pick<ProviderType, 'settings'>>
  /** From `--var`: a string is read as the variable's declared type; anything else is taken as it is. */
  readonly variables?: Readonly<Record<string, Json>>
  /** From `--var-file`, in order; a later one wins. */
  readonly variableFiles?: readonly string[]
  /** For `INFRA_VAR_NAME` and the declared `${env.NAME}`. Nothing else of it is read. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /**
   * Where stacks without secrets are kept between runs, resolved, and of others the parsed documents (before interpolation:
   * no variable's value is in it).
   */
  readonly cacheFolder?: string
  /** The tool's version and build: what another one kept is not used. */
  readonly version?: string
  /** Looks at a stack that is sound, for what systems below would not take. */
  readonly inspect?: Inspect
  readonly signal?: AbortSignal
}

/** Something that the system below would not take. */
export interface Remark {
  readonly address: Address
  readonly code: string
  readonly message: string
  readonly why?: string
  readonly hint?: string
  readonly at: 'key' | 'value'
  /** Where it may stand in the document, the likeliest first. */
  readonly paths: readonly Path[]
  /** Where it stands in one of the files that the spec lists. */
  readonly inFiles?: Path
}

export type Inspect = (stack: Stack) => Promise<readonly Remark[]>

/** A stack that was read and checked as far as that can be without looking at real systems. */
export interface ReadStack {
  /** With every reference to an observed attribute still `Unresolved`. */
  readonly stack: Stack
  /** Text of every file that was read, by its name in errors: for showing lines. */
  readonly files: ReadonlyMap<string, string>
  /** The digest of all that the stack was made from, where it may be kept on disk: without secrets, complete. */
  readonly kept?: string
  /** See `resolveStack`. */
  resolve(factsOf?: FactsOf): Stack
}

/** Reads, checks and resolves all that is static. Throws `InfraErrors` with everything that is wrong. */
export async function readStack(input: LoadInput): Promise<ReadStack> {
  const files = await orErrors(readStackFiles(input.path, input.signal))
  const kept = await openKeptStack(input, files)
  const known = await kept?.get()
  if (kept && known && ((await input.inspect?.(known)) ?? []).length === 0)
    return { stack: known, files: textsOf(files, new Map()), kept: kept.key, resolve: () => known }
  const problems = collectProblems()
  const cache = input.cacheFolder ? openParseCache(input.cacheFolder, input.version ?? '') : undefined
  const broken = new Set<Address>()
  const { documents, fresh } = await parseFiles(files.files, cache, broken, problems)
  const isStack = ({ value }: ParsedDocument): boolean => isObject(value) && value.kind === 'Stack'
  const head = readStackDocument(documents.filter(isStack), files.baseName, problems)
  const values = await orErrors(
    readVariables(
      head,
      {
        variables: input.variables ?? {},
        variableFiles: input.variableFiles ?? [],
        environment: input.environment ?? {},
      },
      problems,
    ),
  )
  const raws: RawResource[] = []
  for (const document of documents) {
    if (isStack(document)) continue
    const raw = readEnvelope(document, input.kinds, problems)
    if (raw) raws.push(raw)
    else noteBroken(document.value, broken)
    if (problems.enough) problems.throwIfAny()
  }
  const texts = new Map<string, TemplateText>()
  const templates = indexTemplates(
    raws.filter(raw => raw.isTemplate),
    problems,
  )
  const resources = raws.filter(raw => !raw.isTemplate)
  const index = expandAll(resources, { values, templates, texts, problems, broken })
  const valueFiles = await readValueFiles(index.instances.values(), {
    values,
    texts,
    problems,
    folder: files.folder,
    shown: files.shown,
    signal: input.signal,
  })
  const { order, cycles } = putInOrder(index.instances, instance => instance.needs)
  tellCycles(cycles, index, problems)
  const settings = settingsOf(head, values, texts, problems)
  if (input.providerTypes)
    checkConnections(settings.connections, input.providerTypes, head.document, problems)
  const connections: Connections = new Map(
    settings.connections.map(connection => [connection.name, connection]),
  )
  const namesNone = Object.keys(head.spec.providers ?? {}).length === 0
  const common = { index, values, texts, connections, namesNone, valueFiles }

  const resolved = new Map<Address, DesiredResource>()
  const waiting: Address[] = []
  const base: Resolution = { ...common, factsOf: undefined, resolved, problems }
  resolveAll(order, base, waiting)
  if (cycles.length === 0) tellCycles(impliedCycles(resolved, index), index, problems)
  const outputs = outputsOf(head, base)
  problems.throwIfAny()

  const { stateFolder } = settings
  const { folder, shown } = files
  const assemble = (
    all: ReadonlyMap<Address, DesiredResource>,
    outputs: readonly DesiredOutput[],
  ): Stack => ({
    name: head.name,
    folder,
    shown,
    stateFolder: resolve(folder, stateFolder ?? join('.infra', head.name)),
    connections: settings.connections,
    resources: inDocumentOrder(index, all),
    outputs,
    secrets: values.secrets,
  })
  const stack = assemble(resolved, outputs)
  for (const remark of (await input.inspect?.(stack)) ?? []) tellRemark(remark, index, valueFiles, problems)
  problems.throwIfAny()
  const keeps = kept !== undefined && mayBeKept(stack, head.spec, input.kinds, waiting)
  if (keeps) await kept.put(stack)
  for (const { bytes, documents, exact } of fresh)
    if (!keeps || exact >= leastBytes) await cache?.put(bytes, documents)
  return {
    stack,
    files: textsOf(files, valueFiles),
    ...(keeps && { kept: kept.key }),
    resolve(factsOf) {
      if (!factsOf) return stack
      const found = collectProblems()
      const context: Resolution = { ...common, factsOf, resolved: new Map(resolved), problems: found }
      for (const address of waiting) context.resolved.delete(address)
      resolveAll(waiting, context, [])
      const outputs = outputsOf(head, context)
      found.throwIfAny()
      return assemble(context.resolved, outputs)
    },
  }
}

/** The stack with references to observed attributes resolved as far as they are known. Pure; may be called again. */
export function resolveStack(read: ReadStack, factsOf?: FactsOf): Stack {
  return read.resolve(factsOf)
}

/** `readStack` and `resolveStack` in one. */
export async function loadStack(input: LoadInput & { readonly factsOf?: FactsOf }): Promise<Stack> {
  return resolveStack(await readStack(input), input.factsOf)
}

/** Everything that is wrong with a stack comes as `InfraErrors`, even a file that cannot be read at all. */
async function orErrors<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (thrown) {
    throw thrown instanceof InfraError ? new InfraErrors([thrown]) : thrown
  }
}

function noteBroken(value: Json, broken: Set<Address>): void {
  if (!isObject(value) || !isObject(value.metadata)) return
  broken.add(`${scalarText(value.kind)}/${scalarText(value.metadata.name)}`)
}

function resolveAll(order: Iterable<Address>, context: Resolution, waiting: Address[]): void {
  for (const address of order) {
    const instance = context.index.instances.get(address)
    const result = instance && resolveInstance(instance, context)
    if (!result) {
      if (context.problems.enough) return
      continue
    }
    context.resolved.set(address, result.resource)
    if (result.hasLater) waiting.push(address)
  }
}

function inDocumentOrder(
  index: Index,
  resolved: ReadonlyMap<Address, DesiredResource>,
): ReadonlyMap<Address, DesiredResource> {
  const ordered = new Map<Address, DesiredResource>()
  for (const address of index.instances.keys()) {
    const resource = resolved.get(address)
    if (resource) ordered.set(address, resource)
  }
  return ordered
}

/** At the place that says it: the document, a template of it, or the last of the files that has it. */
function tellRemark(remark: Remark, index: Index, valueFiles: ValueFiles, problems: Problems): void {
  const { paths, inFiles, ...told } = remark
  const instance = index.instances.get(remark.address)
  if (!instance) return
  const { raw, templates } = instance
  const places = [
    ...[raw.document, ...templates].flatMap(document => paths.map(path => ({ document, path }))),
    ...Object.values(valueFiles.get(remark.address) ?? {})
      .flat()
      .reverse()
      .map(document => ({ document, path: inFiles ?? [] })),
  ]
  const place = places.find(({ document, path }) => holds(document.value, path))
  problems.add({ ...told, ...(place ?? { document: raw.document, path: paths[0] ?? ['spec'] }) })
}

function holds(value: Json | undefined, path: Path): boolean {
  let at = value
  for (const segment of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return false
    at = (at as Readonly<Record<string, Json>>)[segment]
  }
  return true
}

function textsOf(files: StackFiles, valueFiles: ValueFiles): ReadonlyMap<string, string> {
  const listed = [...valueFiles.values()].flatMap(fields => Object.values(fields).flat())
  return new Map([...files.files, ...listed].map(({ file }) => [file.name, file.text]))
}

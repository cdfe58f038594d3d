/**
 * Keeps a stack between runs, read, checked and resolved, under the digest of all that it was made from: the files, the
 * variables that are given, the place, the tool's version. A stack with a secret in it, with a value of the environment, or
 * with a value that is known only later is not kept. What is kept saves time and nothing else: whatever does not fit is
 * passed over, and where something is wrong the files are read as if nothing had been kept.
 */
import type { Address } from '../model/address.js'
import { type Attributes, canonicalJson, isObject, isUnresolved, type Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import { digestOf, openCacheFolder } from './cache-folder.js'
import type { DesiredResource, Stack } from './desired.js'
import { readSource, type StackFiles } from './files.js'
import type { LoadInput } from './load.js'
import { leastBytes } from './parse-cache.js'
import type { StackSpec } from './stack-document.js'

/** Changes with the form of an entry. */
const format = 1
/** A larger entry is neither written nor read. */
const mostBytes = 128 * 1024 * 1024
/** Of a file of variables; a larger one is refused when it is read. */
const mostVariables = 1024 * 1024

export interface KeptStack {
  /** The digest of everything that the stack is made from. */
  readonly key: string
  get(): Promise<Stack | undefined>
  put(stack: Stack): Promise<void>
}

/** Where this stack is kept; undefined where nothing is to be kept, or for a stack so small that reading it takes no time. */
export async function openKeptStack(input: LoadInput, files: StackFiles): Promise<KeptStack | undefined> {
  const size = files.files.reduce((sum, { bytes }) => sum + bytes.length, 0)
  if (input.cacheFolder === undefined || size < leastBytes) return undefined
  const given = await givenValues(input)
  if (given === undefined) return undefined
  const about = [format, input.version, input.providerTypes !== undefined, files.folder, files.shown, given]
  const parts = files.files.flatMap(({ file, bytes }) => [canonicalJson([file.name, bytes.length]), bytes])
  const key = digestOf(`infra-stack ${canonicalJson(about as Json)}\n`, ...parts)
  const cache = openCacheFolder(input.cacheFolder)
  return {
    key,
    async get() {
      const payload = await cache.get(key, mostBytes)
      return payload === undefined ? undefined : decodeStack(payload, files, input.kinds)
    },
    async put(stack) {
      const payload = encodeStack(stack)
      if (payload.length < mostBytes / 2) await cache.put(key, payload)
    },
  }
}

/** All that may give a variable its value. Undefined where a file of variables cannot be read: whoever reads it next tells. */
async function givenValues(input: LoadInput): Promise<Json | undefined> {
  const { variables = {}, variableFiles = [], environment = {} } = input
  const texts: Json[] = []
  for (const path of variableFiles) {
    try {
      texts.push([path, (await readSource(path, path, mostVariables)).file.text])
    } catch {
      // the stack is read as a whole, which tells what is wrong with it
      return undefined
    }
  }
  const exported = Object.keys(environment).filter(name => name.startsWith('INFRA_VAR_'))
  return [variables, texts, Object.fromEntries(exported.map(name => [name, environment[name] ?? null]))]
}

/** Whether a stack may be on disk beside its files. `waiting`: resources with values that are known only later. */
export function mayBeKept(
  stack: Stack,
  head: StackSpec,
  kinds: ReadonlyMap<string, Kind>,
  waiting: readonly Address[],
): boolean {
  if (waiting.length > 0 || stack.secrets.length > 0 || (head.environment ?? []).length > 0) return false
  if (Object.values(head.variables ?? {}).some(variable => variable.sensitive)) return false
  if (stack.outputs.some(output => output.sensitive || holdsLater(output.value))) return false
  // Files that a spec lists are not among those that the digest is of.
  for (const { kind, sensitive } of stack.resources.values())
    if (sensitive.length > 0 || kinds.get(kind)?.fileLists) return false
  return true
}

function holdsLater(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false
  return isUnresolved(value) || Object.values(value).some(holdsLater)
}

/** A resource in few bytes: what most have alike is left out. */
type Row = readonly [
  address: Address,
  kind: string,
  name: string,
  connection: string,
  spec: Attributes,
  dependencies: readonly Address[],
  file: number,
  line: number,
  others?: Partial<Others>,
]
type Others = Pick<DesiredResource, 'managed' | 'labels' | 'annotations' | 'lifecycle'>

const nothing: Attributes & Readonly<Record<string, string>> = Object.freeze({})
const none: readonly string[] = Object.freeze([])

function encodeStack({ name, stateFolder, connections, outputs, resources }: Stack): string {
  const files = new Map<string, number>()
  const rows = [...resources.values()].map(one => {
    const { file, line } = one.source
    if (!files.has(file)) files.set(file, files.size)
    const others = othersOf(one)
    const { address, kind, connection, spec, dependencies } = one
    const row: Row = [address, kind, one.name, connection, spec, dependencies, files.get(file) ?? 0, line]
    return others ? [...row, others] : row
  })
  return JSON.stringify({ name, stateFolder, connections, outputs, files: [...files.keys()], rows })
}

function othersOf({ managed, labels, annotations, lifecycle }: DesiredResource): Partial<Others> | undefined {
  const filled = (record: object): boolean => Object.keys(record).length > 0
  const others = {
    ...(!managed && { managed }),
    ...(filled(labels) && { labels }),
    ...(filled(annotations) && { annotations }),
    ...(filled(lifecycle) && { lifecycle }),
  }
  return filled(others) ? others : undefined
}

/** Undefined for what is no stack of these files and kinds. */
function decodeStack(
  payload: string,
  { folder, shown }: StackFiles,
  kinds: ReadonlyMap<string, Kind>,
): Stack | undefined {
  try {
    const kept = JSON.parse(payload) as Pick<Stack, 'name' | 'stateFolder' | 'connections' | 'outputs'> & {
      readonly files: readonly string[]
      readonly rows: readonly Row[]
    }
    const resources = new Map<Address, DesiredResource>()
    for (const row of kept.rows) {
      const [address, kind, name, connection, spec, dependencies, file, line, others] = row
      const source = kept.files[file]
      if (!kinds.has(kind) || source === undefined || !isObject(spec)) return undefined
      resources.set(address, {
        address,
        kind,
        name,
        connection,
        managed: others?.managed ?? true,
        labels: others?.labels ?? nothing,
        annotations: others?.annotations ?? nothing,
        lifecycle: others?.lifecycle ?? nothing,
        spec,
        sensitive: none,
        dependencies: dependencies.length === 0 ? none : dependencies,
        source: { file: source, line },
      })
    }
    const { name, stateFolder, connections, outputs } = kept
    return { name, folder, shown, stateFolder, connections, resources, outputs, secrets: none }
  } catch {
    // what cannot be read is made anew
    return undefined
  }
}

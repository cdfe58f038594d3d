// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** YAML files beside a stack that a spec lists (`valuesFiles`): read once each, and put into the spec with what is in them. */
import { realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import { type Attributes, isObject, type Json } from '../model/value.js'
import { readExact } from './exact-yaml.js'
import type { Instance } from './expand.js'
import { readSource } from './files.js'
import type { MetadataScope } from './for-each.js'
import { interpolate } from './interpolate.js'
import { type Found, type ParsedDocument, type Path, placeAt } from './problems.js'
import { lookUpKnown } from './scope.js'

/** All files of one stack together, bytes. */
const mostBytes = 16 * 1024 * 1024
/** A larger file is refused. */
const mostText = 1024 * 1024

/** A file as it was read; its value is a map. */
export interface ValueFile extends ParsedDocument {
  readonly value: Attributes
}

/** The files that an instance lists, by the field that lists them, in order. */
export type ValueFiles = ReadonlyMap<Address, Readonly<Record<string, readonly ValueFile[]>>>

type Wrong = Omit<Found, 'document' | 'address' | 'path'>

/**
 * Reads what instances list in the fields that their kinds name (`Kind.fileLists`). Paths start from the stack's folder and
 * stay in it; they may refer to variables, the environment and the instance. What is wrong is told at the entry that names
 * the file, or in the file.
 */
export async function readValueFiles(
  instances: Iterable<Instance>,
  scope: MetadataScope & {
    readonly folder: string
    readonly shown: string
    readonly signal: AbortSignal | undefined
  },
): Promise<ValueFiles> {
  const read = openReader(scope.folder, scope.shown, scope.signal)
  const found = new Map<Address, Record<string, readonly ValueFile[]>>()
  const wanted = [...instances].flatMap(instance =>
    (instance.raw.kind.fileLists ?? []).map(field => ({ instance, field })),
  )
  await Promise.all(
    wanted.map(async ({ instance, field }) => {
      const list = instance.spec[field]
      if (!Array.isArray(list)) return
      const told = { address: instance.address, document: instance.raw.document, orIn: instance.templates }
      const files = await Promise.all(
        (list as readonly Json[]).map(async (entry, index) => {
          const path = ['spec', field, index]
          const name = nameOf(entry, instance, path, scope)
          if (name === undefined) return undefined
          const file = await read(name)
          if ('value' in file) return file
          for (const wrong of file.problems) scope.problems.add({ ...told, path, ...wrong })
          return undefined
        }),
      )
      const whole = files.filter(file => file !== undefined)
      if (whole.length === list.length && whole.length > 0)
        found.set(instance.address, { ...found.get(instance.address), [field]: whole })
    }),
  )
  return found
}

/** The spec with every listed file's content in the place of its name. */
export function withValueFiles(
  spec: Attributes,
  files: Readonly<Record<string, readonly ValueFile[]>> | undefined,
): Attributes {
  if (files === undefined) return spec
  const fields = Object.entries(files).map(([field, list]) => [
    field,
    list.map(({ file, value }) => ({ file: file.name, content: value })),
  ])
  return { ...spec, ...Object.fromEntries(fields) }
}

/** The file that an entry names; undefined where it names none, or where that is told already or by the schema. */
function nameOf(entry: Json, instance: Instance, path: Path, scope: MetadataScope): string | undefined {
  const { address, each, raw, templates } = instance
  const { problems, texts, values } = scope
  let broken = false
  const name = interpolate(
    entry,
    {
      texts,
      lookUp: reference =>
        lookUpKnown(reference, values, each, 'The files of a stack are read before any resource is.'),
      onSensitive: () => {
        broken = true
        const message = 'The name of a file cannot hold a secret.'
        problems.add({ code: 'sensitive-name', message, address, document: raw.document, path })
      },
      onLater: () => {},
      // The reference is told once more, and better, when the whole spec is resolved; but for one to a resource.
      onProblem: (_path, find, problem) => {
        broken = true
        if (problem?.code === 'invalid-reference')
          problems.add({ ...problem, address, document: raw.document, orIn: templates, path, find })
      },
    },
    path,
  )
  return broken || typeof name !== 'string' || name === '' ? undefined : name
}

/** Reads each file once, whoever lists it. */
function openReader(folder: string, shown: string, signal: AbortSignal | undefined) {
  const known = new Map<string, Promise<ValueFile | { readonly problems: readonly Wrong[] }>>()
  let room = mostBytes
  const read = async (name: string): Promise<ValueFile | { readonly problems: readonly Wrong[] }> => {
    const path = resolve(folder, name)
    try {
      await requireBelow(folder, path, name)
      const { file } = await readSource(path, join(shown, name), Math.min(room, mostText), signal)
      room -= file.text.length
      return parse(file)
    } catch (thrown) {
      if (!(thrown instanceof InfraError)) throw thrown
      const { code, message, why, place } = thrown.details()
      const hint = 'Paths start from the folder of the stack.'
      return {
        problems: [
          {
            code: code === 'cannot-read' ? 'no-values-file' : code,
            message,
            why,
            hint,
            ...(place && { place }),
          },
        ],
      }
    }
  }
  return (name: string) => {
    const first = known.get(name)
    if (first) return first
    const reading = read(name)
    known.set(name, reading)
    return reading
  }
}

/** A stack that a stranger wrote shows nobody a file that is not the stack's own, by no link either. */
async function requireBelow(folder: string, path: string, name: string): Promise<void> {
  const [top, real] = await Promise.all([
    // what cannot be resolved cannot be read: who reads it next tells why
    realpath(folder).catch(() => folder),
    realpath(path).catch(() => path),
  ])
  const way = relative(top, real)
  const outside = way.startsWith('..') || isAbsolute(way)
  if (!outside && !isAbsolute(name)) return
  throw new InfraError({
    kind: 'validation',
    code: 'outside-stack',
    message: `${name} is not in the folder of the stack.`,
    why: 'A plan shows what is in such files: only those of the stack itself are read.',
  })
}

function parse(file: ParsedDocument['file']): ValueFile | { readonly problems: readonly Wrong[] } {
  const parsed = readExact(file.text)
  if (!('value' in parsed)) {
    return {
      problems: parsed.problems.map(({ offset, length, ...what }) => ({
        ...what,
        place: placeAt(file, offset, length),
      })),
    }
  }
  const value = parsed.value ?? {}
  if (!isObject(value)) {
    const message = `${file.name} holds no map of values.`
    return { problems: [{ code: 'invalid-value', message, place: placeAt(file, 0, 1) }] }
  }
  return { file, from: 0, to: file.text.length, fromLine: 1, line: 1, value, references: false }
}

/** From a file or a folder of YAML documents to a `Stack`. */
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Attributes, Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { DesiredResource, Stack } from './desired.js'

/** What was recorded or observed of a resource that exists: the values that references to it get. */
export type FactsOf = (
  address: Address,
) => { readonly spec: Attributes; readonly facts: Attributes } | undefined

export interface LoadInput {
  /** A YAML file, or a folder whose `*.yaml` and `*.yml` files make up the stack. */
  readonly path: string
  readonly kinds: ReadonlyMap<string, Kind>
  /** From `--var`: a string is read as the variable's declared type; anything else is taken as it is. */
  readonly variables?: Readonly<Record<string, Json>>
  /** From `--var-file`, in order; a later one wins. */
  readonly variableFiles?: readonly string[]
  /** For `INFRA_VAR_NAME` and the declared `${env.NAME}`. Nothing else of it is read. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Where parsed documents are kept between runs (before interpolation: no variable's value is in it). */
  readonly cacheFolder?: string
  readonly signal?: AbortSignal
}

/** A stack that was read and checked as far as that can be without looking at real systems. */
export interface ReadStack {
  /** With every reference to observed attributes still `Unresolved`. */
  readonly stack: Stack
}

/** Reads, checks and resolves all that is static. Throws `InfraErrors` with everything that is wrong. */
export async function readStack(_input: LoadInput): Promise<ReadStack> {
  throw new InfraError({ kind: 'operation', code: 'not-built', message: 'The stack reader is not built yet.' })
}

/** The stack with references to observed attributes resolved as far as they are known. Pure; may be called again. */
export function resolveStack(read: ReadStack, _factsOf?: FactsOf): Stack {
  return read.stack
}

/** `readStack` and `resolveStack` in one. */
export async function loadStack(input: LoadInput & { readonly factsOf?: FactsOf }): Promise<Stack> {
  return resolveStack(await readStack(input), input.factsOf)
}

/**
 * The resource with its remaining references resolved, checked again and canonical: for a step that is about to run, when
 * all it depends on exists. Throws an `InfraError` where something still cannot be resolved or does not fit.
 */
export function resolveResource(resource: DesiredResource, _factsOf: FactsOf, _kind: Kind): DesiredResource {
  return resource
}

/**
 * Answers of an API server, held to the form of Kubernetes' own: from anything else nothing is concluded, least of all that
 * something is not there.
 */
import { InfraError } from '../../../model/error.js'
import { isObject, type Json } from '../../../model/value.js'
import type { WatchEvent } from './host.js'
import type { KubeList, KubeObject } from './objects.js'

/** Which call was answered, for errors. */
export interface Asked {
  /** `GET /api/v1/pods` */
  readonly what: string
  /** `lab at https://127.0.0.1:6443` */
  readonly host: string
}

/** A JSON object. Fails with the code `host-answer-unfit` on anything else. */
export function readAnswer(text: string, asked: Asked): { readonly [key: string]: Json } {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (cause) {
    throw unfit(asked, `it is no JSON: ${text.slice(0, 200)}`, cause)
  }
  if (!isObject(value)) throw unfit(asked, 'it is no object')
  return value
}

/** One object with its name. */
export function readObject<T extends KubeObject>(text: string, asked: Asked): T {
  const value = readAnswer(text, asked)
  const wrong = wrongIn(value)
  if (wrong !== undefined) throw unfit(asked, wrong)
  return value as unknown as T
}

/** A page of a list. */
export function readList<T extends KubeObject>(text: string, asked: Asked): KubeList<T> {
  const { items, metadata = {} } = readAnswer(text, asked)
  // Go writes an empty list as null
  if (items !== null && !Array.isArray(items)) throw unfit(asked, 'it has no list of items')
  if (
    !isObject(metadata) ||
    !isTextOrNothing(metadata.continue) ||
    !isTextOrNothing(metadata.resourceVersion)
  )
    throw unfit(asked, 'its metadata are none of a list')
  for (const item of items ?? []) {
    const wrong = wrongIn(item as Json)
    if (wrong !== undefined) throw unfit(asked, wrong)
  }
  return { metadata, items: items ?? [] } as unknown as KubeList<T>
}

/** One event of a watch. The object of an error says what is wrong, and has no name. */
export function readEvent(text: string, asked: Asked): WatchEvent {
  const { type, object } = readAnswer(text, asked)
  if (typeof type !== 'string' || !isObject(object) || (type !== 'ERROR' && !isObject(object.metadata)))
    throw unfit(asked, 'an event in it says nothing')
  const wrong = type === 'ERROR' || type === 'BOOKMARK' ? undefined : wrongIn(object)
  if (wrong !== undefined) throw unfit(asked, wrong)
  return { type, object: object as unknown as KubeObject }
}

/** Whether a 404 is the API server's own word on an object, and not that of something between that serves other pages. */
export function saysMissing(text: string): boolean {
  try {
    const value = JSON.parse(text) as Json
    return isObject(value) && value.kind === 'Status'
  } catch {
    // a proxy between says something of its own
    return false
  }
}

/** The error for an answer that Kubernetes would not give. */
export function unfit({ what, host }: Asked, why: string, cause?: unknown): InfraError {
  return new InfraError({
    kind: 'connection',
    code: 'host-answer-unfit',
    message: `What the host cluster ${host} answered to ${what} is no answer of Kubernetes.`,
    why,
    hint: 'See what answers at that address: `kubectl get --raw /version`',
    cause,
  })
}

/** What of an object is not as every object of Kubernetes has it. */
function wrongIn(object: Json | undefined): string | undefined {
  const metadata = isObject(object) ? object.metadata : undefined
  if (!isObject(metadata)) return 'an object in it has no metadata'
  const { name, labels = {}, annotations = {} } = metadata
  // A name becomes part of an address: these could lead elsewhere
  if (typeof name !== 'string' || /^(|\.|\.\.|.*[/%].*)$/s.test(name)) return 'an object in it has no name'
  if (!isTextOrNothing(metadata.namespace)) return `the namespace of ${name} is no text`
  if (!areTexts(labels) || !areTexts(annotations)) return `labels or annotations of ${name} are no texts`
  return undefined
}

function areTexts(value: Json): boolean {
  return isObject(value) && Object.values(value).every(one => typeof one === 'string')
}

function isTextOrNothing(value: Json | undefined): boolean {
  return value === undefined || typeof value === 'string'
}

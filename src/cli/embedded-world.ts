/** What the `infra world` commands share: the embedded world of a stack, opened to look into and to tamper with. */
import { parseAddress } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import { isObject, type Json } from '../model/value.js'
import { openWorld, type World, type WorldObject } from '../providers/embedded/world.js'
import type { Session } from '../session/session.js'

/** Works on the embedded world of a stack, and closes it. */
export async function withWorld<T>(
  session: Session,
  ports: Ports,
  work: (world: World) => Promise<T>,
): Promise<T> {
  const world = await openWorld(ports.files, session.stateFolder)
  try {
    return await work(world)
  } finally {
    await world.close()
  }
}

/** The object of a resource. Fails with `not-in-world` where the world has none. */
export function objectAt(world: World, session: Session, address: string): WorldObject {
  const known = session.state?.resources[address] ?? session.stack.resources.get(address)
  const parts = parseAddress(address)
  const kind = known?.kind ?? parts?.kind ?? ''
  const object = world.find(
    kind,
    known?.name ?? parts?.name ?? '',
    session.state?.resources[address]?.identity,
  )
  if (object) return object
  throw new InfraError({
    kind: 'validation',
    code: 'not-in-world',
    address,
    message: 'the embedded world does not have it',
    hint: '`infra world ls` lists what it has.',
  })
}

/** A spec with `path=value` put in; the value is read as JSON where it is JSON. */
export function withAssignment(
  spec: { readonly [key: string]: Json },
  assignment: string,
): { readonly [key: string]: Json } {
  const at = assignment.indexOf('=')
  if (at < 1) {
    throw new InfraError({
      kind: 'configuration',
      code: 'bad-assignment',
      message: `it takes PATH=VALUE, not ${assignment}`,
      hint: 'For example: memoryGiB=8',
    })
  }
  return put(spec, assignment.slice(0, at).split('.'), readValue(assignment.slice(at + 1)))
}

function put(
  object: { readonly [key: string]: Json },
  [head = '', ...rest]: string[],
  value: Json,
): { readonly [key: string]: Json } {
  const below = object[head]
  return { ...object, [head]: rest.length === 0 ? value : put(isObject(below) ? below : {}, rest, value) }
}

/** A value as YAML's JSON writes it; what is no JSON is a text. */
function readValue(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

/** Observed attributes of embedded objects: derived from the spec, and plainly not those of a real system. */
import { type Attributes, isObject, type Json } from '../../model/value.js'
import type { Kind } from '../kind.js'
import type { WorldObject } from './world.js'

/** A value for each fact of the kind. What the spec does not tell is `embedded:<fact>`. */
export function factsOf(object: WorldObject, kind: Kind): Attributes {
  const facts: { [key: string]: Json } = {}
  for (const fact of Object.keys(kind.facts)) facts[fact] = factValue(fact, object)
  return facts
}

function factValue(fact: string, object: WorldObject): Json {
  switch (fact) {
    case 'uuid':
      return object.identity.uuid ?? ''
    case 'addresses':
      return addresses(object.spec)
    case 'state':
    case 'phase':
      return 'running'
    case 'monitors':
      return ['embedded.invalid']
    case 'disk':
      return { pool: object.spec.pool ?? '', image: object.name, monitors: ['embedded.invalid'] }
    case 'path':
      return `/embedded/${object.kind}/${object.name}`
    default:
      return object.spec[fact] ?? `embedded:${fact}`
  }
}

/** Addresses of interfaces as declared, without their prefix length. */
function addresses(spec: Attributes): readonly Json[] {
  const interfaces = spec.networkInterfaces
  if (!Array.isArray(interfaces)) return []
  return (interfaces as readonly Json[])
    .map(item => (isObject(item) ? item.ip : undefined))
    .filter((ip): ip is string => typeof ip === 'string')
    .map(ip => ip.replace(/\/.*$/, ''))
}

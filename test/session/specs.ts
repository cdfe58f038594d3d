/** Specs of any kind, drawn from its own schema: what the schema and the kind's rules refuse is taken out again. */
import fc from 'fast-check'
import { z } from 'zod'
import { type Attributes, isObject, type Json } from '../../src/model/value.js'
import type { Kind } from '../../src/providers/kind.js'

type Schema = {
  readonly type?: string
  readonly const?: Json
  readonly enum?: readonly Json[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly $ref?: string
}

/** Texts that fields of their own rules take; the schema does not tell of them. */
const pools: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(ip|addresses)$/, ['10.1.2.3/24', '192.168.7.9/16', 'fd00:1::5/64']],
  [/^(gateway)$/, ['10.1.2.1', '10.1.2.254']],
  [/^gateway6$/, ['fd00:1::1']],
  [/^(dnsServers|forwarders|start|end|listen|address)$/, ['10.1.2.50', '10.1.2.60', '127.0.0.1']],
  [/^mac$/, ['52:54:00:AA:bb:01', '52:54:00:00:00:02']],
  [/[sS]ize|maxBytes|objectSize|stripeUnit/, ['4MiB', '10GiB', '1.5TiB', '65536', '1024 KiB']],
  [/^passwordHash$/, ['$6$salt$abcdef']],
  [/^(keepFor|ttl|readinessTimeout|tokenExpiry)$/, ['90m', '2h', '1d12h']],
  [/^(userData|networkConfig)$/, ['#cloud-config\npackages: [vim]\n', '#!/bin/sh\necho "x: $HOME"\n']],
  [/^config$/, ['{"ignition":{"version":"3.3.0"}}']],
  [
    /^sshAuthorizedKeys$/,
    ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIfk7BJgDLH0RKBzg0hYz7pUqs2sJ6j1ZJw0yq2f4r0Q a@b'],
  ],
  [/^(fqdn|domain|searchDomains|names)$/, ['web.example.org', 'a.example']],
  [/^(path|source|export|file)$/, ['/srv/a b', '/srv/ü']],
]

/** Any text, hostile and not: everything that YAML, JSON and a shell take amiss. */
const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/) },
  fc.constantFrom(
    'yes',
    'null',
    '0x1F',
    '1e3',
    '~',
    ' lead',
    'a: b',
    '# c',
    "'",
    '"',
    '\\',
    'ü',
    '<&>',
    '2026-01-01',
  ),
)

/** Fields that name files which must be there when a stack is read or planned. */
const files: Readonly<Record<string, readonly string[]>> = {
  VirtualCluster: ['chart', 'valuesFiles'],
  Volume: ['source'],
}

export function specsOf(kind: Kind, base: Attributes): fc.Arbitrary<Attributes> {
  const schema = z.toJSONSchema(kind.schema, { io: 'input', unrepresentable: 'any' }) as Schema
  const properties = Object.entries(schema.properties ?? {})
  const some = properties.filter(([name]) => !files[kind.kind]?.includes(name))
  const root = { ...schema, properties: Object.fromEntries(some) }
  return drawn(root, '', 3, root).map(some => repaired(kind, base, { ...(some as Attributes), ...base }))
}

function drawn(schema: Schema, name: string, depth: number, root: Schema): fc.Arbitrary<Json> {
  if (schema.$ref !== undefined) return anyText
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(one => drawn(one, name, depth, root)))
  switch (schema.type) {
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number': {
      const low = schema.minimum ?? (schema.exclusiveMinimum ?? -1) + 1
      const high = Math.min(schema.maximum ?? 1000, Math.max(low, 1) * 1000)
      const whole = fc.integer({ min: low, max: high })
      return schema.type === 'integer' ? whole : fc.oneof(whole, fc.constant(low + 0.5))
    }
    case 'string': {
      const pool = pools.find(([pattern]) => pattern.test(name))
      if (pool) return fc.constantFrom(...pool[1])
      if (schema.pattern === undefined) return anyText
      // fast-check draws no look-ahead
      return schema.pattern.includes('(?') ? fc.constant('2h') : fc.stringMatching(new RegExp(schema.pattern))
    }
    case 'array':
      return schema.items
        ? fc.array(drawn(schema.items, name, depth - 1, root), { maxLength: 3 })
        : fc.constant([])
    case 'object': {
      const { properties, additionalProperties: more } = schema
      if (properties) {
        // Deep below, only what must be there
        const own = Object.entries(properties).filter(([key]) => depth > 0 || schema.required?.includes(key))
        const fields = Object.fromEntries(own.map(([key, one]) => [key, drawn(one, key, depth - 1, root)]))
        return fc.record(fields, { requiredKeys: [...(schema.required ?? [])] }) as fc.Arbitrary<Json>
      }
      const values = isObject(more as Json) ? drawn(more as Schema, name, depth - 1, root) : anyText
      return fc.dictionary(fc.stringMatching(/^[a-z][A-Za-z]{1,6}$/), values, {
        maxKeys: 3,
      }) as fc.Arbitrary<Json>
    }
    default:
      return anyText
  }
}

/** The spec without what is refused, down to the base, which is accepted. */
function repaired(kind: Kind, base: Attributes, spec: Attributes): Attributes {
  let now = spec
  for (let turn = 0; turn < 200; turn += 1) {
    const [wrong] = problemsOf(kind, now)
    if (!wrong) return now
    now = without(now, wrong) as Attributes
  }
  return base
}

function problemsOf(kind: Kind, spec: Attributes): (readonly PropertyKey[])[] {
  const checked = kind.schema.safeParse(spec)
  if (!checked.success)
    return checked.error.issues.map(issue =>
      issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path,
    )
  const meta = { name: 'drawn', labels: {}, annotations: {} }
  return (kind.check?.(spec, meta) ?? []).map(problem => problem.path.slice(1))
}

/** Without what is at the path, or, where that is not there, above it. */
function without(value: Json, path: readonly PropertyKey[]): Json {
  const [head, ...rest] = path
  if (Array.isArray(value)) {
    const list = value as readonly Json[]
    if (rest.length === 0 || list[Number(head)] === undefined)
      return list.filter((_, index) => index !== Number(head))
    return list.map((item, index) => (index === Number(head) ? without(item, rest) : item))
  }
  if (!isObject(value) || head === undefined) return value
  const key = String(head)
  const inner = value[key]
  const kept = Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
  if (inner === undefined) {
    // What is missing is asked for by something that is there: all of it but the first goes
    return Object.fromEntries(Object.entries(value).slice(0, -1))
  }
  if (rest.length === 0) return kept
  const less = without(inner, rest)
  return JSON.stringify(less) === JSON.stringify(inner) ? kept : { ...value, [key]: less }
}

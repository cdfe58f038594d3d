/** A configuration for Ignition, given to the guest through fw_cfg. */
import type { Attributes, Json } from '../../../model/value.js'
import { isObject } from '../../../model/value.js'
import { fields, list, present, text } from '../kinds/values.js'
import { hostNames, type SeedInput } from './cloud-init.js'

/** The configuration as JSON: host name, keys and password, and over it the document's own. */
export function renderIgnition(input: SeedInput): string {
  const spec = fields(input.spec.ignition)
  const hostname = hostNames(input.name, text(spec.fqdn))
  const keys = list(spec.sshAuthorizedKeys)
  const hash = text(spec.passwordHash)
  const user = text(spec.user) ?? 'core'
  const made: Attributes = present({
    ignition: { version: '3.3.0' },
    passwd:
      keys.length === 0 && hash === undefined
        ? undefined
        : {
            users: [
              present({
                name: user,
                sshAuthorizedKeys: keys.length === 0 ? undefined : keys,
                passwordHash: hash,
              }),
            ],
          },
    storage: {
      files: [
        {
          path: '/etc/hostname',
          mode: 0o644,
          overwrite: true,
          contents: { source: `data:,${encodeURIComponent(`${hostname.full ?? hostname.short}\n`)}` },
        },
      ],
    },
  })
  const own = text(spec.config)
  return JSON.stringify(own === undefined ? made : merged(made, JSON.parse(own) as Json))
}

/**
 * The second over the first, as Ignition merges: objects by their fields, lists of things with a name, a path or a device by
 * those; of anything else, the second counts.
 */
function merged(under: Json, over: Json): Json {
  if (Array.isArray(under) && Array.isArray(over)) return mergedLists(under, over)
  if (!isObject(under) || !isObject(over)) return over
  const result: { [key: string]: Json } = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const below = result[key]
    result[key] = below === undefined ? value : merged(below, value)
  }
  return result
}

function mergedLists(under: readonly Json[], over: readonly Json[]): Json {
  const keyOf = (item: Json): Json | undefined =>
    isObject(item) ? (item.name ?? item.path ?? item.device) : undefined
  const byKey = new Map(
    over.flatMap(item => (keyOf(item) === undefined ? [] : [[keyOf(item), item] as const])),
  )
  const kept = under.map(item => {
    const other = keyOf(item) === undefined ? undefined : byKey.get(keyOf(item))
    if (other === undefined) return item
    byKey.delete(keyOf(item))
    return merged(item, other)
  })
  return [...kept, ...over.filter(item => keyOf(item) === undefined || byKey.has(keyOf(item)))]
}

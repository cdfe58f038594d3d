/** Keys of Ceph users that infra gave to libvirt, and that nothing uses any more. */
import { ask, type Host, orAbsent } from './connection.js'
import { domainXmlFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import { parseXml } from './xml/parse.js'
import { readSecret, secretUsage } from './xml/secret.js'

/**
 * Removes the secrets that a definition names, where infra made them and no domain or pool names them. What comes back later
 * is given its key anew.
 */
export async function dropUnusedSecrets(host: Host, definition: string, signal: AbortSignal): Promise<void> {
  const uuids = new Set(
    [...definition.matchAll(/<secret\b[^>]*\buuid=['"]([0-9a-f-]{36})['"]/g)].map(match => match[1] ?? ''),
  )
  if (uuids.size === 0) return
  const users = await definitions(host, signal)
  const { lookupByUuid, xml, undefine } = procedures.secrets
  for (const uuid of uuids) {
    if (users.some(one => one.includes(uuid))) continue
    const secret = await orAbsent(ask(host, lookupByUuid, { uuid }, signal), 'NO_SECRET')
    if (secret === undefined) continue
    const text = await orAbsent(ask(host, xml, { secret, flags: 0 }, signal), 'NO_SECRET')
    // One that somebody else made is theirs
    if (text === undefined || !readSecret(parseXml(text)).usage?.startsWith(secretUsage)) continue
    await orAbsent(ask(host, undefine, { secret }, signal), 'NO_SECRET')
  }
}

/** Of all domains, running and stored, and of all pools. One that goes meanwhile uses nothing. */
async function definitions(host: Host, signal: AbortSignal): Promise<string[]> {
  const all = { needResults: 1, flags: 0 }
  const [domains, pools] = await Promise.all([
    ask(host, procedures.connect.listDomains, all, signal),
    ask(host, procedures.connect.listPools, all, signal),
  ])
  const texts = await Promise.all([
    ...domains.flatMap(domain =>
      [0, domainXmlFlags.inactive].map(flags =>
        orAbsent(ask(host, procedures.domains.xml, { domain, flags }, signal), 'NO_DOMAIN'),
      ),
    ),
    ...pools.map(pool =>
      orAbsent(ask(host, procedures.pools.xml, { pool, flags: 0 }, signal), 'NO_STORAGE_POOL'),
    ),
  ])
  return texts.filter(text => text !== undefined)
}

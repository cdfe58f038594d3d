/** Keys of Ceph users as secrets of libvirt. The key goes from its place into libvirtd and is told nowhere. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { InfraError } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import { ask, type Host, orAbsent } from './connection.js'
import { list, text } from './kinds/values.js'
import { procedures } from './rpc/procedures/index.js'
import { buildCephSecret, cephSecret } from './xml/secret.js'
import { serializeXml } from './xml/serialize.js'

/**
 * Defines the secret that a `rbd` section asks for, or sets its key anew. Returns its UUID; undefined where the section names
 * no user. A user without a key has the secret of an earlier time, or cannot be used.
 */
export async function putCephSecret(
  host: Host,
  rbd: Attributes,
  signal: AbortSignal,
): Promise<string | undefined> {
  const user = text(rbd.user)
  if (user === undefined) return undefined
  const input = cephSecret(
    user,
    list(rbd.monitors).filter(monitor => typeof monitor === 'string'),
  )
  const keyring = text(rbd.keyring)
  const key = text(rbd.key) ?? (keyring && (await keyOf(resolve(host.folder, keyring), user)))
  const { lookupByUuid, define, setValue } = procedures.secrets
  if (key === undefined) {
    const known = await orAbsent(ask(host, lookupByUuid, { uuid: input.uuid }, signal), 'NO_SECRET')
    if (known === undefined) throw noKey(user, `libvirt has no secret ${input.usage}`)
    return input.uuid
  }
  const xml = serializeXml(buildCephSecret(input))
  const secret = await ask(host, define, { xml, flags: 0 }, signal)
  await ask(host, setValue, { secret, value: Buffer.from(key, 'base64'), flags: 0 }, signal)
  return secret.uuid
}

/** The key of `[client.USER]` in a keyring. */
async function keyOf(path: string, user: string): Promise<string> {
  const keyring = await readFile(path, 'utf8').catch(error => {
    throw noKey(user, `${path} cannot be read: ${error.code ?? error.message}`)
  })
  let isUser = false
  for (const line of keyring.split('\n')) {
    const section = /^\s*\[([^\]]+)\]/.exec(line)?.[1]
    if (section !== undefined) isUser = section.trim() === `client.${user}`
    const key = /^\s*key\s*=\s*(\S+)/.exec(line)?.[1]
    if (isUser && key !== undefined) return key
  }
  throw noKey(user, `${path} has no section [client.${user}] with a key`)
}

function noKey(user: string, why: string): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'no-ceph-key',
    message: `There is no key of the Ceph user client.${user}`,
    why,
    hint: 'Say `keyring` (a file on this machine) or `key` beside `user`',
  })
}

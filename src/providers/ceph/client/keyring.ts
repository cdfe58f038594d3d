/** Where the key of the one who asks lies: a path that others can be told, as the key itself cannot. */
import { access as reach, readFile } from 'node:fs/promises'
import type { Access } from './settings.js'

/** Where Ceph's clients look where nothing is said. */
const usual =
  '/etc/ceph/$cluster.$name.keyring,/etc/ceph/$cluster.keyring,/etc/ceph/keyring,/etc/ceph/keyring.bin'

/**
 * The first keyring that is there, of those that the connection's settings, its ceph.conf, or Ceph by itself name.
 * Undefined where there is none: the cluster asks for no key, or the client runs on another machine.
 */
export async function findKeyring(access: Access): Promise<string | undefined> {
  if (access.command.length > 0) return undefined
  const said = access.keyring ?? (await fromConf(access)) ?? usual
  for (const path of said.split(/[,;\s]+/).filter(part => part !== '')) {
    const file = filled(path, access)
    // as Ceph's clients do: what may not be read is passed over
    const isThere = await reach(file).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  return undefined
}

async function fromConf(access: Access): Promise<string | undefined> {
  const conf = access.conf ?? `/etc/ceph/${access.cluster}.conf`
  // one that cannot be read keeps the client from connecting, which tells it
  const text = await readFile(conf, 'utf8').catch(() => '')
  const found = new Map<string, string>()
  let section = 'global'
  for (const line of text.split('\n')) {
    const head = /^\s*\[([^\]]+)\]/.exec(line)?.[1]
    if (head !== undefined) section = head.trim()
    const value = /^\s*keyring\s*=\s*(.+?)\s*$/.exec(line)?.[1]
    if (value !== undefined) found.set(section, value)
  }
  return found.get(access.name) ?? found.get('client') ?? found.get('global')
}

/** Ceph's own words in paths: `$cluster`, `$name`, `$type`, `$id`. */
function filled(path: string, { cluster, name }: Access): string {
  const words: Readonly<Record<string, string>> = {
    cluster,
    name,
    type: name.split('.')[0] ?? '',
    id: name.slice(name.indexOf('.') + 1),
  }
  return path.replace(/\$(?:\{(\w+)\}|(cluster|name|type|id))/g, (whole, braced?: string, bare?: string) => {
    return words[braced ?? bare ?? ''] ?? whole
  })
}

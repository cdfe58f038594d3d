/** The file with a machine's UEFI variables. */
import { basename, dirname } from 'node:path'
import { ask, type Host } from '../connection.js'
import { readFile } from '../folder-pool.js'
import { domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Domain } from '../rpc/types.js'
import { readDomain } from '../xml/domain-read.js'
import { parseXml } from '../xml/parse.js'

/** Where libvirt keeps them where nobody chose. */
export const nvramFolder = '/var/lib/libvirt/qemu/nvram'

/** Undefined where the machine has none, or has never been started. */
export async function findNvramFile(
  host: Host,
  domain: Domain,
  signal: AbortSignal,
): Promise<string | undefined> {
  const readings = await Promise.all(
    [domainXmlFlags.inactive, 0].map(async flags =>
      readDomain(parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))),
    ),
  )
  if (!readings.some(one => one.spec.firmware === 'uefi')) return undefined
  const known = readings.find(one => one.nvram !== undefined)?.nvram
  const usual = ['fd', 'qcow2'].map(ending => `${nvramFolder}/${domain.name}_VARS.${ending}`)
  for (const path of known === undefined ? usual : [known]) {
    if ((await readFile(host, dirname(path), basename(path), signal)) !== undefined) return path
  }
  return undefined
}

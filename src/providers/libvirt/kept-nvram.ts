/** UEFI variables of a machine that is deleted: libvirt removes their file with the machine, so a copy is put away first. */
import { basename, dirname } from 'node:path'
import type { DeleteRequest } from '../provider.js'
import { ask, findPool, type Host } from './connection.js'
import { readFile } from './folder-pool.js'
import type { MachineToken } from './machine-token.js'
import { folderOf } from './own-volumes.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'
import { putVolume } from './storage.js'
import { trashName } from './trash.js'
import { type DomainReading, readDomain } from './xml/domain-read.js'
import { parseXml } from './xml/parse.js'

/** Where libvirt keeps the UEFI variables of machines for which it chooses the firmware. */
const nvramFolder = '/var/lib/libvirt/qemu/nvram'

/** The file with the machine's UEFI variables. Until it has been started once there is none, and where libvirt chose the place only a running machine's XML tells it. */
export async function findNvram(
  host: Host,
  domain: Domain,
  reading: DomainReading,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (reading.spec.firmware !== 'uefi') return undefined
  const live = readDomain(parseXml(await ask(host, procedures.domains.xml, { domain, flags: 0 }, signal)))
  const known = reading.nvram ?? live.nvram
  const usual = ['fd', 'qcow2'].map(ending => `${nvramFolder}/${domain.name}_VARS.${ending}`)
  for (const path of known === undefined ? usual : [known]) {
    if ((await readFile(host, dirname(path), basename(path), signal)) !== undefined) return path
  }
  return undefined
}

/** Copies the UEFI variables into the pool's trash: the next machine of this name gets the same file. */
export async function keepNvram(
  host: Host,
  token: MachineToken,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { nvram } = token
  const pool = nvram && (await findPool(host, nvram.pool, signal))
  const bytes = await readFile(host, dirname(path), basename(path), signal)
  if (pool !== undefined && bytes !== undefined)
    await putVolume(host, pool, nvram?.volume ?? '', bytes, signal)
}

/** Where the copy will be, for the token of the delete. */
export async function nvramToken(
  host: Host,
  request: DeleteRequest,
  path: string,
  pool: string,
  signal: AbortSignal,
): Promise<NonNullable<MachineToken['nvram']>> {
  const volume = trashName(request.trash, `${request.name}_nvram`)
  const folder = await folderOf(host, pool, signal)
  return { path, pool, volume, ...(folder !== undefined && { file: `${folder}/${volume}` }) }
}

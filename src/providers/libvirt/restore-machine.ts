/** Bringing back a deleted machine: the same UUID, MAC addresses, UEFI variables and disks, byte for byte. */
import { basename, dirname } from 'node:path'
import { InfraError } from '../../model/error.js'
import type { Call, CreateRequest } from '../provider.js'
import { ask, findPool, findVolume, type Host } from './connection.js'
import { readFile, writeFile } from './folder-pool.js'
import { findParts, machineInput } from './machine-input.js'
import type { MachineToken } from './machine-token.js'
import { type Restoring, readProgress, setProgress, withProgress } from './progress.js'
import { domainXmlFlags, snapshotFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'
import { deleteVolume, volumeBytes } from './storage.js'
import { bringBack, trashOf } from './trash.js'
import { editDomain } from './xml/domain-edit.js'
import { readMetadata } from './xml/metadata.js'
import { parseXml } from './xml/parse.js'
import { serializeXml } from './xml/serialize.js'

/** Brings it back up to being started. Fails with `trash-empty` where something that was kept is gone. */
export async function restoreMachine(
  host: Host,
  request: CreateRequest,
  token: MachineToken,
  there: Domain | undefined,
  call: Call,
): Promise<void> {
  const { signal } = call
  if (there !== undefined) {
    const xml = await ask(
      host,
      procedures.domains.xml,
      { domain: there, flags: domainXmlFlags.inactive },
      signal,
    )
    // without the mark it is whole: an earlier try got so far
    if (readProgress(parseXml(xml)) === undefined) return
  }
  call.progress('brings back its disks')
  const stored = parseXml(token.xml)
  const parts = await findParts(host, request.spec, signal)
  const input = machineInput(request, token.uuid, parts, readMetadata(stored).seed)
  const xml = serializeXml(withProgress(editDomain(stored, input), 'restoring', restoringOf(token)))
  const domain = await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
  await bringBack(host, token.volumes, signal)
  await checkVolumes(host, token, signal)
  await restoreNvram(host, token, signal)
  for (const snapshot of token.snapshots) {
    const args = { domain, xml: snapshot, flags: snapshotFlags.redefine }
    await ask(host, procedures.snapshots.create, args, signal)
  }
  await setProgress(host, domain, undefined, signal)
}

/** All of it must be back; a machine with a disk missing would be another machine. */
async function checkVolumes(host: Host, token: MachineToken, signal: AbortSignal): Promise<void> {
  const lost = await Promise.all(
    token.volumes.map(async ({ pool, name }) => {
      const found = await findPool(host, pool, signal)
      return found && (await findVolume(host, found, name, signal)) ? [] : [`${pool}:${name}`]
    }),
  )
  const names = lost.flat()
  if (names.length === 0) return
  throw new InfraError({
    kind: 'storage',
    code: 'trash-empty',
    message: `What was kept of the machine ${token.name} is gone: ${names.join(', ')}`,
    hint: 'A checkpoint can be rolled back to only until it is pruned, and while nobody clears the pool by hand',
  })
}

/** What finds the rest again should this be cut off. */
function restoringOf({ volumes, nvram }: MachineToken): Restoring | undefined {
  const kept = volumes[0]?.trash ?? nvram?.volume
  return kept === undefined ? undefined : { trash: trashOf(kept), ...(nvram && { nvram: nvram.path }) }
}

export async function restoreNvram(
  host: Host,
  token: Pick<MachineToken, 'name' | 'nvram'>,
  signal: AbortSignal,
): Promise<void> {
  const { nvram } = token
  if (nvram === undefined) return
  const pool = await findPool(host, nvram.pool, signal)
  const kept = pool && (await findVolume(host, pool, nvram.volume, signal))
  const [folder, name] = [dirname(nvram.path), basename(nvram.path)]
  if (kept === undefined) {
    if ((await readFile(host, folder, name, signal)) === undefined) {
      throw new InfraError({
        kind: 'storage',
        code: 'trash-empty',
        message: `What was kept of the UEFI variables of ${token.name} is gone`,
        hint: 'A checkpoint can be rolled back to only until it is pruned',
      })
    }
    return
  }
  await writeFile(host, folder, name, await volumeBytes(host, kept, signal), signal)
  await deleteVolume(host, kept, signal)
}

/** Destroying what the delete of a machine kept. */
import { ask, findPool, findVolume, type Host, orAbsent } from './connection.js'
import type { MachineToken } from './machine-token.js'
import { undefineFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import { deleteVolume } from './storage.js'
import { empty } from './trash.js'
import { dropUnusedSecrets } from './unused-secrets.js'

/** Destroys what a delete kept: disks, UEFI variables, and the TPM's state under its UUID. */
export async function discardMachine(host: Host, token: MachineToken, signal: AbortSignal): Promise<void> {
  const { nvram } = token
  await empty(host, token.volumes, signal)
  if (nvram !== undefined) {
    const pool = await findPool(host, nvram.pool, signal)
    const volume = pool && (await findVolume(host, pool, nvram.volume, signal))
    if (volume !== undefined) await deleteVolume(host, volume, signal)
    else if (nvram.file !== undefined) await host.files.remove(nvram.file, signal)
  }
  if (token.tpm) await discardTpm(host, token, signal)
  await dropUnusedSecrets(host, token.xml, signal)
}

/** libvirt keeps a TPM's state under the UUID of its domain, and removes it only with a domain that has one. */
async function discardTpm(host: Host, token: MachineToken, signal: AbortSignal): Promise<void> {
  const there = await orAbsent(
    ask(host, procedures.domains.lookupByUuid, { uuid: token.uuid }, signal),
    'NO_DOMAIN',
  )
  if (there !== undefined || host.version < 8_009_000) return
  const xml = `<domain type='qemu'><name>infra-discard-${token.uuid}</name><uuid>${token.uuid}</uuid><memory>65536</memory><os><type>hvm</type></os><devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices></domain>`
  const domain = await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
  await ask(host, procedures.domains.undefine, { domain, flags: undefineFlags.tpm }, signal)
}

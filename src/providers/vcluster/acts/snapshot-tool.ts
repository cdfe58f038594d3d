/** The vcluster tool, as far as snapshots need it. */
import { execa } from 'execa'
import { InfraError } from '../../../model/error.js'
import type { Session } from '../session.js'
import type { Found } from '../snapshot.js'

/** Addresses that vCluster takes. */
const addresses = /^(oci:\/\/|s3:\/\/|container:\/\/\/|https:\/\/)\S+$/
/** How long a snapshot or a restore may take, milliseconds. */
export const patience = 600_000

/** A call of the vcluster tool against the host. It takes credentials of registries and buckets from its environment. */
export async function tool(
  session: Session,
  found: Found,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const run = await execa(
    session.vcluster,
    [...args, '--namespace', found.namespace, '--context', session.host.context],
    {
      reject: false,
      // The tool refuses a folder whose name holds its own.
      cwd: '/',
      env: { KUBECONFIG: session.host.kubeconfig },
      stdin: 'ignore',
      all: true,
      timeout: patience,
      cancelSignal: signal,
    },
  )
  signal.throwIfAborted()
  if (run.code === 'ENOENT')
    throw new InfraError({
      kind: 'configuration',
      code: 'vcluster-missing',
      message: `Backups need the vcluster tool, and there is none: ${session.vcluster}.`,
      hint: 'get it from https://www.vcluster.com/docs, or name the file in the connection: settings.vcluster',
    })
  const words = plain(run.all ?? '')
  if (run.failed)
    throw new InfraError({
      kind: 'operation',
      code: 'vcluster-failed',
      message: `vcluster ${args[0]} failed for ${found.name}.`,
      why:
        words
          .split('\n')
          .filter(line => /fatal|error/i.test(line))
          .slice(-3)
          .join('\n') || words.slice(-500),
    })
  return words
}

/** A secret in an address: journals, errors and lists of processes would tell it. */
const secretInAddress = /:\/\/[^/?#]*:[^/?#]*@|[?&][^=&]*(sig|secret|password|token)[^=&]*=/i

/** Fails with `backup-address` for what vCluster cannot write to, and for what holds a secret. */
export function checkAddress(address: string): void {
  if (secretInAddress.test(address))
    throw new InfraError({
      kind: 'configuration',
      code: 'backup-address',
      message: `The address ${address.replace(/[?#].*$/, '').replace(/:\/\/.*@/, '://')} of a backup holds a secret.`,
      hint: 'Leave it out: vcluster takes credentials of registries and buckets from its environment.',
    })
  if (addresses.test(address)) return
  throw new InfraError({
    kind: 'configuration',
    code: 'backup-address',
    message: `${address} is no place for a backup.`,
    hint: 'oci://REGISTRY/IMAGE:TAG, s3://BUCKET/KEY, container:///data/FILE.tar.gz, or the https address of an Azure blob',
  })
}

/** Without the colours of a terminal. */
function plain(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
}

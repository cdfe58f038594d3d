/** Backups by vCluster's own snapshots: to a registry, a bucket, or the volume of the cluster; each read back. */
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { Exec } from '@kubernetes/client-node'
import { execa } from 'execa'
import { InfraError } from '../../../model/error.js'
import type { KubeObject } from '../client/objects.js'
import { paths } from '../client/paths.js'
import { waitReady } from '../ready.js'
import type { Session } from '../session.js'
import type { Found } from '../snapshot.js'
import { entriesOfTar } from '../tar.js'
import { isReady } from '../trouble.js'
import type { ClusterChoice } from './connect.js'
import { findCluster } from './find.js'

/** Addresses that vCluster takes. */
const addresses = /^(oci:\/\/|s3:\/\/|container:\/\/\/|https:\/\/)\S+$/
const patience = 600_000

interface RequestMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

export interface BackupAnswer {
  readonly address: string
  /** How it was read back. */
  readonly verified: string
}

/** Makes a snapshot and waits for it. Resolves once it was read back. */
export async function backupCluster(
  session: Session,
  choice: ClusterChoice,
  address: string,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<BackupAnswer> {
  checkAddress(address)
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  const before = new Set((await requestsOf(session, found, signal)).map(request => request.metadata.name))
  await tool(session, found, ['snapshot', 'create', found.name, address], signal)
  for (let waited = 0; ; waited += 1_000) {
    const request = (await requestsOf(session, found, signal)).find(one => !before.has(one.metadata.name))
    const status = statusOf(request)
    if (status.phase === 'Completed') break
    if (status.phase === 'Failed' || status.phase === 'PartiallyFailed')
      throw new InfraError({
        kind: 'operation',
        code: 'backup-failed',
        message: `The backup of ${found.name} failed.`,
        why: status.error ?? 'vCluster does not say why; see infra cluster logs',
      })
    if (waited > patience)
      throw new InfraError({
        kind: 'operation',
        code: 'backup-stuck',
        message: `The backup of ${found.name} is not done after ${patience / 60_000} minutes.`,
        why: `its phase is ${status.phase ?? 'unknown'}`,
      })
    progress(`backup: ${status.phase ?? 'asked for'}`)
    await session.ports.clock.sleep(1_000, signal)
  }
  return { address, verified: await readBack(session, found, address, signal) }
}

/** Puts a snapshot back: the objects in the cluster become those of the snapshot. Resolves once it is ready and answers. */
export async function restoreCluster(
  session: Session,
  choice: ClusterChoice,
  address: string,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  checkAddress(address)
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  // A snapshot that cannot be read is found out before the cluster is stopped.
  await readBack(session, found, address, signal)
  progress('restoring')
  await tool(session, found, ['restore', found.name, address, '--driver', 'helm'], signal)
  await waitReady(session, { spec: choice.spec ?? {} }, found, progress, signal)
}

/** One in the cluster's own volume is fetched and unpacked; for any other vCluster's own reading counts. */
async function readBack(
  session: Session,
  found: Found,
  address: string,
  signal: AbortSignal,
): Promise<string> {
  if (!address.startsWith('container://')) {
    const words = await tool(session, found, ['snapshot', 'get', found.name, address], signal)
    if (/no snapshot found/i.test(words)) throw unread(address, words.trim().split('\n').at(-1) ?? '')
    return 'vcluster reads it'
  }
  const pod = found.pods.find(isReady)?.metadata.name
  if (pod === undefined) throw unread(address, 'no pod is ready to read it')
  const packed = await fileOf(session, found.namespace, pod, address.slice('container://'.length), signal)
  let entries: number
  try {
    entries = entriesOfTar(gunzipSync(packed)).length
  } catch (error) {
    throw unread(address, error instanceof Error ? error.message : String(error))
  }
  if (entries === 0) throw unread(address, 'it is empty')
  return `${packed.length} bytes, ${entries} entries`
}

/** The file's bytes, through the host's API. */
async function fileOf(
  session: Session,
  namespace: string,
  pod: string,
  path: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const out = new PassThrough()
  const errors = new PassThrough()
  const words = buffer(errors)
  const bytes = buffer(out)
  const status = await new Promise<{ readonly status?: string; readonly message?: string }>(
    (resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      new Exec(session.host.config)
        .exec(namespace, pod, 'syncer', ['cat', path], out, errors, null, false, resolve)
        .catch(reject)
    },
  )
  out.end()
  errors.end()
  if (status.status !== 'Success')
    throw unread(`container://${path}`, (await words).toString('utf8').trim() || (status.message ?? ''))
  return bytes
}

async function requestsOf(
  session: Session,
  found: Found,
  signal: AbortSignal,
): Promise<readonly RequestMap[]> {
  return session.host.list<RequestMap>(
    paths.configMaps(found.namespace),
    { labelSelector: `vcluster.loft.sh/snapshot-request,vcluster.loft.sh/vcluster-name=${found.name}` },
    signal,
  )
}

function statusOf(request: RequestMap | undefined): { readonly phase?: string; readonly error?: string } {
  try {
    const value = JSON.parse(request?.data?.snapshotRequest ?? '{}') as {
      status?: { phase?: string; error?: { message?: string } }
    }
    const { phase, error } = value.status ?? {}
    return {
      ...(phase !== undefined && { phase }),
      ...(error?.message !== undefined && { error: error.message }),
    }
  } catch {
    return {}
  }
}

/** A call of the vcluster tool against the host. It takes credentials of registries and buckets from its environment. */
async function tool(
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

/** Without the colours of a terminal. */
function plain(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
}

function checkAddress(address: string): void {
  if (addresses.test(address)) return
  throw new InfraError({
    kind: 'configuration',
    code: 'backup-address',
    message: `${address} is no place for a backup.`,
    hint: 'oci://REGISTRY/IMAGE:TAG, s3://BUCKET/KEY, container:///data/FILE.tar.gz, or the https address of an Azure blob',
  })
}

function unread(address: string, why: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'backup-unreadable',
    message: `The backup ${address} cannot be read back.`,
    why,
  })
}

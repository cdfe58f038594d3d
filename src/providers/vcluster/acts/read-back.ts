/** Reading a backup back: the proof that it is one. */
import { gunzipSync } from 'node:zlib'
import { InfraError } from '../../../model/error.js'
import type { Session } from '../session.js'
import type { Found } from '../snapshot.js'
import { entriesOfTar } from '../tar.js'
import { isReady } from '../trouble.js'
import { tool } from './snapshot-tool.js'
import { runInSyncer } from './syncer.js'

/**
 * One in the cluster's own volume is fetched and unpacked; for any other vCluster's own reading counts. Resolves to how it was
 * read, in words; fails with `backup-unreadable`.
 */
export async function readBack(
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
  const { bytes, failure } = await runInSyncer(session, { namespace, pod }, ['cat', path], signal)
  if (failure !== undefined) throw unread(`container://${path}`, failure)
  return bytes
}

function unread(address: string, why: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'backup-unreadable',
    message: `The backup ${address} cannot be read back.`,
    why,
  })
}

/** Volumes' bytes and consoles, over libvirt's streams: the same whether libvirtd is local or not. */
import { InfraError } from '../../../model/error.js'
import type { Channel, Chunk } from './channel.js'
import type { Client } from './client.js'
import { consoleForce, sparse } from './flags.js'
import { procedures } from './procedures/index.js'
import type { Domain, Volume } from './types.js'

export interface TransferOptions {
  readonly signal: AbortSignal
  /** Told how many bytes (holes included) have gone by. */
  progress?(bytes: number): void
}

function sizeOf(chunk: Chunk): number {
  return chunk instanceof Uint8Array ? chunk.length : chunk.hole
}

/**
 * Fills a volume from its start. Returns once libvirt says that all has been written. `length` is how many bytes it may take:
 * libvirt itself lets a volume that is a file grow without a limit.
 */
export async function uploadVolume(
  client: Client,
  volume: Volume,
  source: AsyncIterable<Chunk>,
  options: TransferOptions & { readonly length: number },
): Promise<void> {
  const args = { volume, offset: 0, length: options.length, flags: sparse }
  const stream = await client.stream(procedures.volumes.upload, args, options)
  try {
    let bytes = 0
    for await (const chunk of source) {
      options.signal.throwIfAborted()
      await stream.channel.write(chunk)
      bytes += sizeOf(chunk)
      options.progress?.(bytes)
    }
    await stream.channel.finish()
  } catch (error) {
    options.signal.throwIfAborted()
    throw error
  } finally {
    stream.close()
  }
}

/** A volume's bytes from its start, holes told apart. Throws if they end early. */
export async function* downloadVolume(
  client: Client,
  volume: Volume,
  options: TransferOptions,
): AsyncGenerator<Chunk, void, void> {
  const args = { volume, offset: 0, length: 0, flags: sparse }
  const stream = await client.stream(procedures.volumes.download, args, options)
  try {
    let bytes = 0
    for await (const chunk of stream.channel.read()) {
      yield chunk
      bytes += sizeOf(chunk)
      options.progress?.(bytes)
    }
    await stream.channel.finish()
  } catch (error) {
    options.signal.throwIfAborted()
    throw error
  } finally {
    stream.close()
  }
}

/** A domain's console, or that of the named device. Taken over from whoever has it if `force`. */
export async function openConsole(
  client: Client,
  domain: Domain,
  options: { readonly signal: AbortSignal; readonly device?: string; readonly force?: boolean },
): Promise<{ readonly channel: Channel; close(): void }> {
  const args = { domain, device: options.device, flags: options.force === true ? consoleForce : 0 }
  try {
    return await client.stream(procedures.domains.console, args, { signal: options.signal })
  } catch (error) {
    if (!(error instanceof InfraError)) throw error
    throw new InfraError({
      ...error.details(),
      message: `The console of ${domain.name} cannot be opened`,
      cause: error,
    })
  }
}

/** Hosts for acts: each connection opened as the provider opens its own. One that is down does not hide the others. */
import { join, resolve } from 'node:path'
import { InfraError } from '../../../model/error.js'
import type { Ports } from '../../../model/ports.js'
import type { Connection } from '../../provider.js'
import type { Host } from '../connection.js'
import { text } from '../kinds/values.js'
import { openHost } from '../open-host.js'

/** A host by the name of its connection. */
export interface NamedHost {
  readonly name: string
  readonly host: Host
}

export interface Hosts {
  readonly open: readonly NamedHost[]
  /** Connections that could not be opened, with why. */
  readonly down: readonly { readonly name: string; readonly error: InfraError }[]
  close(): Promise<void>
}

/** Opens all connections at once. Fails only for settings that are wrong, never for a host that is out of reach. */
export async function openHosts(
  connections: readonly Connection[],
  ports: Ports,
  signal: AbortSignal,
): Promise<Hosts> {
  const tried = await Promise.all(
    connections.map(async connection => {
      const { name } = connection
      try {
        return { name, host: await openOne(connection, ports, signal) }
      } catch (error) {
        if (error instanceof InfraError && error.kind === 'connection') return { name, error }
        throw error
      }
    }),
  )
  const open = tried.flatMap(one => ('host' in one ? [one] : [])) as readonly NamedHost[]
  return {
    open,
    down: tried.flatMap(one => ('error' in one && one.error ? [{ name: one.name, error: one.error }] : [])),
    close: async () => {
      await Promise.all(open.map(one => one.host.client.close()))
    },
  }
}

function openOne(
  { settings, folder, stateFolder }: Connection,
  ports: Ports,
  signal: AbortSignal,
): Promise<Host> {
  const cache = text(settings.imageCache)
  return openHost(
    {
      uri: text(settings.uri) ?? 'qemu:///system',
      folder,
      imageCache: cache === undefined ? join(stateFolder, 'images') : resolve(folder, cache),
    },
    ports,
    signal,
  )
}

/** One libvirt as the provider works with it: its client, what kind of place it is, and lookups where absent is a value. */
import type { Ports } from '../../model/ports.js'
import type { FolderPools } from './folder-pool.js'
import type { HostFiles } from './host-files.js'
import type { ImageCache } from './image/cache.js'
import type { KeptMachines } from './kept-machines.js'
import type { Refresher } from './refresh.js'
import type { Client } from './rpc/client.js'
import { isLibvirt, type LibvirtCode } from './rpc/errors.js'
import type { Procedure } from './rpc/procedure.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain, Network, Pool, Volume } from './rpc/types.js'
import type { Turns } from './turns.js'
import type { Usage } from './usage.js'

export interface Host {
  readonly client: Client
  readonly ports: Ports
  readonly files: HostFiles
  readonly refresher: Refresher
  readonly folders: FolderPools
  readonly usage: Usage
  readonly turns: Turns
  readonly images: ImageCache
  readonly machines: KeptMachines
  /** The stack's folder, which relative paths on this machine start from. */
  readonly folder: string
  /** libvirt's version as it writes it: 9,000,000 is 9.0.0. */
  readonly version: number
}

/** The answer, or undefined where libvirt says, by its number, that there is no such thing. */
export async function orAbsent<T>(
  promise: Promise<T>,
  ...codes: readonly LibvirtCode[]
): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (isLibvirt(error, ...codes)) return undefined
    throw error
  }
}

/** A call with the signal of the verb it belongs to. */
export function ask<A, R>(host: Host, procedure: Procedure<A, R>, args: A, signal: AbortSignal): Promise<R> {
  return host.client.call(procedure, args, { signal })
}

/** Undefined where there is no pool of that name. */
export function findPool(host: Host, name: string, signal: AbortSignal): Promise<Pool | undefined> {
  return orAbsent(ask(host, procedures.pools.lookupByName, { name }, signal), 'NO_STORAGE_POOL')
}

/**
 * Undefined where libvirt knows no volume of that name in the pool: a file put there by hand is known only after a refresh.
 */
export function findVolume(
  host: Host,
  pool: Pool,
  name: string,
  signal: AbortSignal,
): Promise<Volume | undefined> {
  return orAbsent(ask(host, procedures.volumes.lookupByName, { pool, name }, signal), 'NO_STORAGE_VOL')
}

/** By its UUID where that is known and there, else by its name. */
export async function findDomain(
  host: Host,
  target: { readonly name: string; readonly uuid?: string | undefined },
  signal: AbortSignal,
): Promise<Domain | undefined> {
  const { name, uuid } = target
  const known =
    uuid === undefined
      ? undefined
      : await orAbsent(ask(host, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
  return known ?? orAbsent(ask(host, procedures.domains.lookupByName, { name }, signal), 'NO_DOMAIN')
}

/** By its UUID where that is known and there, else by its name. */
export async function findNetwork(
  host: Host,
  target: { readonly name: string; readonly uuid?: string | undefined },
  signal: AbortSignal,
): Promise<Network | undefined> {
  const { name, uuid } = target
  const known =
    uuid === undefined
      ? undefined
      : await orAbsent(ask(host, procedures.networks.lookupByUuid, { uuid }, signal), 'NO_NETWORK')
  return known ?? orAbsent(ask(host, procedures.networks.lookupByName, { name }, signal), 'NO_NETWORK')
}

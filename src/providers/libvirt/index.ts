/** The libvirt provider: virtual machines and what they are made of, on a host's libvirtd, local or by ssh. */
import { join, resolve } from 'node:path'
import { InfraError } from '../../model/error.js'
import type { Json } from '../../model/value.js'
import type {
  Call,
  CreateRequest,
  DeleteRequest,
  Provider,
  ProviderType,
  UpdateRequest,
} from '../provider.js'
import type { Host } from './connection.js'
import { createMachine } from './create-machine.js'
import { deleteMachine } from './delete-machine.js'
import { discardMachine } from './discard-machine.js'
import { libvirtKinds } from './kinds/index.js'
import { isMachineToken } from './machine-token.js'
import { missingStorage } from './missing-storage.js'
import { createNetwork, deleteNetwork, updateNetwork } from './networks.js'
import { observeAll } from './observe.js'
import { openHost } from './open-host.js'
import { missingPlugs } from './plugs.js'
import { createPool, deletePool, updatePool } from './pools.js'
import { libvirtSettings } from './settings.js'
import { createSnapshot, deleteSnapshot, updateSnapshot } from './snapshots.js'
import { listUnmanaged } from './unmanaged.js'
import { updateMachine } from './update-machine.js'
import { createStored, deleteStored, discardStored, updateStored } from './volumes.js'
import { watchHost } from './watch.js'

/** libvirtd serves five calls of a client at once; more changes than a few beyond that only wait in its queue. */
const defaultParallelism = 8

export const libvirtType: ProviderType = {
  type: 'libvirt',
  summary: 'Virtual machines, storage pools, images, volumes and networks of libvirt.',
  kinds: libvirtKinds,
  settings: libvirtSettings,
  async open(connection, ports, signal) {
    const settings = libvirtSettings.parse(connection.settings)
    const uri = settings.uri ?? 'qemu:///system'
    const host = await openHost(
      {
        uri,
        folder: connection.folder,
        imageCache:
          settings.imageCache === undefined
            ? join(connection.stateFolder, 'images')
            : resolve(connection.folder, settings.imageCache),
        keeper: connection.keeper,
      },
      ports,
      signal,
    )
    return provider(host, uri, settings.parallelism ?? defaultParallelism)
  },
}

interface Verbs {
  create(host: Host, request: CreateRequest, call: Call): Promise<void>
  update(host: Host, request: UpdateRequest, call: Call): Promise<void>
  delete(host: Host, request: DeleteRequest, call: Call): Promise<void>
}

const stored: Verbs = { create: createStored, update: updateStored, delete: deleteStored }

const verbs: Readonly<Record<string, Verbs>> = {
  VirtualMachine: { create: createMachine, update: updateMachine, delete: deleteMachine },
  StoragePool: { create: createPool, update: updatePool, delete: deletePool },
  Network: { create: createNetwork, update: updateNetwork, delete: deleteNetwork },
  Snapshot: { create: createSnapshot, update: updateSnapshot, delete: deleteSnapshot },
  Volume: stored,
  Image: stored,
}

function verbsOf(kind: string): Verbs {
  const found = verbs[kind]
  if (found !== undefined) return found
  throw new InfraError({
    kind: 'configuration',
    code: 'unserved-kind',
    message: `The libvirt provider does not serve the kind ${kind}`,
  })
}

function provider(host: Host, uri: string, parallelism: number): Provider {
  return {
    type: 'libvirt',
    description: `libvirt ${dotted(host.version)} at ${uri}`,
    parallelism,
    observe: (targets, signal) => observeAll(host, targets, signal),
    create: (request, call) =>
      told(request.address, newUse(host, verbsOf(request.kind).create(host, request, call))),
    update: (request, call) =>
      told(request.address, newUse(host, verbsOf(request.kind).update(host, request, call))),
    delete: (request, call) => told(request.address, verbsOf(request.kind).delete(host, request, call)),
    discard: (token, signal) => discard(host, token, signal),
    unmanaged: (targets, signal) => listUnmanaged(host, targets, signal),
    lacks: async (targets, all, signal) => {
      const found = await Promise.all([
        missingPlugs(host, targets, all, signal),
        missingStorage(host, targets, all, signal),
      ])
      return found.flat()
    },
    watch: signal => watchHost(host, signal),
    close: async () => {
      await Promise.all([host.machines.keepAdded(), host.client.close()])
    },
  }
}

async function discard(host: Host, token: Json, signal: AbortSignal): Promise<void> {
  if (isMachineToken(token)) await discardMachine(host, token, signal)
  else await discardStored(host, token, signal)
}

/** What makes or changes things may have begun to use a volume, whether it failed or not. */
async function newUse(host: Host, work: Promise<void>): Promise<void> {
  try {
    await work
  } finally {
    host.usage.forget()
  }
}

/** An error names the resource that it is about. */
async function told(address: string, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    throw error instanceof InfraError && error.address === undefined ? error.at(address) : error
  }
}

function dotted(version: number): string {
  return `${Math.floor(version / 1e6)}.${Math.floor(version / 1e3) % 1e3}.${version % 1e3}`
}

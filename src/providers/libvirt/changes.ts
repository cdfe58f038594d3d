/** What makes, changes and removes each kind. Loaded when something is to be changed: a plan without changes only reads. */
import { InfraError } from '../../model/error.js'
import type { Json } from '../../model/value.js'
import type { Call, CreateRequest, DeleteRequest, Target, UpdateRequest, Wanted } from '../provider.js'
import type { Host } from './connection.js'
import { createMachine } from './create-machine.js'
import { deleteMachine } from './delete-machine.js'
import { discardMachine } from './discard-machine.js'
import { isMachineToken } from './machine-token.js'
import { missingStorage } from './missing-storage.js'
import { createNetwork, deleteNetwork, updateNetwork } from './networks.js'
import { missingPlugs } from './plugs.js'
import { createPool, deletePool, updatePool } from './pools.js'
import { createSnapshot, deleteSnapshot, updateSnapshot } from './snapshots.js'
import { updateMachine } from './update-machine.js'
import { createStored, deleteStored, discardStored, updateStored } from './volumes.js'

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

export function create(host: Host, request: CreateRequest, call: Call): Promise<void> {
  return told(request.address, newUse(host, verbsOf(request.kind).create(host, request, call)))
}

export function update(host: Host, request: UpdateRequest, call: Call): Promise<void> {
  return told(request.address, newUse(host, verbsOf(request.kind).update(host, request, call)))
}

export function remove(host: Host, request: DeleteRequest, call: Call): Promise<void> {
  return told(request.address, verbsOf(request.kind).delete(host, request, call))
}

export async function discard(host: Host, token: Json, signal: AbortSignal): Promise<void> {
  if (isMachineToken(token)) await discardMachine(host, token, signal)
  else await discardStored(host, token, signal)
}

/** See `Provider.lacks`. */
export async function lacks(
  host: Host,
  targets: readonly Wanted[],
  all: readonly Target[],
  signal: AbortSignal,
): Promise<readonly InfraError[]> {
  const found = await Promise.all([
    missingPlugs(host, targets, all, signal),
    missingStorage(host, targets, all, signal),
  ])
  return found.flat()
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

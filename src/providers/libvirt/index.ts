/** The libvirt provider: virtual machines and what they are made of, on a host's libvirtd, local or by ssh. */
import { join, resolve } from 'node:path'
import type { Provider, ProviderType } from '../provider.js'
import type { Host } from './connection.js'
import { libvirtKinds } from './kinds/index.js'
import { observeAll } from './observe.js'
import { openHost } from './open-host.js'
import { libvirtSettings } from './settings.js'
import { listUnmanaged } from './unmanaged.js'
import { watchHost } from './watch.js'

/**
 * libvirtd serves five calls of a client at once. Most of what a change takes are short calls one after the other, so that it
 * takes three times as many changes to keep it busy; more only wait in its queue.
 */
const defaultParallelism = 16
/** Each transfer is a connection of its own: OpenSSH’s server refuses some where more than ten are not logged in yet. */
const sshParallelism = 8

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
    const parallelism = host.client.uri.transport === 'ssh' ? sshParallelism : defaultParallelism
    return provider(host, uri, settings.parallelism ?? parallelism)
  },
}

const changes = () => import('./changes.js')

function provider(host: Host, uri: string, parallelism: number): Provider {
  return {
    type: 'libvirt',
    description: `libvirt ${dotted(host.version)} at ${uri}`,
    parallelism,
    observe: (targets, signal) => observeAll(host, targets, signal, parallelism),
    create: async (request, call) => (await changes()).create(host, request, call),
    update: async (request, call) => (await changes()).update(host, request, call),
    delete: async (request, call) => (await changes()).remove(host, request, call),
    discard: async (token, signal) => (await changes()).discard(host, token, signal),
    unmanaged: (targets, signal) => listUnmanaged(host, targets, signal),
    lacks: async (targets, all, signal) => (await changes()).lacks(host, targets, all, signal),
    watch: signal => watchHost(host, signal),
    close: async () => {
      await Promise.all([host.machines.keepAdded(), host.client.close()])
    },
  }
}

function dotted(version: number): string {
  return `${Math.floor(version / 1e6)}.${Math.floor(version / 1e3) % 1e3}.${version % 1e3}`
}

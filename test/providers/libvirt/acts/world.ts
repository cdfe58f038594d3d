/** A private libvirt with an image and machines in it, and its machines as acts see them. */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { nodePorts } from '../../../../src/model/node-ports.js'
import type { Attributes } from '../../../../src/model/value.js'
import type { ActCall } from '../../../../src/providers/libvirt/acts/each.js'
import { type Machine, readMachines } from '../../../../src/providers/libvirt/acts/machines.js'
import { type Hosts, openHosts } from '../../../../src/providers/libvirt/acts/open.js'
import type { Provider } from '../../../../src/providers/provider.js'
import type { LibvirtLab } from '../../../lab/libvirt.js'
import { create, openProvider, type Thing, thing } from '../harness.js'

export interface ActWorld {
  readonly provider: Provider
  readonly hosts: Hosts
  readonly pools: { readonly vms: Thing; readonly images: Thing }
  readonly base: Attributes
  define(name: string, spec?: Attributes): Thing
  machine(name: string): Promise<Machine>
  close(): Promise<void>
}

export const signal = new AbortController().signal

export function connectionTo(uri: string, folder: string, name = 'libvirt') {
  return { name, type: 'libvirt', settings: { uri }, folder, stateFolder: `${folder}/.state` }
}

/** What acts are told, kept. */
export function actCall(): ActCall & { readonly said: string[] } {
  const said: string[] = []
  return { signal, said, progress: message => void said.push(message) }
}

export async function actWorld(lab: LibvirtLab): Promise<ActWorld> {
  const folder = `${lab.poolPath}/work`
  await mkdir(folder, { recursive: true })
  const provider = await openProvider(lab.uri, folder)
  const vms = thing({ kind: 'StoragePool', name: 'vms', spec: { path: `${lab.poolPath}/vms` } })
  const images = thing({ kind: 'StoragePool', name: 'images', spec: { path: `${lab.poolPath}/images` } })
  await create(provider, vms)
  await create(provider, images)
  const source = { path: `${await lab.guest('fast')}/fast.qcow2` }
  await create(provider, thing({ kind: 'Image', name: 'fast', spec: { pool: 'images', source } }))
  const hosts = await openHosts([connectionTo(lab.uri, folder)], nodePorts, signal)
  const [named] = hosts.open
  if (named === undefined) throw hosts.down[0]?.error
  const base: Attributes = {
    vcpus: 1,
    memoryGiB: 0.25,
    virtualization: 'qemu',
    cpuMode: 'maximum',
    tcgCacheMiB: 64,
    firmware: 'bios',
    storagePool: 'vms',
    imagePool: 'images',
    autostart: false,
    bootDisk: { sizeGB: 0.1, image: 'fast.qcow2' },
    dataDisks: [{ device: 'vdb', sizeGB: 0.01 }],
    networkInterfaces: [{ network: 'lab', dhcp: true }],
    readiness: { until: 'agent', timeoutSeconds: 240 },
    shutdownTimeoutSeconds: 60,
  }
  return {
    provider,
    hosts,
    pools: { vms, images },
    base,
    define: (name, spec = {}) =>
      thing({ kind: 'VirtualMachine', name, spec: { ...base, ...spec } }, { uuid: randomUUID() }),
    async machine(name) {
      const found = (await readMachines(named, signal)).find(one => one.view.name === name)
      if (found === undefined) throw new Error(`no machine ${name}`)
      return found
    },
    async close() {
      await hosts.close()
      await provider.close()
    },
  }
}

/** A private libvirt with an image and machines in it, and its machines as acts see them. */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { execa } from 'execa'
import { expect } from 'vitest'
import { nodePorts } from '../../../../src/model/node-ports.js'
import type { Attributes } from '../../../../src/model/value.js'
import type { ActCall } from '../../../../src/providers/libvirt/acts/each.js'
import { outputInGuest } from '../../../../src/providers/libvirt/acts/exec.js'
import { type Machine, readMachines } from '../../../../src/providers/libvirt/acts/machines.js'
import { type Hosts, type NamedHost, openHosts } from '../../../../src/providers/libvirt/acts/open.js'
import type { Provider } from '../../../../src/providers/provider.js'
import type { LibvirtLab } from '../../../lab/libvirt.js'
import { create, openProvider, type Thing, thing } from '../harness.js'

export interface ActWorld {
  readonly provider: Provider
  readonly host: NamedHost
  readonly pools: { readonly vms: Thing; readonly images: Thing }
  readonly base: Attributes
  define(name: string, spec?: Attributes): Thing
  machine(name: string): Promise<Machine>
  /** What a command of a guest's shell prints; it must succeed, and say nothing else. */
  run(name: string, command: string): Promise<string>
  /** A line at the start of the disk vdb, past every cache of the guest; and what is there. */
  writeDisk(name: string, text: string): Promise<string>
  readDisk(name: string): Promise<string>
  /** The same as it is on the host, where no guest has to be up to tell. */
  readVolume(name: string): Promise<string>
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

/** The one host, or why it is not there. */
export function onlyHost(hosts: Hosts): NamedHost {
  const [host] = hosts.open
  if (host === undefined) throw hosts.down[0]?.error
  return host
}

/** The machine as if its document asked for this before it counts as ready. */
export function readyWhen(machine: Machine, readiness: Attributes): Machine {
  const { stored } = machine
  const document = { ...stored.metadata.document, readiness }
  return { ...machine, stored: { ...stored, metadata: { ...stored.metadata, document } } }
}

/** Pools of folders below the lab's own. */
export async function dirPools(lab: LibvirtLab, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await lab.virsh('pool-define-as', name, 'dir', '--target', `${lab.poolPath}/${name}`)
    await lab.virsh('pool-build', name)
    await lab.virsh('pool-start', name)
  }
}

/** A command of a guest's shell that must succeed. */
export async function runIn(machine: Machine, command: string): Promise<string> {
  const { status, output, errors } = await outputInGuest(machine, { command: ['sh', '-c', command] }, signal)
  expect({ status, errors }).toEqual({ status: 0, errors: '' })
  return output
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
  const host = onlyHost(hosts)
  const machine = async (name: string) => {
    const found = (await readMachines(host, signal)).find(one => one.view.name === name)
    if (found === undefined) throw new Error(`no machine ${name}`)
    return found
  }
  const run = async (name: string, command: string) => runIn(await machine(name), command)
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
    host,
    pools: { vms, images },
    base,
    define: (name, spec = {}) =>
      thing({ kind: 'VirtualMachine', name, spec: { ...base, ...spec } }, { uuid: randomUUID() }),
    machine,
    run,
    writeDisk: (name, text) => run(name, `echo ${text} | dd of=/dev/vdb conv=sync,fsync 2>/dev/null`),
    readDisk: name => run(name, 'dd if=/dev/vdb bs=512 count=1 2>/dev/null | head -n1'),
    async readVolume(name) {
      const first = `${folder}/${randomUUID()}`
      const volume = `${lab.poolPath}/vms/${name}_data-vdb`
      await execa('qemu-img', ['dd', '-U', '-O', 'raw', 'bs=512', 'count=1', `if=${volume}`, `of=${first}`])
      return (await readFile(first, 'utf8')).replace(/\0+$/, '')
    },
    async close() {
      await hosts.close()
      await provider.close()
    },
  }
}

/** What is really there, by virsh, by the file system and by the guests themselves; never by infra. */
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { XMLParser } from 'fast-xml-parser'
import type { LibvirtLab } from '../lab/libvirt.js'

export interface Eyes {
  /** Names of all domains, sorted. */
  domains(): Promise<string[]>
  /** Names of all pools but the lab's own, sorted. */
  pools(): Promise<string[]>
  /** Names of the volumes of a pool, sorted. */
  volumes(pool: string): Promise<string[]>
  /** Names of the files of a folder below the lab's pool, sorted; none where there is no folder. */
  files(folder: string): Promise<string[]>
  /** `running`, `shut off`, …. */
  power(domain: string): Promise<string>
  uuid(domain: string): Promise<string>
  /** The stored XML, as objects; the running one with `live`. */
  xml(domain: string, live?: 'live'): Promise<Xml>
  /** Standard output of a shell command in the guest, by its agent. Fails where the command does. */
  guest(domain: string, command: string): Promise<string>
}

// biome-ignore lint/suspicious/noExplicitAny: XML of libvirt, looked into by tests
export type Xml = any

const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', parseAttributeValue: false })

export function eyes(lab: LibvirtLab): Eyes {
  const names = async (...args: readonly string[]) =>
    (await lab.virsh(...args))
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== '')
      .sort()
  const agent = async (domain: string, execute: string, args: unknown) => {
    const command = JSON.stringify({ execute, arguments: args })
    return JSON.parse(await lab.virsh('qemu-agent-command', '--timeout', '20', domain, command)).return
  }
  return {
    domains: () => names('list', '--all', '--name'),
    pools: async () => (await names('pool-list', '--all', '--name')).filter(name => name !== 'lab'),
    async volumes(pool) {
      await lab.virsh('pool-refresh', pool)
      return (await names('vol-list', pool)).map(line => line.split(/\s+/)[0] ?? '')
    },
    async files(folder) {
      const found = await readdir(`${lab.poolPath}/${folder}`).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return []
        throw error
      })
      return found.sort()
    },
    power: async domain => (await lab.virsh('domstate', domain)).trim(),
    uuid: async domain => (await lab.virsh('domuuid', domain)).trim(),
    async xml(domain, live) {
      const args = live ? ['dumpxml', domain] : ['dumpxml', domain, '--inactive']
      return parser.parse(await lab.virsh(...args)).domain
    },
    async guest(domain, command) {
      const { pid } = await agent(domain, 'guest-exec', {
        path: '/bin/sh',
        arg: ['-c', command],
        'capture-output': true,
      })
      for (;;) {
        const status = await agent(domain, 'guest-exec-status', { pid })
        const text = (data: unknown) => Buffer.from(String(data ?? ''), 'base64').toString()
        if (status.exited && status.exitcode === 0) return text(status['out-data'])
        if (status.exited)
          throw new Error(`${command} ended with ${status.exitcode}: ${text(status['err-data'])}`)
        await sleep(100)
      }
    },
  }
}

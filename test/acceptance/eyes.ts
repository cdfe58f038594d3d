/** What is really there, by virsh, by the file system and by the guests themselves; never by infra. */
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { XMLParser } from 'fast-xml-parser'
import type { LibvirtLab } from '../lab/libvirt.js'

export interface Eyes {
  /** Answers of commands of virsh, each a line. Its start takes longer than what it is asked: one is asked all of it. */
  ask(...commands: readonly string[]): Promise<string[]>
  /** Removes all machines, pools and networks but the lab's own; files stay. */
  sweep(): Promise<void>
  /** Names of networks that run but the lab's own, sorted. */
  networks(): Promise<string[]>
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

const border = '@@'

/** Names of a list of virsh, a line each, without the lab's own. */
export function namesIn(answer: string): string[] {
  return answer
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && line !== 'lab')
    .sort()
}

export function eyes(lab: LibvirtLab): Eyes {
  const names = async (...args: readonly string[]) => namesIn(await lab.virsh(...args))
  const ask = async (...commands: readonly string[]) => {
    if (commands.length === 0) return []
    const answers = (await lab.virsh(commands.join(`; echo ${border}; `))).split(border)
    if (answers.length !== commands.length) throw new Error(`virsh answered:\n${answers.join(`${border}\n`)}`)
    return answers.map(answer => answer.trim())
  }
  const everything = async () =>
    (await ask('list --all --name', 'pool-list --all --name', 'net-list --all --name')).map(namesIn)
  const agent = async (domain: string, execute: string, args: unknown) => {
    const command = JSON.stringify({ execute, arguments: args })
    return JSON.parse(await lab.virsh('qemu-agent-command', '--timeout', '20', domain, command)).return
  }
  return {
    ask,
    async sweep() {
      const [machines = [], pools = [], networks = []] = await everything()
      const commands = [
        ...machines.flatMap(name => [`destroy ${name}`, `undefine ${name} --snapshots-metadata`]),
        ...pools.flatMap(name => [`pool-destroy ${name}`, `pool-undefine ${name}`]),
        ...networks.flatMap(name => [`net-destroy ${name}`, `net-undefine ${name}`]),
      ]
      if (commands.length === 0) return
      // what is off cannot be switched off
      await lab.virsh(commands.join('; ')).catch(() => undefined)
      const left = (await everything()).flat()
      if (left.length > 0) throw new Error(`not removed: ${left.join(', ')}`)
    },
    networks: () => names('net-list', '--name'),
    domains: () => names('list', '--all', '--name'),
    pools: () => names('pool-list', '--all', '--name'),
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

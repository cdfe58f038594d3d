/** Machines, volumes, a pool and a network on a real libvirtd; virsh and the pool's folder say what is there. */
import { open, writeFile } from 'node:fs/promises'
import { XMLParser } from 'fast-xml-parser'
import type { Attributes } from '../../src/model/value.js'
import { bareMachine, resource, stackText } from '../acceptance/documents.js'
import { eyes, namesIn } from '../acceptance/eyes.js'
import type { LibvirtLab } from '../lab/libvirt.js'
import { type CrashSystem, marked, type Thing } from './system.js'

const pool = 'shop'
const trash = 'infra-trash.'
const markLength = 12

interface Machine {
  readonly name: string
  readonly title: string
  readonly runs?: true
}

interface Variant {
  readonly machines: readonly Machine[]
  readonly volumes: readonly string[]
  readonly network?: true
}

/** Few, and each next to each other one makes creates, updates and deletes. */
const variants: readonly (Variant | undefined)[] = [
  undefined,
  {
    machines: [
      { name: 'till', title: 'first', runs: true },
      { name: 'desk', title: 'first' },
    ],
    volumes: ['stock'],
  },
  {
    machines: [
      { name: 'till', title: 'second', runs: true },
      { name: 'desk', title: 'second' },
      { name: 'extra', title: 'second' },
    ],
    volumes: ['stock', 'spare'],
    network: true,
  },
  { machines: [{ name: 'till', title: 'third' }], volumes: ['spare'], network: true },
]

const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', parseTagValue: false })

export function libvirtSystem(lab: LibvirtLab): CrashSystem {
  const { ask, files } = eyes(lab)
  const folder = `${lab.poolPath}/${pool}`
  /** Two commands on each of these, as pairs of answers by name. */
  const details = async (names: readonly string[], first: string, second: string) => {
    const answers = await ask(...names.flatMap(name => [`${first} ${name}`, `${second} ${name}`]))
    return names.map((name, index) => {
      const [xml = '', state = ''] = answers.slice(2 * index)
      return { name, found: parser.parse(xml), state }
    })
  }

  return {
    name: 'libvirt',
    daemons: ['libvirtd'],
    variants: variants.length,
    stack: variant => stackText(lab.uri, ...documents(folder, variants[variant])),
    expected: variant => expected(folder, variants[variant]),
    async look() {
      const things: Record<string, Thing> = {}
      const kept: string[] = []
      const [lists, fileNames] = await Promise.all([
        ask('list --all --name', 'pool-list --all --name', 'net-list --all --name'),
        files(pool),
      ])
      const [machineNames = [], poolNames = [], networkNames = []] = lists.map(namesIn)
      const [machines, poolsFound, networks] = await Promise.all([
        details(machineNames, 'dumpxml --inactive', 'domstate'),
        details(poolNames, 'pool-dumpxml', 'pool-info'),
        details(networkNames, 'net-dumpxml', 'net-info'),
      ])
      for (const { name, found, state } of machines)
        things[`domain ${name}`] = { id: found.domain.uuid, is: `${found.domain.title}, ${state}` }
      for (const { name, found, state } of poolsFound) {
        const { uuid, target } = found.pool
        things[`pool ${name}`] = { id: uuid, is: `${target.path}, ${field(state, 'State')}` }
      }
      for (const { name, found, state } of networks) {
        const { uuid, forward } = found.network
        const is = `${forward?.mode ?? 'isolated'}, ${field(state, 'Active')}`
        things[`network ${name}`] = { id: uuid, is }
      }
      await Promise.all(
        fileNames.map(async name => {
          if (name.startsWith(trash)) kept.push(name)
          // What a console says is no part of a stack; it goes with its machine, though.
          else if (!name.endsWith('.log') || !machineNames.includes(name.replace('_serial.log', '')))
            things[`file ${name}`] = await fileAt(`${folder}/${name}`)
        }),
      )
      return { things, kept: kept.sort() }
    },
    mark: (seen, mark) =>
      marked(seen, mark, (name, text) =>
        writeFile(`${folder}/${name.slice('file '.length)}`, text.padEnd(markLength), { flag: 'r+' }),
      ),
    recorded(record) {
      const sort = { VirtualMachine: 'domain', StoragePool: 'pool', Network: 'network' }[record.kind]
      return sort === undefined
        ? undefined
        : { name: `${sort} ${record.name}`, id: record.identity.uuid ?? '' }
    },
    keptBy: token =>
      [...new Set(JSON.stringify(token).match(/infra-trash\.[^"/]+/g) ?? [])].map(name => ({
        name,
        of: `file ${name.split('.').slice(2).join('.')}`,
      })),
    kill: () => lab.kill(),
    start: () => lab.start(),
    clean: () => lab.clean(),
  }
}

function documents(path: string, variant: Variant | undefined): Attributes[] {
  if (!variant) return []
  return [
    resource('StoragePool', pool, { path }),
    ...variant.volumes.map(name => resource('Volume', name, { pool, size: '1MiB', format: 'raw' })),
    ...variant.machines.map(({ name, title, runs }) =>
      bareMachine(name, pool, {
        title,
        dataDisks: [{ device: 'vdb', sizeGB: 0.01, format: 'raw' }],
        ...(!runs && { powerState: 'stopped' }),
      }),
    ),
    ...(variant.network ? [resource('Network', 'back', { mode: 'isolated' })] : []),
  ]
}

function expected(path: string, variant: Variant | undefined): Record<string, string> {
  if (!variant) return {}
  const things: Record<string, string> = { [`pool ${pool}`]: `${path}, running` }
  for (const name of variant.volumes) things[`file ${name}`] = 'raw'
  for (const { name, title, runs } of variant.machines) {
    things[`domain ${name}`] = `${title}, ${runs ? 'running' : 'shut off'}`
    things[`file ${name}_boot`] = 'qcow2'
    things[`file ${name}_data-vdb`] = 'raw'
  }
  if (variant.network) things['network back'] = 'isolated, yes'
  return things
}

function field(text: string, name: string): string {
  return new RegExp(`^${name}:\\s+(.+)$`, 'm').exec(text)?.[1]?.trim() ?? ''
}

/** What a file begins with tells what it is, and holds the mark where it is a raw disk. */
async function fileAt(path: string): Promise<Thing> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(markLength), position: 0 })
    const text = buffer.subarray(0, bytesRead).toString('latin1')
    if (text.startsWith('QFI\u00fb')) return { id: '', is: 'qcow2' }
    return { id: '', is: 'raw', data: text.replaceAll('\0', '').trim() }
  } finally {
    await file.close()
  }
}

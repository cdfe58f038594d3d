import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { nodePorts } from '../../src/model/node-ports.js'
import { libvirtType } from '../../src/providers/libvirt/index.js'
import { type LibvirtLab, libvirtLab } from '../lab/libvirt.js'
import { libvirtSamples } from './samples.js'
import { conformance, type World } from './suite.js'

const lab = await libvirtLab({ own: 7 })

describe.skipIf('skip' in lab)(`libvirt${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  conformance('libvirt', () => open(lab))
})

async function open(lab: LibvirtLab): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-conformance-'))
  const connection = {
    name: 'libvirt',
    type: 'libvirt',
    settings: { uri: lab.uri },
    folder,
    stateFolder: folder,
  }
  const provider = await libvirtType.open(connection, nodePorts, new AbortController().signal)
  const path = join(lab.poolPath, '..', 'conformance')
  const lists: Readonly<Record<string, readonly string[]>> = {
    StoragePool: ['pool-list', '--all', '--name'],
    VirtualMachine: ['list', '--all', '--name'],
  }
  return {
    provider,
    samples: libvirtSamples(path, 'c'),
    async exists({ kind, name }) {
      const list = lists[kind.kind]
      if (!list) {
        const pool = await lab.virsh('vol-list', 'pool-c').catch(() => '')
        return pool.split(/\s+/).includes(name)
      }
      return (await lab.virsh(...list))
        .split('\n')
        .map(line => line.trim())
        .includes(name)
    },
    dispose: async () => {
      await rm(folder, { recursive: true })
      await lab.inside('rm', '-rf', path)
      await lab.clean()
    },
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodePorts } from '../../src/model/node-ports.js'
import { embeddedType } from '../../src/providers/embedded/index.js'
import { kinds } from '../../src/session/provider-types.js'
import { libvirtSamples } from './samples.js'
import { conformance } from './suite.js'

conformance('The embedded world', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'infra-conformance-'))
  const connection = { name: 'embedded', type: 'embedded', settings: {}, folder, stateFolder: folder }
  const provider = await embeddedType([...kinds.values()]).open(
    connection,
    nodePorts,
    new AbortController().signal,
  )
  const others = ['CephPool', 'RbdImage', 'CephVolume', 'VirtualCluster'].flatMap(name => {
    const kind = kinds.get(name)
    return kind ? [{ kind, name: name.toLowerCase(), spec: {} }] : []
  })
  return {
    provider,
    samples: [...libvirtSamples('/srv/pool', 'a'), ...others],
    dispose: () => rm(folder, { recursive: true }),
  }
})

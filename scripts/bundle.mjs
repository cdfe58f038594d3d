// Writes what runs: the commands, the library face and the process that holds librados, as modules that share chunks. A
// program that starts a hundred times an hour must not open five hundred files each time. Into the folder that is named.
import { readdir } from 'node:fs/promises'
import { rolldown } from 'rolldown'

const [folder] = process.argv.slice(2)
const commands = (await readdir('src/commands', { recursive: true })).filter(name => name.endsWith('.ts'))
const bundle = await rolldown({
  input: {
    index: 'src/index.ts',
    'cli/main': 'src/cli/main.ts',
    // Started by its path beside the chunks: see src/providers/ceph/client/host-process.ts
    'chunks/native/host': 'src/providers/ceph/client/native/host.ts',
    ...Object.fromEntries(
      commands.map(name => [`commands/${name.slice(0, -'.ts'.length)}`, `./src/commands/${name}`]),
    ),
  },
  platform: 'node',
  // A library with a binary part
  external: ['koffi'],
  // Of twenty megabytes of Kubernetes' client a few files are used: reading all of it took longer than most commands
  treeshake: { moduleSideEffects: [{ test: /@kubernetes\/client-node/, sideEffects: false }] },
})
await bundle.write({
  dir: folder,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
})

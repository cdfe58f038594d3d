// Writes what runs: the commands, the library face and the process that holds librados, as modules that share chunks. A
// program that starts a hundred times an hour must not open five hundred files each time, nor read what it does not use. Into
// the folder that is named.
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const beside = name => fileURLToPath(new URL(name, import.meta.url))
const [folder] = process.argv.slice(2)
const commands = (await readdir('src/commands', { recursive: true })).filter(name => name.endsWith('.ts'))
/**
 * oclif sorts the commands of its manifest by the rules of the reader's language, which V8 loads for that alone: a tenth of
 * `infra --version`. They are plain words, and sorted already (sort-manifest.mjs).
 */
const commandsByName = {
  name: 'commands-by-name',
  transform: {
    filter: { id: /@oclif\/core\/lib\/config\/plugin\.js$/ },
    handler(code) {
      const known = 'a.id.localeCompare(b.id)'
      if (!code.includes(known)) throw new Error(`oclif sorts its commands otherwise now: ${known} is gone`)
      return code.replace(known, '(a.id < b.id ? -1 : 1)')
    },
  },
}
/**
 * A connection is made of a kubeconfig, and its calls by path (src/providers/vcluster/client): the class of each of Kubernetes' six
 * hundred kinds, which KubeConfig gives to those who want its own client, took a third of a command's time.
 */
const callsByPath = {
  name: 'calls-by-path',
  resolveId: {
    filter: { id: /^\.\/gen\/index\.js$/ },
    handler: (_, importer) =>
      importer?.endsWith('@kubernetes/client-node/dist/config.js') ? beside('unneeded.cjs') : undefined,
  },
}
const bundle = await rolldown({
  plugins: [commandsByName, callsByPath],
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
  resolve: {
    alias: {
      '@oclif/core$': beside('oclif-parts.mjs'),
      '@kubernetes/client-node$': beside('kubernetes-parts.mjs'),
      // node-fetch's URLs where Node has none; it uses a module that newer Nodes warn of
      'whatwg-url': beside('unneeded.cjs'),
      // oclif's own log, its search for commands where there is no manifest, and its plugins by pattern
      debug: beside('unneeded.cjs'),
      tinyglobby: beside('unneeded.cjs'),
      minimatch: beside('unneeded.cjs'),
    },
  },
})
await bundle.write({
  dir: folder,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  // What starts the program, and what nearly every command uses, in a file each: to find and open dozens of small ones took a
  // twentieth of a large plan.
  codeSplitting: {
    groups: [
      {
        name: 'start',
        test: /@oclif\/core\/lib\/(?!args|command|flags|parser)|\/src\/(cli\/outlive-output|model\/(file-)?error)\.ts$/,
        minShareCount: commands.length,
        priority: 1,
      },
      { name: 'shared', test: /^(?!.*@oclif)/, minShareCount: Math.floor(commands.length * 0.9) },
    ],
  },
})

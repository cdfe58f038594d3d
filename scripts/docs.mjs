// Writes what docs and schema say of the code: a page a command, a page a kind, the JSON Schema of all documents.
//
//   node scripts/docs.mjs           writes them
//   node scripts/docs.mjs --check   fails where they are not what the code says
//
// The manifest of commands is built: npm run build comes first.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { register } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandIndex, commandPage } from './docs/command-page.mjs'
import { connectionPage } from './docs/connection-page.mjs'
import { kindIndex, kindPage } from './docs/kind-page.mjs'

// What is built is chunks, with no module of their own for these.
register('../test/lab/typescript-loader.mjs', import.meta.url)
const { kinds, providerTypes } = await import('../src/session/provider-types.ts')
const { stackJsonSchema } = await import('../src/stack/json-schema.ts')

const root = fileURLToPath(new URL('..', import.meta.url))
const folders = ['docs/commands', 'docs/kinds', 'docs/connections', 'schema']

const files = new Map()
const { commands } = JSON.parse(await readFile(join(root, 'oclif.manifest.json'), 'utf8'))
const shown = Object.values(commands)
  .filter(command => !command.hidden)
  .sort((a, b) => (a.id < b.id ? -1 : 1))
files.set('docs/commands/README.md', commandIndex(shown))
for (const command of shown)
  files.set(`docs/commands/${command.id.replaceAll(':', '-')}.md`, commandPage(command))

const sorted = [...kinds.values()].sort((a, b) => (a.kind < b.kind ? -1 : 1))
files.set('docs/kinds/README.md', kindIndex(sorted))
for (const kind of sorted) files.set(`docs/kinds/${kind.kind}.md`, kindPage(kind))

for (const [name, load] of [...providerTypes({})].sort())
  files.set(`docs/connections/${name}.md`, connectionPage(await load()))

files.set('schema/infra.schema.json', `${JSON.stringify(stackJsonSchema(kinds.values()), undefined, 2)}\n`)

const stale = []
for (const [name, text] of files) {
  const now = await readFile(join(root, name), 'utf8').catch(() => undefined)
  if (now !== text) stale.push(name)
}
for (const folder of folders) {
  for (const name of await readdir(join(root, folder)).catch(() => [])) {
    if (!files.has(`${folder}/${name}`)) stale.push(`${folder}/${name}`)
  }
}

if (process.argv.includes('--check')) {
  for (const name of stale) process.stdout.write(`${name} is not what the code says\n`)
  if (stale.length > 0) {
    process.stdout.write('Commit what `npm run docs` writes.\n')
    process.exitCode = 1
  }
} else {
  for (const name of stale) {
    const text = files.get(name)
    if (text === undefined) await rm(join(root, name))
    else {
      await mkdir(dirname(join(root, name)), { recursive: true })
      await writeFile(join(root, name), text)
    }
    process.stdout.write(`${name}\n`)
  }
}
// A provider that was loaded may keep something open.
process.exit()

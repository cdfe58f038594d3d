// Sorts the commands of oclif.manifest.json by name: oclif writes them in the order in which a file system lists their files,
// which is another one on every machine.
import { readFile, writeFile } from 'node:fs/promises'

const file = new URL('../oclif.manifest.json', import.meta.url)
const manifest = JSON.parse(await readFile(file, 'utf8'))
const byName = ([a], [b]) => (a < b ? -1 : 1)
manifest.commands = Object.fromEntries(Object.entries(manifest.commands).sort(byName))
await writeFile(file, `${JSON.stringify(manifest, undefined, 2)}\n`)

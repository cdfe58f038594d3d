import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { cannotWrite, writeOutput } from '../cli/output-file.js'
import { InfraError } from '../model/error.js'
import { shellWord } from '../model/shell-word.js'
import { kinds } from '../session/provider-types.js'
import { firstStack } from '../stack/init.js'
import { stackJsonSchema } from '../stack/json-schema.js'

const schemaFile = 'infra.schema.json'

export default class Init extends InfraCommand {
  static override summary = 'Write a first stack, which applies as it is.'
  static override examples = ['<%= config.bin %> init', '<%= config.bin %> init my-lab']
  static override args = { path: Args.string({ description: 'The folder to write it into.', default: '.' }) }
  static override flags = {
    ...outputFlags,
    name: Flags.string({ description: "The stack's name; the folder's by default.", helpValue: 'NAME' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Init)
    const folder = resolve(args.path)
    const name = flags.name ?? nameOf(folder)
    const text = firstStack({ name, schema: schemaFile })
    const file = join(folder, 'stack.yaml')
    await makeFolder(folder)
    await writeFirst(file, text)
    const schema = `${JSON.stringify(stackJsonSchema(kinds.values()))}\n`
    await writeOutput(this.ports.files, join(folder, schemaFile), schema, 0o644)
    const where = args.path === '.' ? '' : ` ${shellWord(args.path)}`
    this.print({
      json: () => ({ file, schema: join(folder, schemaFile) }),
      text: () => `Wrote ${file}. Next: \`infra plan${where}\`, then \`infra apply${where}\`.\n`,
    })
  }
}

/** A stack's name made of its folder's. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return name === '' ? 'stack' : name
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw cannotWrite(folder, cause)
  })
}

/** The stack of somebody who has one already is not written over. */
async function writeFirst(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw cannotWrite(file, cause)
    throw new InfraError({
      kind: 'configuration',
      code: 'exists',
      message: `${file} is there already, and nothing was written`,
      hint: 'Name another folder: infra init FOLDER.',
    })
  })
}

import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { InfraError } from '../model/error.js'
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
    name: Flags.string({ description: "The stack's name; the folder's by default." }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Init)
    const folder = resolve(args.path)
    const name =
      flags.name ??
      basename(folder)
        .toLowerCase()
        .replace(/[^a-z0-9-]+/g, '-')
    const text = firstStack({ name, schema: schemaFile })
    const file = join(folder, 'stack.yaml')
    await mkdir(folder, { recursive: true })
    await writeFile(file, text, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw cause
      throw new InfraError({
        kind: 'configuration',
        code: 'exists',
        message: `${file} is there already, and nothing was written`,
        hint: 'Name another folder: infra init FOLDER.',
      })
    })
    const schema = `${JSON.stringify(stackJsonSchema(kinds.values()))}\n`
    await writeFile(join(folder, schemaFile), schema)
    this.print({
      json: () => ({ file, schema: join(folder, schemaFile) }),
      text: () => `Wrote ${file}. Next: infra plan ${args.path}, then infra apply ${args.path}.\n`,
    })
  }
}

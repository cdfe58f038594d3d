import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { InfraError } from '../model/error.js'
import { formatStackText } from '../stack/fmt.js'

export default class Fmt extends InfraCommand {
  static override summary = 'Format stack files; comments stay.'
  static override examples = ['<%= config.bin %> fmt', '<%= config.bin %> fmt --check examples/homelab']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...outputFlags,
    check: Flags.boolean({ description: 'Change nothing; exit 1 when a file would change.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Fmt)
    const changed: string[] = []
    for (const file of await stackFilesOf(args.path)) {
      const text = await told(file, readFile(file, 'utf8'))
      const formatted = formatStackText(text, file)
      if (formatted === text) continue
      changed.push(file)
      if (!flags.check)
        await this.ports.files.replace(file, Buffer.from(formatted), (await stat(file)).mode & 0o777)
    }
    const verb = flags.check ? 'would be formatted' : 'formatted'
    this.print({ json: () => ({ changed }), text: () => changed.map(file => `${file} ${verb}\n`).join('') })
    if (flags.check && changed.length > 0) this.exitCode = 1
  }
}

async function stackFilesOf(path: string): Promise<string[]> {
  const found = await told(path, stat(path))
  if (!found.isDirectory()) return [path]
  const names = await told(path, readdir(path))
  return names
    .filter(name => /\.ya?ml$/.test(name))
    .sort()
    .map(name => join(path, name))
}

/** What is read of a path, or an error that says what the system has against that. */
async function told<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (thrown) {
    const { code, message: why } = thrown as NodeJS.ErrnoException
    const missing = code === 'ENOENT'
    throw new InfraError({
      kind: 'configuration',
      code: missing ? 'no-such-stack' : 'unreadable-stack',
      message: missing ? `there is no file or folder ${path}` : `${path} cannot be read`,
      ...(!missing && { why }),
      hint: missing ? 'Name the file or folder of the stack.' : 'Name a file or folder that you may read.',
    })
  }
}

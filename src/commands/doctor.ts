import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { type FoundTool, findTools } from '../doctor/tools.js'

export default class Doctor extends InfraCommand {
  static override summary = 'Say what this machine has and what is missing.'
  static override description =
    'Looks for the programs and libraries that infra uses, and says how to get those that are missing. Changes nothing.'
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --json']
  static override flags = outputFlags

  override async run(): Promise<void> {
    await this.parse(Doctor)
    const tools = await findTools(process.env.PATH ?? '')
    const { version } = this.config
    this.print({
      json: () => ({ infra: version, node: process.version, tools: tools.map(asJson) }),
      text: () => [`infra ${version} on Node ${process.version}`, '', ...tools.map(asLine), ''].join('\n'),
    })
    if (tools.some(tool => tool.required && !tool.file)) this.exitCode = 1
  }
}

function asJson({ name, file, purpose, required, get }: FoundTool) {
  return { name, found: file ?? null, purpose, required, ...(!file && { get }) }
}

function asLine({ name, file, purpose, required, get }: FoundTool): string {
  if (file) return `✓ ${name.padEnd(10)} ${file}`
  return `${required ? '✗' : '-'} ${name.padEnd(10)} missing. It is for ${purpose}. Get it: ${get}`
}

import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../cli/base-command.js'
import { examineStack, type StackHealth } from '../doctor/stack.js'
import { type FoundTool, findTools } from '../doctor/tools.js'

export default class Doctor extends InfraCommand {
  static override summary = 'Say what this machine has and what is missing.'
  static override description =
    'Looks for the programs and libraries that infra uses, and says how to get those that are missing. Changes nothing.'
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --json']
  static override args = {
    path: Args.string({
      description: "A stack's file or folder: its connections are tried, and its state is looked into.",
    }),
  }
  static override flags = stackFlags

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Doctor)
    const tools = await findTools(process.env.PATH ?? '')
    const { version } = this.config
    const stack =
      args.path === undefined ? undefined : await examineStack(this.sessionInput(flags, args.path))
    this.print({
      json: () => ({
        infra: version,
        node: process.version,
        tools: tools.map(asJson),
        ...(stack && { stack }),
      }),
      text: () =>
        [
          `infra ${version} on Node ${process.version}`,
          '',
          ...tools.map(asLine),
          ...(stack ? stackLines(stack) : []),
          '',
        ].join('\n'),
    })
    if (stack?.connections.some(one => !one.reachable)) this.exitCode = 3
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

function stackLines({ name, connections, missing, journal }: StackHealth): string[] {
  return [
    '',
    `Stack ${name}`,
    ...connections.map(one => `${one.reachable ? '✓' : '✗'} ${one.name.padEnd(10)} ${one.description}`),
    ...missing.map(text => `✗ state      ${text}`),
    ...(journal ? ['✗ journal    an apply was cut off: infra recover settles it'] : []),
  ]
}

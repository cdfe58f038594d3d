// A page a command, from oclif's manifest.
import { code, page, table } from './markdown.mjs'

const bin = 'infra'

function nameOf({ id }) {
  return id.replaceAll(':', ' ')
}

function fill(text, command) {
  return text.replaceAll('<%= config.bin %>', bin).replaceAll('<%= command.id %>', nameOf(command))
}

function usage(command) {
  const args = Object.values(command.args).map(arg => {
    const name = arg.name.toUpperCase()
    return arg.required ? name : `[${name}]`
  })
  const flags = Object.keys(command.flags).length > 0 ? ['[FLAGS]'] : []
  return [bin, nameOf(command), ...args, ...flags].join(' ')
}

function flagName(flag) {
  const long = flag.allowNo ? `--[no-]${flag.name}` : `--${flag.name}`
  const value =
    flag.type === 'option' ? ` ${flag.options ? flag.options.join('|') : (flag.helpValue ?? 'VALUE')}` : ''
  return code(`${flag.char ? `-${flag.char}, ` : ''}${long}${value}`)
}

function flagText(flag) {
  const notes = [
    flag.required && 'Required.',
    flag.multiple && 'May be repeated.',
    flag.aliases?.length > 0 && `Also ${flag.aliases.map(name => code(`--${name}`)).join(', ')}.`,
    flag.env && `From the environment: ${code(flag.env)}.`,
    flag.type === 'option' && flag.default !== undefined && `Default: ${code(String(flag.default))}.`,
  ]
  return [flag.summary ?? flag.description, ...notes].filter(Boolean).join(' ')
}

export function commandPage(command) {
  const args = Object.values(command.args)
  const flags = Object.values(command.flags).filter(flag => !flag.hidden)
  const examples = (command.examples ?? []).map(example =>
    fill(typeof example === 'string' ? example : example.command, command),
  )
  return page(
    `# infra ${nameOf(command)}`,
    fill(command.summary ?? '', command),
    fill(command.description ?? '', command),
    `\`\`\`\n${usage(command)}\n\`\`\``,
    args.length > 0 && '## Arguments',
    table(
      ['argument', 'what it is'],
      args.map(arg => [
        code(arg.name.toUpperCase()),
        [arg.description, arg.default !== undefined && `Default: ${code(String(arg.default))}.`]
          .filter(Boolean)
          .join(' '),
      ]),
    ),
    flags.length > 0 && '## Flags',
    table(
      ['flag', 'what it does'],
      flags.map(flag => [flagName(flag), flagText(flag)]),
    ),
    examples.length > 0 && '## Examples',
    examples.length > 0 && `\`\`\`sh\n${examples.join('\n')}\n\`\`\``,
  )
}

export function commandIndex(commands) {
  return page(
    '# Commands',
    table(
      ['command', 'what it does'],
      commands.map(command => [
        `[infra ${nameOf(command)}](${command.id.replaceAll(':', '-')}.md)`,
        command.summary ?? '',
      ]),
    ),
    'Exit codes are on [their own page](../exit-codes.md).',
  )
}

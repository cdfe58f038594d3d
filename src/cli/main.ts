/**
 * The start of the program: finds the command, runs it, and tells what went wrong before or outside of it. Loads as little as
 * it can, so that `infra --version` and a completion answer at once.
 */
import { fileURLToPath } from 'node:url'
import { Config } from '@oclif/core/config'
import { run } from '@oclif/core/run'
import { settings } from '@oclif/core/settings'
import type { InfraError } from '../model/error.js'
import { outliveOutput } from './outlive-output.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs one command line (without the program's own name) and leaves its exit code in `process.exitCode`. */
export async function start(argv: readonly string[]): Promise<void> {
  // What is built is what runs, whatever NODE_ENV says.
  settings.enableAutoTranspile = false
  outliveOutput()
  const config = await Config.load(root)
  try {
    await run(asHelp(argv), config)
  } catch (thrown) {
    await tell(thrown, argv, config)
  }
}

/** `infra help plan` is `infra plan --help`. */
function asHelp(argv: readonly string[]): string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv]
}

async function tell(thrown: unknown, argv: readonly string[], config: Config): Promise<void> {
  const code = askedExit(thrown)
  if (code !== undefined) {
    process.exitCode = code
    return
  }
  const { usageError } = await import('./usage-error.js')
  const error = usageError(thrown, argv, config.bin, commandNames(config), flagsOf(argv, config))
  if (error) await print(error, argv)
  else printDefect(thrown, config.userAgent)
  process.exitCode = 1
}

/** The code of an exit that a command asked for: `this.exit(2)`. */
function askedExit(thrown: unknown): number | undefined {
  const { code, oclif } = thrown as { code?: unknown; oclif?: { exit?: number } }
  return code === 'EEXIT' ? (oclif?.exit ?? 1) : undefined
}

function commandNames(config: Config): readonly string[] {
  return config.commands.filter(({ hidden }) => !hidden).map(({ id }) => id.replaceAll(':', ' '))
}

/** The flags of the command that was asked for, to find the one that was meant. */
function flagsOf(argv: readonly string[], config: Config): readonly string[] {
  const words = argv.filter(word => !word.startsWith('-'))
  for (let count = Math.min(words.length, 3); count > 0; count--) {
    const command = config.findCommand(words.slice(0, count).join(':'))
    if (command) return Object.keys(command.flags)
  }
  return []
}

async function print(error: InfraError, argv: readonly string[]): Promise<void> {
  const { errorData, renderError } = await import('../report/errors.js')
  if (argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify(errorData(error), undefined, 2)}\n`)
    return
  }
  const colour = !process.env.NO_COLOR && process.stderr.isTTY === true && process.env.TERM !== 'dumb'
  process.stderr.write(renderError(error, { colour }))
}

/** Anything that infra did not raise on purpose is a defect of infra, and its trace is what mends it. */
function printDefect(thrown: unknown, version: string): void {
  const trace = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  process.stderr.write(`infra has a defect and stopped. Please report this text.\n${version}\n${trace}\n`)
}

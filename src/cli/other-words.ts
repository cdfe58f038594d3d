/** Commands and flags of other tools, and what they are called here: for who types from habit. */

const commands: Readonly<Record<string, string>> = {
  console: 'validate --resolved',
  create: 'apply',
  delete: 'destroy',
  deploy: 'apply',
  down: 'destroy',
  'force-unlock': 'unlock',
  list: 'state ls',
  ls: 'state ls',
  preview: 'plan',
  refresh: 'apply --refresh-only',
  status: 'drift',
  taint: 'state taint',
  undo: 'rollback',
  untaint: 'state taint --undo',
  up: 'apply',
  version: '--version',
}

/** What stands in the place of a flag, by the flag's name. */
const flags: Readonly<Record<string, string>> = {
  'auto-approve': 'A plan asks nothing; `infra apply --yes` asks nothing either.',
  chdir: 'Name the folder of the stack as the argument.',
  'compact-warnings': 'Reports are short; --full shows all of it.',
  color: 'Set FORCE_COLOR=1.',
  diff: 'A plan always shows what changes.',
  'dry-run': '`infra plan` shows what an apply would do.',
  exclude: 'Name what is to be planned with --target.',
  force: 'Leave for what destroys is given with --allow HAZARD, see --help.',
  'generate-config-out': '`infra discover` writes documents of what exists.',
  input: 'Nothing is asked where there is no terminal; --yes goes ahead.',
  lock: 'The lock is always taken where something is changed; it ends with its holder.',
  'no-color': 'Set NO_COLOR=1.',
  'no-refresh': '`infra plan --no-refresh` plans without reading; an apply always reads.',
  parallelism: 'It is a flag of `infra apply`.',
  refresh: '`infra plan --no-refresh` plans without reading; an apply always reads.',
  workspace: 'One folder and --state FOLDER for each environment, with a --var-file for its values.',
}

/** The command line that does what another tool's command does; undefined where there is none. */
export function commandOf(word: string): string | undefined {
  return Object.hasOwn(commands, word) ? commands[word] : undefined
}

/** What to do instead of giving another tool's flag (`--auto-approve`, `-refresh=false`); undefined where it is not known. */
export function insteadOf(flag: string): string | undefined {
  const name = flag.replace(/^-+/, '').replace(/=.*$/s, '')
  return Object.hasOwn(flags, name) ? flags[name] : undefined
}

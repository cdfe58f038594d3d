/** Linters that a machine may have. A test that needs one it lacks is skipped, and its name says why. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const examples = fileURLToPath(new URL('../../examples/', import.meta.url))

export function find(program: string): string | undefined {
  return ['/usr/bin/', '/bin/', '/usr/local/bin/'].map(folder => folder + program).find(existsSync)
}

/** For the name of a test: nothing, or why it is skipped. */
export function reason(program: string, debianPackage: string): string {
  return find(program) ? '' : ` (skipped: no ${program}; apt-get install ${debianPackage})`
}

/** What the program says, and how it exits. */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: string; env?: NodeJS.ProcessEnv; cwd?: string } = {},
) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 60_000,
    ...options,
  })
  return { code: status, text: `${stdout}${stderr}`, stdout }
}

/** Fails with bash's own words where the text is no script. */
export function checkShell(script: string): void {
  execFileSync('bash', ['-n'], { input: script })
}

export function shellcheck(script: string) {
  return run(find('shellcheck') ?? '', ['--shell=bash', '--severity=style', '-'], { input: script })
}

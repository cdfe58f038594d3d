/**
 * Transcripts: files, commands and what they print, in one text that people read and a machine checks.
 *
 *     What it shows.
 *     -- stack.yaml --
 *     apiVersion: infra/v1
 *     -- commands --
 *     $ infra plan
 *     what it writes to standard output
 *     ! what it writes to standard error
 *     [exit 2]
 *
 * Commands are run by bash, one after the other, in a folder that holds the files. What differs from run to run stands as
 * `<time>`, `<uuid 1>` and the like. UPDATE_TRANSCRIPTS=1 writes what is printed now.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Transcript {
  readonly about: string
  readonly files: readonly { readonly name: string; readonly text: string }[]
  readonly steps: readonly Step[]
}

interface Step {
  readonly command: string
  /** With its exit code where that is not 0. */
  readonly output: string
}

export function parseTranscript(text: string): Transcript {
  const [about = '', ...parts] = text.split(/^-- (.+) --\n/m)
  const files: { name: string; text: string }[] = []
  for (let index = 0; index < parts.length; index += 2) {
    files.push({ name: parts[index] ?? '', text: parts[index + 1] ?? '' })
  }
  const commands = files.pop()
  if (commands?.name !== 'commands') throw new Error('a transcript ends with a part called commands')
  const steps = commands.text
    .split(/^\$ /m)
    .slice(1)
    .map(step => {
      const end = step.indexOf('\n')
      return { command: step.slice(0, end), output: step.slice(end + 1) }
    })
  return { about, files, steps }
}

export function formatTranscript({ about, files, steps }: Transcript): string {
  const parts = files.map(({ name, text }) => `-- ${name} --\n${text}`)
  const commands = steps.map(({ command, output }) => `$ ${command}\n${output}`)
  return `${about}${parts.join('')}-- commands --\n${commands.join('')}`
}

/** Runs the commands anew; the result is the transcript as it is now. */
export async function replay(transcript: Transcript): Promise<Transcript> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-transcript-'))
  try {
    const work = join(folder, 'work')
    const bin = join(folder, 'bin')
    await mkdir(work)
    await mkdir(bin)
    const program = join(bin, 'infra')
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${root}bin/infra' "$@"\n`)
    await chmod(program, 0o755)
    for (const { name, text } of transcript.files) {
      await mkdir(dirname(join(work, name)), { recursive: true })
      await writeFile(join(work, name), text)
    }
    const env = {
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: join(folder, 'home'),
      TZ: 'UTC',
      LANG: 'C.UTF-8',
      EXAMPLES: join(root, 'examples'),
    }
    const same = steady(work)
    const steps: Step[] = []
    for (const { command } of transcript.steps) {
      steps.push({ command, output: same(await run(command, work, env)) })
    }
    return { ...transcript, steps }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function run(command: string, cwd: string, env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'bash',
      ['-c', command],
      { cwd, env, timeout: 300_000, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => {
        if (error?.killed) return reject(new Error(`it takes too long: ${command}`))
        const code = child.exitCode ?? child.signalCode
        const printed = [
          ...lines(stdout),
          ...lines(stderr).map(line => `! ${line}`.trimEnd()),
          ...(code === 0 ? [] : [`[exit ${code}]`]),
        ]
        resolve(printed.map(line => `${line}\n`).join(''))
      },
    )
    child.stdin?.end()
  })
}

/** All but what a fast machine would not tell. */
function lines(text: string): string[] {
  const all = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  return all.filter(line => !line.startsWith('Slowest: '))
}

/** Puts placeholders where a text differs from run to run; the same text gets the same one throughout a transcript. */
function steady(folder: string): (text: string) => string {
  const seen = new Map<string, string>()
  const counts = new Map<string, number>()
  const named = (what: string) => (found: string) => {
    const known = seen.get(found)
    if (known) return known
    const count = (counts.get(what) ?? 0) + 1
    counts.set(what, count)
    seen.set(found, `<${what} ${count}>`)
    return `<${what} ${count}>`
  }
  return text =>
    text
      .replaceAll(folder, '<folder>')
      .replaceAll(` on ${hostname()}`, ' on <host>')
      .replaceAll(`"host": "${hostname()}"`, '"host": "<host>"')
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, named('uuid'))
      .replace(/\b[0-9a-f]{64}\b/g, named('digest'))
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, '<when>')
      .replace(/\b(?:\d+ min )?\d+(?:\.\d+)? m?s\b/g, '<time>')
      .replace(/"(milliseconds|at|startedAt|endedAt|took)": ?\d+/g, '"$1": <time>')
      .replace(/\b(pid|process) \d+/g, '$1 <pid>')
      .replace(/\b[0-9a-f]{8}\b(?= {2})/g, named('checkpoint'))
}

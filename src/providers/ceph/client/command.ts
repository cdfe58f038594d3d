/** A cluster through the `ceph` and `rbd` clients, which may run elsewhere: `ssh host ceph …`. Slower: 0.2 s a command. */
import { execa } from 'execa'
import PQueue from 'p-queue'
import { InfraError } from '../../../model/error.js'
import { hearAudit } from './command-audit.js'
import { commandImages } from './command-images.js'
import type { CallOptions, CephCommand, CommandAnswer } from './connection.js'
import { CephError, errnoOf } from './error.js'
import { readHelp } from './offers.js'
import type { Access, Environment } from './settings.js'
import type { Wire } from './wire.js'

export type Run = (
  tool: 'ceph' | 'rbd',
  words: readonly string[],
  what: string,
  options: CallOptions,
) => Promise<CommandAnswer>

/** Arguments that the client would take for its own options. */
const taken = new Set(['name', 'key', 'id', 'conf', 'cluster', 'keyring'])

/**
 * A command as words of the ceph client. Arguments go by name; where that cannot be, all go by place, which is why commands
 * are written with their arguments in Ceph's own order.
 */
export function commandWords(command: CephCommand): string[] {
  const { prefix, format: _format, ...rest } = command
  const given = Object.entries(rest).filter(([, value]) => value !== null)
  const byPlace = given.some(([name, value]) => taken.has(name) || Array.isArray(value))
  return [
    ...prefix.split(' '),
    ...given.flatMap(([name, value]) => {
      if (Array.isArray(value)) return value.map(String)
      if (typeof value === 'boolean') return value ? [`--${name.replaceAll('_', '-')}`] : []
      return [byPlace ? String(value) : `--${name}=${String(value)}`]
    }),
  ]
}

/** One word for the shell at the other end, where the prefix hands its words to one. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

export function openCommand(access: Access, environment: Environment): Wire {
  const queue = new PQueue({ concurrency: 8 })
  const options = Object.entries(access.options).map(([name, value]) => `--${name}=${value}`)
  const identity = [
    ...(access.conf === undefined ? [] : ['--conf', access.conf]),
    ...(access.keyring === undefined ? [] : ['--keyring', access.keyring]),
    '--name',
    access.name,
    '--cluster',
    access.cluster,
    ...options,
  ]
  const [first, ...rest] = access.command
  // `timeout 10 ssh host`, too
  const viaShell = access.command.some(word => /(^|\/)ssh$/.test(word))
  // They are in the arguments already, and must not be said twice
  const { CEPH_ARGS: _args, CEPH_CONF: _conf, CEPH_KEYRING: _keyring, ...env } = environment

  const run: Run = (tool, words, what, call) =>
    queue.add(async () => {
      call.signal.throwIfAborted()
      const seconds = call.timeoutSeconds ?? access.timeoutSeconds
      const said = [...identity, ...words]
      const all = [tool, ...(viaShell ? said.map(quoted) : said)]
      const [file, ...args] = first === undefined ? [tool, ...all.slice(1)] : [first, ...rest, ...all]
      const result = await execa(file, args, {
        env,
        extendEnv: false,
        reject: false,
        timeout: seconds * 1000,
        cancelSignal: AbortSignal.any([call.signal]),
        stripFinalNewline: false,
        ...(call.input === undefined ? { stdin: 'ignore' } : { input: call.input }),
      })
      call.signal.throwIfAborted()
      if (result.timedOut) throw new CephError(what, 110, `no answer after ${seconds} s`)
      if (result.exitCode === undefined) throw cannotRun(file, result.shortMessage ?? '')
      if (result.exitCode !== 0) throw failure(what, result.exitCode, result.stderr ?? '')
      return { output: result.stdout ?? '', status: result.stderr ?? '' }
    })

  const ceph = (command: CephCommand, call: CallOptions) =>
    run(
      'ceph',
      [
        '--format',
        'json',
        '--connect-timeout',
        String(call.timeoutSeconds ?? access.timeoutSeconds),
        ...(call.input === undefined ? [] : ['-i', '-']),
        ...commandWords(command),
      ],
      command.prefix,
      call,
    )
  return {
    transport: 'command',
    mon: ceph,
    mgr: ceph,
    audit: async (listener, call) => {
      call.signal.throwIfAborted()
      const all = ['ceph', ...identity, '--watch-channel', 'audit', '--watch-debug']
      const [file, ...args] = first === undefined ? ['ceph', ...all.slice(1)] : [first, ...rest, ...all]
      return hearAudit(file, args, env, listener)
    },
    rbd: commandImages(run),
    files: {
      names: async () => {
        throw needsLibrary('a folder cannot be read through the ceph client', 'look through a mount')
      },
      chown: async () => {
        throw needsLibrary(
          'the owner of a folder cannot be set through the ceph client',
          'change the owner through a mount',
        )
      },
    },
    offers: async call => readHelp((await run('ceph', ['--help'], 'ceph --help', call)).output),
    close: async () => queue.clear(),
  }
}

function needsLibrary(message: string, otherwise: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'ceph-needs-library',
    message,
    hint: `Install librados2 and libcephfs2 here, or ${otherwise}.`,
  })
}

function cannotRun(file: string, why: string): InfraError {
  return new InfraError({
    kind: 'connection',
    code: 'ceph-client-missing',
    message: `cannot run ${file}`,
    why,
    hint: 'install ceph-common, or say with `command` where the ceph client runs: [ssh, host]',
  })
}

/** The clients end with the errno as exit code; `Error ENOENT: …` says it where the exit code is a general 1. */
function failure(what: string, exitCode: number, stderr: string): CephError {
  const lines = stderr.split('\n').filter(line => line.trim() !== '')
  const told = lines.map(line => /^Error (E[A-Z]+):? ?(.*)$/.exec(line)).find(match => match !== null)
  if (told?.[1]) return new CephError(what, errnoOf(told[1]), told[2] ?? '')
  const inWords = [...stderr.matchAll(/\((\d+)\) /g)].at(-1)?.[1]
  // Log lines of the libraries start with a time
  const plain = lines.filter(line => !/^\d{4}-\d\d-\d\dT/.test(line))
  return new CephError(what, exitCode === 1 && inWords ? Number(inWords) : exitCode, plain.join('\n'))
}

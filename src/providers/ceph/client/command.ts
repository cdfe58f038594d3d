/**
 * A cluster through the `ceph` and `rbd` clients, which may run elsewhere: `ssh host ceph …`. What `ceph` is asked is asked of a
 * process that stays there, where there can be one; else of a client for each command, which takes a third of a second.
 */
import { execa } from 'execa'
import PQueue from 'p-queue'
import { InfraError } from '../../../model/error.js'
import { shellWord } from '../../../model/shell-word.js'
import { hearAudit } from './command-audit.js'
import { startCommandHost } from './command-host.js'
import { hostScript } from './command-host-script.js'
import { stayingHost } from './command-host-staying.js'
import { commandImages } from './command-images.js'
import type { CallOptions, CephCommand, CommandAnswer } from './connection.js'
import { CephError, errnoOf } from './error.js'
import { readDescriptions, readHelp } from './offers.js'
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
  // `timeout 10 ssh host`, too
  const viaShell = access.command.some(word => /(^|\/)ssh$/.test(word))
  // They are in the arguments already, and must not be said twice
  const { CEPH_ARGS: _args, CEPH_CONF: _conf, CEPH_KEYRING: _keyring, ...env } = environment

  /** The program to start, and its arguments, for words that begin with the client's name. */
  const program = (words: readonly string[]): [file: string, args: string[]] => {
    const all = [...access.command, ...(viaShell ? words.map(shellWord) : words)]
    return [all[0] ?? '', all.slice(1)]
  }

  const run: Run = (tool, words, what, call) =>
    queue.add(async () => {
      call.signal.throwIfAborted()
      const seconds = call.timeoutSeconds ?? access.timeoutSeconds
      const [file, args] = program([tool, ...identity, ...words])
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

  const asData = (seconds: number) => ['--format', 'json', '--connect-timeout', String(seconds)]

  const host = stayingHost(signal => {
    const { conf = '', keyring, name, cluster, timeoutSeconds } = access
    // A call that nothing answers comes back by itself, with its thread
    const limits = ['client_mount_timeout', 'rados_mon_op_timeout', 'rados_osd_op_timeout']
    const given = {
      ...access.options,
      ...(keyring !== undefined && { keyring }),
      ...Object.fromEntries(limits.map(limit => [limit, String(timeoutSeconds)])),
    }
    // The one that Ceph's own client begins with: another one lacks its module
    const words = [
      '/usr/bin/python3',
      '-c',
      hostScript,
      JSON.stringify({ name, cluster, conf, options: given }),
    ]
    return startCommandHost(...program(words), env, { signal, seconds: timeoutSeconds + 5 })
  }, access)

  const client = (command: CephCommand, call: CallOptions) =>
    run(
      'ceph',
      [
        ...asData(call.timeoutSeconds ?? access.timeoutSeconds),
        ...(call.input === undefined ? [] : ['-i', '-']),
        ...commandWords(command),
      ],
      command.prefix,
      call,
    )

  // The manager does one command after another: what waits there has its time running, what waits here has not
  const asked = new PQueue({ concurrency: 24 })
  const toManager = new PQueue({ concurrency: 12 })
  const ceph = (target: 'mon' | 'mgr') => async (command: CephCommand, call: CallOptions) => {
    call.signal.throwIfAborted()
    const there = await host.get(call.signal)
    if (there === undefined) return client(command, call)
    const limit = { signal: call.signal, seconds: (call.timeoutSeconds ?? access.timeoutSeconds) + 5 }
    const text = JSON.stringify({ format: 'json', ...command })
    const given = { target, command: text, data: call.input ?? '' }
    const ask = () => asked.add(() => there.ask(command.prefix, given, limit))
    return target === 'mgr' ? toManager.add(ask) : ask()
  }
  const offers = async (call: CallOptions) =>
    (await host.get(call.signal)) === undefined
      ? readHelp((await run('ceph', ['--help'], 'ceph --help', call)).output)
      : readDescriptions((await ceph('mon')({ prefix: 'get_command_descriptions' }, call)).output)

  return {
    transport: 'command',
    mon: ceph('mon'),
    mgr: ceph('mgr'),
    audit: async (listener, call) => {
      call.signal.throwIfAborted()
      const words = ['ceph', ...identity, '--watch-channel', 'audit', '--watch-debug']
      const seconds = call.timeoutSeconds ?? access.timeoutSeconds
      return hearAudit(...program(words), env, listener, { signal: call.signal, seconds })
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
    offers,
    close: async () => {
      for (const one of [toManager, asked, queue]) one.clear()
      host.end()
    },
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

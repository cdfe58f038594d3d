/** A cluster through librados and librbd. */
import PQueue from 'p-queue'
import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import type { CallOptions, CephCommand, CommandAnswer, RbdOperations } from './connection.js'
import { CephError } from './error.js'
import { type Host, HostFailure, startHost, threads } from './host-process.js'
import { notConnected } from './not-connected.js'
import { readDescriptions } from './offers.js'
import { renewed } from './renewed.js'
import type { Access, Environment } from './settings.js'
import { rbdNames, type Wire } from './wire.js'

/** Opens the wire. Fails with the code `ceph-library-missing` where librados or librbd is not installed. */
export async function openLibrary(
  access: Access,
  environment: Environment,
  signal: AbortSignal,
): Promise<Wire> {
  const queue = new PQueue({ concurrency: threads - 8 })
  // The manager does one command after another: what waits there has its time running, what waits here has not. And one that
  // hangs must not take all threads: monitors and OSDs answer still
  const toManager = new PQueue({ concurrency: 12 })
  const host = renewed(begun => connect(access, environment, begun))
  await host.get(signal)

  async function ask(call: string, args: Json, what: string, options: CallOptions): Promise<Json> {
    // The library's own limit comes first where there is one, and says more
    const seconds = (options.timeoutSeconds ?? access.timeoutSeconds) + 5
    const { signal } = options
    try {
      return await queue.add(async () => {
        signal.throwIfAborted()
        return (await host.get(signal)).ask(call, args, { signal, seconds })
      })
    } catch (thrown) {
      if (thrown instanceof HostFailure) throw new CephError(what, thrown.failure.errno, thrown.failure.words)
      throw thrown
    }
  }

  const command = (target: 'mon' | 'mgr') => async (given: CephCommand, options: CallOptions) => {
    const text = JSON.stringify({ format: 'json', ...given })
    const run = () => ask(target, { command: text, input: options.input ?? '' }, given.prefix, options)
    const answer = target === 'mgr' ? toManager.add(run) : run()
    return (await answer) as unknown as CommandAnswer
  }
  const rbd = Object.fromEntries(
    rbdNames.map(name => [
      name,
      (args: Json, options: CallOptions) => ask(name, args, `rbd ${name} ${subject(args)}`, options),
    ]),
  ) as unknown as RbdOperations
  return {
    transport: 'library',
    mon: command('mon'),
    mgr: command('mgr'),
    async audit(listener, options) {
      const current = await host.get(options.signal)
      await ask('audit', null, 'log last', options)
      return { end: current.listen(listener) }
    },
    rbd,
    files: {
      names: async (at, options) =>
        (await ask('names', at, `what is in ${at.path} of ${at.filesystem}`, options)) as readonly string[],
      chown: async (at, options) => {
        await ask('chown', at, `chown ${at.path} in ${at.filesystem}`, options)
      },
    },
    // The monitors describe the managers' commands, too
    offers: async options =>
      readDescriptions((await command('mon')({ prefix: 'get_command_descriptions' }, options)).output),
    async close() {
      toManager.clear()
      queue.clear()
      const last = await host.last()
      if (!last?.alive) return
      // Calls still under way hang: the library would wait for them
      const soon = { signal: new AbortController().signal, seconds: 2 }
      if (queue.pending === 0) await last.ask('close', null, soon).catch(() => undefined)
      last.kill()
    },
  }
}

async function connect(access: Access, environment: Environment, signal: AbortSignal): Promise<Host> {
  const host = startHost(environment)
  const { conf, keyring, name, cluster, options, timeoutSeconds } = access
  const request = {
    ...(conf !== undefined && { conf }),
    ...(keyring !== undefined && { keyring }),
    name,
    cluster,
    options,
    timeoutSeconds,
  }
  try {
    await host.ask('open', request, { signal, seconds: timeoutSeconds + 5 })
    return host
  } catch (thrown) {
    host.kill()
    if (signal.aborted) throw signal.reason
    if (!(thrown instanceof HostFailure) && thrown instanceof InfraError) throw thrown
    throw notConnected(
      access,
      thrown instanceof HostFailure ? thrown.failure : { errno: 110, words: 'no answer' },
    )
  }
}

/** What a call on images is about: `pool/image@snapshot`. */
function subject(args: Json): string {
  const { pool, image, snapshot, id } = args as {
    pool?: string
    image?: string
    snapshot?: string
    id?: string
  }
  const name = image ?? id
  return [pool, name && `/${name}`, snapshot && `@${snapshot}`].filter(part => part !== undefined).join('')
}

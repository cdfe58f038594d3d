/** librados: the connection, commands to monitors and managers, and pools to work in. */
import { callback, checked, loadLibrary, type Pointer, prototype, Slots, textAt } from './foreign.js'
import { NativeFailure, type OpenRequest } from './protocol.js'

export interface Rados {
  command(target: 'mon' | 'mgr', command: string, input: string): Promise<{ output: string; status: string }>
  /** Runs `work` with a pool's I/O context. */
  inPool<T>(pool: string, work: (context: Pointer) => Promise<T>): Promise<T>
  poolName(id: number): Promise<string>
  /** Pointer to the connection, for libraries that share it. */
  readonly cluster: Pointer
  /** Hears the monitors' log from now on, all channels. librados asks anew for itself when a monitor is lost. */
  monitorLog(heard: (channel: string, level: string, text: string) => void): Promise<void>
  shutdown(): Promise<void>
}

const commandArguments =
  '(void *cluster, const char **cmd, size_t cmdlen, const char *inbuf, size_t inlen, void *out, void *outlen, void *status, void *statuslen)'

prototype(
  'void rados_log_line(void *argument, const char *line, const char *channel, const char *who, const char *name, uint64_t sec, uint64_t nsec, uint64_t seq, const char *level, const char *text)',
)

/** Connects. Fails after the request's time where no monitor answers. */
export async function openRados(request: OpenRequest): Promise<Rados> {
  const library = loadLibrary('librados.so.2')
  const create = library.quick(
    'int rados_create2(void *cluster, const char *name, const char *user, uint64_t flags)',
  )
  const readFile = library.quick('int rados_conf_read_file(void *cluster, const char *path)')
  const setOption = library.quick('int rados_conf_set(void *cluster, const char *option, const char *value)')
  const connect = library.slow('int rados_connect(void *cluster)')
  const shutdown = library.slow('void rados_shutdown(void *cluster)')
  const commands = {
    mon: library.slow(`int rados_mon_command${commandArguments}`),
    mgr: library.slow(`int rados_mgr_command${commandArguments}`),
  }
  const release = library.quick('void rados_buffer_free(void *buffer)')
  const openPool = library.slow('int rados_ioctx_create(void *cluster, const char *pool, void *context)')
  const closePool = library.slow('void rados_ioctx_destroy(void *context)')
  const reverse = library.slow(
    'int rados_pool_reverse_lookup(void *cluster, int64_t id, void *name, size_t room)',
  )

  const monitorLog = library.slow(
    'int rados_monitor_log2(void *cluster, const char *level, rados_log_line *heard, void *argument)',
  )

  const handle = new Slots(1)
  checked(Number(create(handle.at(0), request.cluster, request.name, 0)), 'cannot make a client')
  const cluster = handle.pointer(0)
  const read = Number(readFile(cluster, request.conf ?? null))
  if (read < 0) throw new NativeFailure({ errno: -read, words: `cannot read ${request.conf ?? 'ceph.conf'}` })
  const set = (option: string, value: string) =>
    checked(Number(setOption(cluster, option, value)), `the option ${option}`)
  for (const [option, value] of Object.entries(request.options)) set(option, value)
  if (request.keyring !== undefined) set('keyring', request.keyring)
  // A call that nothing answers comes back by itself, with its thread
  for (const option of ['client_mount_timeout', 'rados_mon_op_timeout', 'rados_osd_op_timeout']) {
    set(option, String(request.timeoutSeconds))
  }
  checked(await connect(cluster), `no monitor let ${request.name} in`)

  return {
    cluster,
    async command(target, command, input) {
      const slots = new Slots(4)
      const size = Buffer.byteLength(input)
      const code = await commands[target](
        cluster,
        [command],
        1,
        size === 0 ? null : input,
        size,
        slots.at(0),
        slots.at(1),
        slots.at(2),
        slots.at(3),
      )
      const output = textAt(slots.pointer(0), slots.number(1))
      const status = textAt(slots.pointer(2), slots.number(3))
      for (const index of [0, 2]) if (slots.pointer(index) !== 0n) release(slots.pointer(index))
      checked(code, status || output)
      return { output, status }
    },
    async inPool(pool, work) {
      const context = new Slots(1)
      checked(await openPool(cluster, pool, context.at(0)), `pool '${pool}'`)
      try {
        return await work(context.pointer(0))
      } finally {
        await closePool(context.pointer(0))
      }
    },
    async poolName(id) {
      const room = Buffer.alloc(512)
      const length = checked(await reverse(cluster, id, room, room.length), `pool ${id}`)
      return room.toString('utf8', 0, length)
    },
    async monitorLog(heard) {
      const line = callback(
        'rados_log_line *',
        (_, __, channel, ___, ____, _____, ______, _______, level, text) =>
          heard(String(channel), String(level), String(text)),
      )
      checked(await monitorLog(cluster, 'debug', line, null), 'cannot follow the log')
    },
    shutdown: async () => {
      await shutdown(cluster)
    },
  }
}

/** Where the cluster is and who asks: the connection's settings, then the environment, then what Ceph itself does. */
import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'
import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'

export const cephSettings = z.strictObject({
  conf: z
    .string()
    .min(1)
    .optional()
    .describe('Path of ceph.conf. Default: CEPH_CONF, then /etc/ceph/CLUSTER.conf.'),
  keyring: z.string().min(1).optional().describe('Path of the keyring. Default: as ceph.conf says.'),
  client: z
    .string()
    .regex(/^(client\.)?[^\s.]\S*$/, 'a client name: admin, client.admin')
    .optional()
    .describe('Who asks: `admin` or `client.admin`. Default: CEPH_ARGS, then client.admin.'),
  cluster: z.string().min(1).optional().describe('Name of the cluster. Default: CEPH_ARGS, then ceph.'),
  transport: z
    .enum(['auto', 'library', 'command'])
    .optional()
    .describe(
      'How to talk to it: `library` (librados and librbd), `command` (the ceph and rbd clients), `auto` (default): the library where it is installed.',
    ),
  command: z
    .array(z.string().min(1))
    .optional()
    .describe(
      'Words before `ceph` and `rbd`, for the transport command: [ssh, host] or [cephadm, shell, --]. Where `python3` there has Ceph’s module, one process of it stays and is asked what `ceph` would be, for which each command is a start.',
    ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(3600)
    .optional()
    .describe('How long one command may take before it is given up. Default 60.'),
})

type Settings = z.infer<typeof cephSettings>

/** A connection's settings with the environment's share in them. */
export interface Access {
  readonly conf: string | undefined
  readonly keyring: string | undefined
  /** `client.admin`. */
  readonly name: string
  readonly cluster: string
  /** Other options of CEPH_ARGS, name → value: `mon_host`. */
  readonly options: Readonly<Record<string, string>>
  readonly transport: 'auto' | 'library' | 'command'
  readonly command: readonly string[]
  readonly timeoutSeconds: number
}

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Options as CEPH_ARGS writes them: `--conf=/x -n client.a --id b --mon-host 1.2.3.4`. A word without a value of its own is
 * taken for a flag and means `true`, as Ceph reads it.
 */
export function readCephArgs(text: string): Record<string, string> {
  const words = text.split(/\s+/).filter(word => word !== '')
  const short: Readonly<Record<string, string>> = {
    c: 'conf',
    n: 'name',
    i: 'id',
    k: 'keyring',
    m: 'mon_host',
  }
  const options: Record<string, string> = {}
  for (let at = 0; at < words.length; at++) {
    const match = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/.exec(words[at] ?? '')
    if (!match?.[1]) continue
    const name = short[match[1]] ?? match[1].replaceAll('-', '_')
    const next = words[at + 1]
    if (match[2] !== undefined) options[name] = match[2]
    else if (next !== undefined && !next.startsWith('-')) {
      options[name] = next
      at++
    } else options[name] = 'true'
  }
  return options
}

/** First wins: settings, CEPH_ARGS, CEPH_CONF and CEPH_KEYRING, Ceph's own defaults. Relative paths start from `folder`. */
export function resolveAccess(settings: Attributes, folder: string, environment: Environment): Access {
  const parsed = cephSettings.safeParse(settings)
  if (!parsed.success) {
    throw new InfraError({
      kind: 'configuration',
      code: 'ceph-settings',
      message: 'the settings of the Ceph connection are not valid',
      why: z.prettifyError(parsed.error),
    })
  }
  const said: Settings = parsed.data
  const { conf, keyring, name, id, cluster, ...options } = readCephArgs(environment.CEPH_ARGS ?? '')
  const path = (given: string | undefined) =>
    given === undefined || isAbsolute(given) ? given : resolve(folder, given)
  const client = said.client ?? name ?? (id === undefined ? 'admin' : id)
  return {
    conf: path(said.conf) ?? conf ?? environment.CEPH_CONF,
    keyring: path(said.keyring) ?? keyring ?? environment.CEPH_KEYRING,
    name: client.startsWith('client.') ? client : `client.${client}`,
    cluster: said.cluster ?? cluster ?? 'ceph',
    options,
    transport: said.transport ?? 'auto',
    command: said.command ?? [],
    timeoutSeconds: said.timeoutSeconds ?? 60,
  }
}

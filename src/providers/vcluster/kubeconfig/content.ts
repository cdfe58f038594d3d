/** A kubeconfig's text: its server and how long its credentials last. Never in an error: it holds keys. */
import { X509Certificate } from 'node:crypto'
import { dump, load } from 'js-yaml'
import { InfraError } from '../../../model/error.js'

interface Named<T> {
  readonly name: string
  readonly [key: string]: T | string
}

/** As far as it is read here; whatever else is in it is kept. */
interface Config {
  readonly 'current-context'?: string
  readonly clusters?: readonly Named<{ readonly server?: string }>[]
  readonly contexts?: readonly Named<{ readonly cluster?: string; readonly user?: string }>[]
  readonly users?: readonly Named<{ readonly 'client-certificate-data'?: string; readonly token?: string }>[]
}

/** Fails with `broken-kubeconfig`, which quotes nothing of it. */
export function parseKubeconfig(text: string): Config {
  let value: unknown
  try {
    value = load(text)
  } catch {
    value = undefined
  }
  if (typeof value === 'object' && value !== null && 'clusters' in value) return value as Config
  throw new InfraError({
    kind: 'operation',
    code: 'broken-kubeconfig',
    message: 'What the host cluster has as kubeconfig of the virtual cluster is none.',
    hint: 'read it again with --refresh; if it stays so, restart the virtual cluster, which writes it anew',
  })
}

/** The address of its first cluster. */
export function serverOf(text: string): string | undefined {
  const cluster = parseKubeconfig(text).clusters?.[0]?.cluster
  return typeof cluster === 'object' ? cluster.server : undefined
}

/** The same with another server; with `serverName` the certificate is checked against that name instead. */
export function withServer(text: string, server: string, serverName?: string): string {
  const config = parseKubeconfig(text)
  const clusters = config.clusters?.map(entry => ({
    ...entry,
    cluster: {
      ...(typeof entry.cluster === 'object' ? entry.cluster : {}),
      server,
      ...(serverName !== undefined && { 'tls-server-name': serverName }),
    },
  }))
  return dump({ ...config, clusters })
}

/** The same through a forwarded port of this machine. */
export function throughPort(text: string, port: number): string {
  return withServer(text, `https://127.0.0.1:${port}`, 'localhost')
}

/** The same with names that tell it from other clusters' in a merged file. */
export function withNames(text: string, name: string): string {
  const config = parseKubeconfig(text)
  const [cluster, context, user] = [config.clusters?.[0], config.contexts?.[0], config.users?.[0]]
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ ...cluster, name }],
    users: [{ ...user, name }],
    contexts: [
      {
        ...context,
        name,
        context: {
          ...(typeof context?.context === 'object' ? context.context : {}),
          cluster: name,
          user: name,
        },
      },
    ],
    'current-context': name,
  })
}

/** The same with a token in the place of a certificate. */
export function withToken(text: string, token: string): string {
  const config = parseKubeconfig(text)
  return dump({ ...config, users: config.users?.map(entry => ({ name: entry.name, user: { token } })) })
}

/** When its certificate or token ends, milliseconds since 1970; undefined where that cannot be told. */
export function credentialsEnd(text: string): number | undefined {
  const user = parseKubeconfig(text).users?.[0]?.user
  if (typeof user !== 'object') return undefined
  const certificate = user['client-certificate-data']
  if (certificate !== undefined) return certificateEnd(certificate)
  return user.token === undefined ? undefined : tokenEnd(user.token)
}

function certificateEnd(data: string): number | undefined {
  try {
    const end = Date.parse(new X509Certificate(Buffer.from(data, 'base64')).validTo)
    return Number.isNaN(end) ? undefined : end
  } catch {
    // no certificate: whoever uses the kubeconfig is told
    return undefined
  }
}

function tokenEnd(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const end = (claims as { exp?: unknown }).exp
    return typeof end === 'number' ? end * 1000 : undefined
  } catch {
    // no JWT, which alone says when it ends
    return undefined
  }
}

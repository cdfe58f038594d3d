/** The kubeconfigs of a host's virtual clusters: from the file while it serves, else from the Secret that the cluster writes. */
import { InfraError } from '../../../model/error.js'
import type { Clock, FileSystem } from '../../../model/ports.js'
import { type Attributes, isObject } from '../../../model/value.js'
import type { Target } from '../../provider.js'
import { hasCode } from '../client/errors.js'
import type { Host } from '../client/host.js'
import { openHost } from '../client/host.js'
import type { Secret } from '../client/objects.js'
import { paths } from '../client/paths.js'
import { parseDuration } from '../kinds/duration.js'
import type { Found } from '../snapshot.js'
import { isReady } from '../trouble.js'
import { serverOf, throughPort, withToken } from './content.js'
import { forwardPort } from './forward.js'
import { type Reach, reach } from './reach.js'
import {
  type Note,
  placeOfKubeconfig,
  readStored,
  removeKubeconfig,
  type StorePlace,
  writeKubeconfig,
} from './store.js'

export interface Kubeconfigs {
  /** The Secret's text as the virtual cluster wrote it; undefined before it did. */
  original(namespace: string, name: string, signal: AbortSignal): Promise<string | undefined>
  /** Finds an address that answers, proves it, and writes the file. Undefined while there is no Secret. */
  refresh(
    target: Pick<Target, 'spec'>,
    found: Found,
    signal: AbortSignal,
  ): Promise<(Reach & { readonly note: Note; readonly path: string }) | undefined>
  /** The text that serves now: the file's, or a fresh one. */
  current(target: Pick<Target, 'spec'>, found: Found, signal: AbortSignal): Promise<string | undefined>
  /** Begins to read a stored file, for `facts`: it can be read while the host is asked. */
  ahead(target: Pick<Target, 'spec'>, namespace: string, name: string): Promise<Uint8Array | undefined>
  /** What an observation tells of it. Writes nothing. */
  facts(
    target: Pick<Target, 'spec'>,
    found: Found,
    signal: AbortSignal,
    ahead?: Promise<Uint8Array | undefined>,
  ): Promise<Attributes>
  place(target: Pick<Target, 'spec'>, namespace: string, name: string): StorePlace
  remove(target: Pick<Target, 'spec'>, namespace: string, name: string): Promise<void>
}

export interface KubeconfigPorts {
  readonly host: Host
  readonly files: FileSystem
  readonly clock: Clock
  readonly folders: { readonly stack: string; readonly own: string }
  limited<T>(work: () => Promise<T>): Promise<T>
}

/** The kubeconfigs of a host's virtual clusters: read from their Secrets, proved, kept as private files. */
export function openKubeconfigs(ports: KubeconfigPorts): Kubeconfigs {
  const { host, files, clock } = ports
  const place = (target: Pick<Target, 'spec'>, namespace: string, name: string) =>
    placeOfKubeconfig(target.spec, namespace, name, ports.folders)

  async function original(namespace: string, name: string, signal: AbortSignal) {
    const secret = await host.get<Secret>(paths.secrets(namespace, `vc-${name}`), signal)
    const data = secret?.data?.config
    return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8')
  }

  /** Texts by the version of their Secret: read once in the life of a connection, until the cluster writes another. */
  const memory = new Map<string, { readonly version: string; readonly text: string }>()
  async function remembered(found: Found, signal: AbortSignal): Promise<string | undefined> {
    const version = found.kubeconfigVersion
    if (version === undefined) return undefined
    const key = `${found.namespace}/${found.name}`
    const known = memory.get(key)
    if (known?.version === version) return known.text
    const text = await ports.limited(() => original(found.namespace, found.name, signal))
    if (text !== undefined) memory.set(key, { version, text })
    return text
  }

  async function refresh(target: Pick<Target, 'spec'>, found: Found, signal: AbortSignal) {
    const { namespace, name } = found
    const text = await original(namespace, name, signal)
    if (text === undefined) return undefined
    const wanted = isObject(target.spec.kubeconfig) ? target.spec.kubeconfig : {}
    const server = typeof wanted.server === 'string' ? wanted.server : undefined
    const reached = await reach(
      host,
      clock,
      { namespace, name, service: found.service, pods: found.pods },
      text,
      server,
      signal,
    )
    const span = typeof wanted.tokenExpiry === 'string' ? parseDuration(wanted.tokenExpiry) : undefined
    const final =
      span === undefined || reached.proof === 'none'
        ? reached.text
        : withToken(reached.text, await tokenThrough(reached, found, span, signal))
    const where = place(target, namespace, name)
    const note = await writeKubeconfig(files, clock, where, final, uidOf(found))
    return { ...reached, text: final, note, path: where.path }
  }

  /** A token by the way that answers: directly, or through a port that is forwarded for it. */
  async function tokenThrough({ proof, text }: Reach, found: Found, seconds: number, signal: AbortSignal) {
    const { namespace, name, pods } = found
    if (proof === 'direct') return makeToken(text, name, seconds, clock, signal)
    const forward = await forwardPort(host, namespace, async () => pods.find(isReady)?.metadata.name)
    try {
      return await makeToken(throughPort(text, forward.port), name, seconds, clock, signal)
    } finally {
      await forward.close()
    }
  }

  return {
    original,
    refresh,
    place,
    async current(target, found, signal) {
      const where = place(target, found.namespace, found.name)
      const { text } = await readStored(files, clock, where, uidOf(found))
      return text ?? (await refresh(target, found, signal))?.text
    },
    ahead(target, namespace, name) {
      const reading = files.read(place(target, namespace, name).path)
      // Who takes it hears of a failure; who does not, need not.
      reading.catch(() => undefined)
      return reading
    },
    async facts(target, found, signal, ahead) {
      const where = place(target, found.namespace, found.name)
      const stored = await readStored(files, clock, where, uidOf(found), ahead)
      const text = stored.text ?? (await remembered(found, signal))
      const server = stored.note?.server ?? (text === undefined ? undefined : serverOf(text))
      return {
        ...(server !== undefined && { server }),
        ...(stored.note !== undefined && { kubeconfigPath: where.path }),
        ...(text !== undefined && { kubeconfigContent: text }),
      }
    },
    async remove(target, namespace, name) {
      await removeKubeconfig(files, place(target, namespace, name))
    },
  }
}

function uidOf(found: Found): string {
  return found.workload?.metadata.uid ?? ''
}

/** A token of a service account of its own inside the virtual cluster, for so many seconds. */
async function makeToken(
  text: string,
  name: string,
  seconds: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  const inside = openHost({ text, clock, kubeconfig: '' })
  try {
    const account = `infra-${name}`
    const there = '/api/v1/namespaces/kube-system/serviceaccounts'
    const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings'
    await makeOnce(
      inside,
      there,
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account } },
      signal,
    )
    await makeOnce(
      inside,
      bindings,
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: account },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'kube-system' }],
      },
      signal,
    )
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: seconds },
    }
    const answer = await inside.create<Secret & { status?: { token?: string } }>(
      `${there}/${account}/token`,
      request,
      signal,
    )
    const token = answer.status?.token
    if (token) return token
    throw new InfraError({
      kind: 'operation',
      code: 'no-token',
      message: `The virtual cluster ${name} gave no token for its kubeconfig.`,
      hint: 'leave out kubeconfig.tokenExpiry, and the kubeconfig holds the certificate that the cluster wrote',
    })
  } finally {
    inside.close()
  }
}

async function makeOnce(
  host: Host,
  path: string,
  object: {
    readonly apiVersion: string
    readonly kind: string
    readonly metadata: { readonly name: string }
    readonly [key: string]: unknown
  },
  signal: AbortSignal,
) {
  if ((await host.get(`${path}/${object.metadata.name}`, signal)) === undefined)
    await host.create(path, object, signal).catch(error => {
      // somebody else was faster, or the answer to the first try was lost
      if (!hasCode(error, 'host-object-exists')) throw error
    })
}

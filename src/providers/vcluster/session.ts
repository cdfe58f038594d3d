/** What the verbs of one open connection share. */
import PQueue from 'p-queue'
import type { Ports } from '../../model/ports.js'
import { requireAccess } from './client/access.js'
import { hasCode } from './client/errors.js'
import type { Host } from './client/host.js'
import { findHelm, type Helm } from './helm/find.js'
import { type Kubeconfigs, openKubeconfigs } from './kubeconfig/access.js'

export interface Session {
  readonly host: Host
  readonly ports: Ports
  /** The stack's folder, for relative paths. */
  readonly folder: string
  readonly kubeconfigs: Kubeconfigs
  /** Where temporary files with secrets may be, 0700. */
  readonly privateFolder: string
  /** The vcluster tool: a name, or a path. */
  readonly vcluster: string
  /** How long a namespace may take to go away, milliseconds. */
  readonly removal: number
  helm(signal: AbortSignal): Promise<Helm>
  /** Runs work that reads details, a few at a time. */
  limited<T>(work: () => Promise<T>): Promise<T>
  /** Fails before anything is made where the account lacks a right. Asked once where it holds for the whole host. */
  requireAccess(namespace: string, ownsNamespace: boolean, signal: AbortSignal): Promise<void>
}

/** How many details are read at once. */
const details = 16

/** What the verbs and acts on one host share. `removal`: how long a namespace may take to go away, milliseconds. Asks no host. */
export function openSession(options: {
  readonly host: Host
  readonly ports: Ports
  readonly folder: string
  readonly kubeconfigFolder: string
  readonly helm: string
  readonly vcluster: string
  readonly removal: number
}): Session {
  const { host, ports, folder } = options
  const queue = new PQueue({ concurrency: details })
  const limited = <T>(work: () => Promise<T>): Promise<T> => queue.add(work)
  let helm: Promise<Helm> | undefined
  let everywhere: Promise<boolean> | undefined
  return {
    host,
    ports,
    folder,
    limited,
    privateFolder: options.kubeconfigFolder,
    vcluster: options.vcluster,
    removal: options.removal,
    kubeconfigs: openKubeconfigs({
      host,
      files: ports.files,
      clock: ports.clock,
      folders: { stack: folder, own: options.kubeconfigFolder },
      limited,
    }),
    helm(signal) {
      helm ??= findHelm(options.helm, signal).catch(error => {
        helm = undefined
        throw error
      })
      return helm
    },
    async requireAccess(namespace, ownsNamespace, signal) {
      everywhere ??= requireAccess(host, '', { namespace: true, volumes: true }, signal).then(
        () => true,
        error => {
          if (hasCode(error, 'host-access-missing')) return false
          everywhere = undefined
          throw error
        },
      )
      if (await everywhere) return
      await requireAccess(host, namespace, { namespace: ownsNamespace, volumes: true }, signal)
    },
  }
}

/** What the verbs of one open connection share. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { load } from 'js-yaml'
import PQueue from 'p-queue'
import { InfraError, messageOf } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import { type Attributes, isObject, isUnresolved, type Json } from '../../model/value.js'
import { requireAccess } from './client/access.js'
import { hasCode } from './client/errors.js'
import type { Host } from './client/host.js'
import { findHelm, type Helm } from './helm/find.js'
import { canonicalSpec } from './kinds/canonical.js'
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
  /** The spec with the contents of its values files in it. */
  complete(spec: Attributes, name: string): Promise<Attributes>
}

/** How many details are read at once. */
const details = 16

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
    async complete(spec, name) {
      const files = Array.isArray(spec.valuesFiles) ? (spec.valuesFiles as readonly Json[]) : []
      if (!files.some(file => typeof file === 'string')) return spec
      const valuesFiles = await Promise.all(
        files.map(file => (typeof file === 'string' ? readValues(folder, file) : file)),
      )
      return canonicalSpec({ ...spec, valuesFiles }, { name, labels: {}, annotations: {} })
    },
  }
}

/** A file of values beside the stack. */
async function readValues(folder: string, file: string): Promise<Json> {
  let content: Json
  try {
    content = (load(await readFile(resolve(folder, file), 'utf8')) ?? {}) as Json
  } catch (error) {
    throw new InfraError({
      kind: 'configuration',
      code: 'no-values-file',
      message: `The values file ${file} cannot be read.`,
      why: messageOf(error).split('\n')[0] ?? '',
      hint: 'paths in spec.valuesFiles start from the folder of the stack',
    })
  }
  if (!isObject(content) || isUnresolved(content))
    throw new InfraError({
      kind: 'validation',
      code: 'no-values',
      message: `The values file ${file} holds no map of values.`,
    })
  return { file, content }
}

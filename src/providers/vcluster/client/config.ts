/** The kubeconfig of a host cluster. */
import { type Cluster, KubeConfig } from '@kubernetes/client-node'
import { InfraError } from '../../../model/error.js'
import { plainCause } from '../../../model/file-error.js'

export interface ConfigOptions {
  /** Absolute path of the kubeconfig. */
  readonly kubeconfig: string
  /** The kubeconfig itself, in the place of the file. */
  readonly text?: string
  readonly context?: string
}

/** Fails with `no-kubeconfig` where it cannot be read, and with `no-host-cluster` where it names none. */
export function hostConfig(options: ConfigOptions): {
  readonly config: KubeConfig
  readonly cluster: Cluster
} {
  const config = readConfig(options)
  const cluster = config.getCurrentCluster()
  if (cluster) return { config, cluster }
  throw new InfraError({
    kind: 'configuration',
    code: 'no-host-cluster',
    message: `The kubeconfig ${options.kubeconfig} names no cluster${options.context === undefined ? '' : ` for context ${options.context}`}.`,
    hint: `contexts in it: ${
      config
        .getContexts()
        .map(context => context.name)
        .join(', ') || 'none'
    }`,
  })
}

function readConfig(options: ConfigOptions): KubeConfig {
  const config = new KubeConfig()
  try {
    if (options.text !== undefined) config.loadFromString(options.text)
    else config.loadFromFile(options.kubeconfig)
  } catch (error) {
    throw new InfraError({
      kind: 'configuration',
      code: 'no-kubeconfig',
      message: `The kubeconfig ${options.kubeconfig} of the host cluster cannot be read.`,
      why: plainCause(error).split('\n')[0] ?? '',
      hint: 'The stack names it: spec.providers.NAME.kubeconfig; else it is ~/.kube/config.',
    })
  }
  if (options.context !== undefined) config.setCurrentContext(options.context)
  return config
}

/** Virtual clusters on real host clusters: vCluster, installed with Helm. */
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import type { Ports } from '../../model/ports.js'
import { scalarText } from '../../model/value.js'
import { sensible } from '../answer.js'
import type { Connection, Provider, ProviderType } from '../provider.js'
import { readAnswer } from './client/answers.js'
import { openHost } from './client/host.js'
import { create } from './create.js'
import { remove } from './delete.js'
import { parseDuration } from './kinds/duration.js'
import { vclusterKinds } from './kinds/index.js'
import { observe } from './observe.js'
import { openSession, type Session } from './session.js'
import { vclusterSettings } from './settings.js'
import { unmanaged } from './unmanaged.js'
import { update } from './update.js'
import { asKept, destroyKept } from './volumes.js'
import { watchClusters } from './watch.js'

/** Opens what acts and verbs work on. Nothing is asked of the host yet. */
export function openVclusterSession(connection: Connection, ports: Ports): Session {
  const settings = vclusterSettings.parse(connection.settings)
  const at = (path: string) => {
    const home = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
    return isAbsolute(home) ? home : resolve(connection.folder, home)
  }
  const milliseconds = (text: string | undefined) =>
    text === undefined ? undefined : (parseDuration(text) ?? 0) * 1000
  const attemptTimeout = milliseconds(settings.timeout)
  const patience = milliseconds(settings.patience)
  const host = openHost({
    kubeconfig: at(settings.kubeconfig ?? '~/.kube/config'),
    clock: ports.clock,
    ...(settings.context !== undefined && { context: settings.context }),
    ...(attemptTimeout !== undefined && { attemptTimeout }),
    ...(patience !== undefined && { patience }),
  })
  const folder =
    settings.kubeconfigFolder === undefined
      ? join(connection.stateFolder, 'kubeconfigs', connection.name)
      : at(settings.kubeconfigFolder)
  const { helm = 'helm', vcluster: tool = 'vcluster' } = settings
  return openSession({
    host,
    ports,
    folder: connection.folder,
    kubeconfigFolder: folder,
    helm: helm.includes('/') ? at(helm) : helm,
    vcluster: tool.includes('/') ? at(tool) : tool,
    removal: milliseconds(settings.removal) ?? 120_000,
  })
}

async function open(connection: Connection, ports: Ports, signal: AbortSignal): Promise<Provider> {
  const session = openVclusterSession(connection, ports)
  const { host } = session
  const asked = { what: 'GET /version', host: host.name }
  const { gitVersion = '' } = readAnswer(await host.text('/version', {}, signal), asked)
  const read = <T>(work: () => Promise<T>) => sensible(`The host cluster ${host.name}`, work)
  return {
    type: 'vcluster',
    description: `Kubernetes ${scalarText(gitVersion) ?? ''} at ${host.name}`,
    parallelism: 10,
    observe: (targets, observing) => read(() => observe(session, targets, observing)),
    create: (request, call) => read(() => create(session, request, call)),
    update: (request, call) => read(() => update(session, request, call)),
    delete: (request, call) => read(() => remove(session, request, call)),
    async discard(token, discarding) {
      const kept = asKept(token)
      if (kept !== undefined) await read(() => destroyKept(session, kept, discarding))
    },
    unmanaged: (targets, listing) => read(() => unmanaged(session, targets, listing)),
    watch: watching => watchClusters(session, watching),
    async close() {
      host.close()
    },
  }
}

export const vclusterProvider: ProviderType = {
  type: 'vcluster',
  summary: 'Virtual Kubernetes clusters (vCluster) in host clusters, installed with helm',
  kinds: vclusterKinds,
  settings: vclusterSettings,
  open,
}

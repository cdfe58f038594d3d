/** A way into a virtual cluster from this machine for as long as it is needed: a kubeconfig, and a forwarded port if need be. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import { serverOf, throughPort } from '../kubeconfig/content.js'
import { type Forward, forwardPort } from '../kubeconfig/forward.js'
import { underLock } from '../kubeconfig/lock.js'
import { type Config, putIn, readConfig, takeOut, writeConfig } from '../kubeconfig/merged.js'
import { answersReadyz } from '../kubeconfig/reach.js'
import { readOne } from '../ready.js'
import type { Session } from '../session.js'
import type { Found } from '../snapshot.js'
import { isReady } from '../trouble.js'
import { findCluster } from './find.js'

export interface ClusterChoice {
  readonly name: string
  readonly namespace?: string
  /** The spec that the stack has for it; what it says of the kubeconfig counts. */
  readonly spec?: Attributes
}

export interface Way {
  /** A kubeconfig of mode 0600 that is gone after `close`. */
  readonly kubeconfig: string
  readonly server: string
  close(): Promise<void>
}

/** Opens a way in: directly where the API server answers from here, else, or when a port is asked for, through a forwarded port. */
export async function openWay(
  session: Session,
  choice: ClusterChoice,
  port: number | undefined,
  signal: AbortSignal,
): Promise<Way> {
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  if (found.workload?.spec.replicas === 0)
    throw new InfraError({
      kind: 'operation',
      code: 'cluster-paused',
      message: `The virtual cluster ${choice.name} is paused.`,
      hint: `infra cluster resume ${choice.name}`,
    })
  const target = { spec: choice.spec ?? {} }
  const text = await session.kubeconfigs.current(target, found, signal)
  if (text === undefined) throw noKubeconfig(choice.name)
  const direct = port === undefined && (await answersReadyz(text, signal)).ok
  const forward = direct
    ? undefined
    : await forwardPort(session.host, found.namespace, () => readyPod(session, found, signal), port)
  return privateWay(session, forward === undefined ? text : throughPort(text, forward.port), forward)
}

/** The way as a private file. Where that cannot be written, the port that was forwarded for it is let go, too. */
async function privateWay(session: Session, text: string, forward: Forward | undefined): Promise<Way> {
  let folder: string | undefined
  const close = async () => {
    await forward?.close()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
  try {
    await session.ports.files.makeFolder(session.privateFolder)
    folder = await mkdtemp(join(session.privateFolder, 'way-'))
    const kubeconfig = join(folder, 'config')
    await writeFile(kubeconfig, text, { mode: 0o600, flag: 'wx' })
    return { kubeconfig, server: serverOf(text) ?? '', close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Holds a forwarded port open until it is aborted, then leaves nothing behind. */
export async function connectCluster(
  session: Session,
  choice: ClusterChoice,
  options: { readonly port?: number },
  opened: (way: Way) => void,
  signal: AbortSignal,
): Promise<void> {
  const way = await openWay(session, choice, options.port ?? 0, signal)
  try {
    opened(way)
    if (!signal.aborted)
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  } finally {
    await way.close()
  }
}

/**
 * Puts the cluster as a context into a kubeconfig of the user's, which is written whole; other contexts stay as they are.
 * Resolves to the context's name.
 */
export async function mergeContext(
  session: Session,
  choice: ClusterChoice,
  file: string,
  options: { readonly use?: boolean },
  signal: AbortSignal,
): Promise<string> {
  const found = await findCluster(session, choice.name, choice.namespace, signal)
  const text = await session.kubeconfigs.current({ spec: choice.spec ?? {} }, found, signal)
  if (text === undefined) throw noKubeconfig(choice.name)
  const { server: host, context: hostContext } = session.host
  const of = { host, name: found.name, namespace: found.namespace }
  await session.ports.files.makeFolder(dirname(file))
  return edit(session, file, signal, before => {
    const { config, context } = putIn(before, text, of, hostContext)
    return {
      config: options.use === true ? { ...config, 'current-context': context } : config,
      done: context,
    }
  })
}

/** Takes the cluster's contexts out again, whether it is still there or not. Resolves to their names; none is no error. */
export async function unmergeContext(
  session: Session,
  { name, namespace }: ClusterChoice,
  file: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if ((await session.ports.files.read(file)) === undefined) return []
  return edit(session, file, signal, before => {
    const { config, contexts } = takeOut(before, { host: session.host.server, name, namespace })
    return { ...(contexts.length > 0 && { config }), done: contexts }
  })
}

/** Writes what becomes of the file, where something does, under the lock that others who write it take, too. */
async function edit<T>(
  { ports: { files, clock } }: Session,
  file: string,
  signal: AbortSignal,
  change: (before: Config) => { readonly config?: Config; readonly done: T },
): Promise<T> {
  return underLock(file, clock, signal, async () => {
    const { config, done } = change(readConfig(await files.read(file), file))
    if (config !== undefined) await files.replace(file, writeConfig(config), 0o600)
    return done
  })
}

async function readyPod(session: Session, found: Found, signal: AbortSignal): Promise<string | undefined> {
  const { pods } = await readOne(session, found, signal)
  return pods.find(isReady)?.metadata.name
}

function noKubeconfig(name: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'no-virtual-kubeconfig',
    message: `The virtual cluster ${name} has not written its kubeconfig yet.`,
    hint: `infra cluster status ${name} tells what it waits for`,
  })
}

/**
 * A mark on a domain that is being made, changed or unmade, in its own metadata: the domain is defined before its disks are
 * and undefined after they are gone, and what is stored of a change is stored before the running machine has it, so that
 * whatever a crash leaves is found by its UUID and known to be unfinished.
 */
import { ask, type Host, orAbsent } from './connection.js'
import { affect, metadataTypes } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'
import { element, elements, find, type XmlElement } from './xml/tree.js'

const namespace = 'https://infra.dev/xmlns/progress/v1'
const prefix = 'infra-progress'

/** One that is being brought back is no new one: what lies in it, or is still put away for it, is somebody's data. */
export type Progress = 'creating' | 'restoring' | 'deleting'
type Mark = Progress | 'changing'

/** Where what belongs to a machine that is being brought back still is, as far as it is not back. */
export interface Restoring {
  /** Its place in the trash. */
  readonly trash: string
  /** Path of the file of its UEFI variables. */
  readonly nvram?: string
}

export function progressElement(progress: Mark, restoring?: Restoring): XmlElement {
  return element(`${prefix}:resource`, { [`xmlns:${prefix}`]: namespace, is: progress, ...restoring })
}

function isMark(child: XmlElement): boolean {
  return Object.values(child.attributes).includes(namespace)
}

function markOf(root: XmlElement): XmlElement['attributes'] | undefined {
  const holder = find(root, 'metadata')
  return holder && elements(holder).find(isMark)?.attributes
}

/** Whether this domain is being made or unmade; undefined for one that is whole. */
export function readProgress(root: XmlElement): Progress | undefined {
  const is = markOf(root)?.is
  return is === 'creating' || is === 'restoring' || is === 'deleting' ? is : undefined
}

/** Of a domain that is being brought back; undefined for any other, and for one of which nothing was put away. */
export function readRestoring(root: XmlElement): Restoring | undefined {
  const { is, trash, nvram } = markOf(root) ?? {}
  return is === 'restoring' && trash !== undefined
    ? { trash, ...(nvram !== undefined && { nvram }) }
    : undefined
}

/** Whether a change of this domain, which is whole, has not come to its end. */
export function isChanging(root: XmlElement): boolean {
  return markOf(root)?.is === 'changing'
}

/** The tree of a domain with the mark in its metadata, in place of an earlier one. */
export function withProgress(root: XmlElement, progress: Mark, restoring?: Restoring): XmlElement {
  const mark = progressElement(progress, restoring)
  if (find(root, 'metadata') === undefined) {
    return { ...root, children: [element('metadata', {}, mark), ...root.children] }
  }
  return {
    ...root,
    children: root.children.map(child =>
      typeof child !== 'string' && child.name === 'metadata'
        ? {
            ...child,
            children: [...child.children.filter(one => typeof one === 'string' || !isMark(one)), mark],
          }
        : child,
    ),
  }
}

/** Sets or takes the mark of a domain, in its persistent definition. */
export async function setProgress(
  host: Host,
  domain: Domain,
  progress: Mark | undefined,
  signal: AbortSignal,
): Promise<void> {
  const metadata = progress === undefined ? undefined : `<resource is="${progress}"/>`
  const args = {
    domain,
    type: metadataTypes.element,
    metadata,
    key: metadata === undefined ? undefined : prefix,
    uri: namespace,
    flags: affect.config,
  }
  // taking away what is not there is what libvirt calls no metadata
  await orAbsent(ask(host, procedures.domains.setMetadata, args, signal), 'NO_DOMAIN_METADATA')
}

/**
 * The volumes of a virtual cluster over its delete and back. A volume outlives its namespace once its reclaim policy is
 * Retain; a claim of the same name that names it gets it back, and with it the same cluster: objects, certificates and all.
 */
import { InfraError } from '../../model/error.js'
import { isObject, type Json } from '../../model/value.js'
import { hasCode } from './client/errors.js'
import type { Claim, Volume } from './client/objects.js'
import { paths } from './client/paths.js'
import { marks } from './marks.js'
import type { Session } from './session.js'

/** One volume that a delete kept, with its claim as it is to be made again. */
export interface KeptVolume {
  readonly volume: string
  /** The reclaim policy that it had. */
  readonly policy: string
  readonly claim: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
    readonly spec: { readonly [key: string]: Json }
  }
}

/** What a delete puts into the journal. No secret is in it. */
export interface Kept {
  readonly type: 'virtual-cluster'
  readonly trash: string
  readonly namespace: string
  readonly name: string
  readonly volumes: readonly KeptVolume[]
}

/** What a delete kept; undefined for the token of something else. */
export function asKept(token: Json | undefined): Kept | undefined {
  return isObject(token) && token.type === 'virtual-cluster' ? (token as unknown as Kept) : undefined
}

/** Its own claims, and those that its workloads have in the host. */
export async function claimsOf(
  session: Session,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<readonly Claim[]> {
  const lists = await Promise.all(
    [
      `app=vcluster,release=${name}`,
      `app=vcluster-etcd,release=${name}`,
      `vcluster.loft.sh/managed-by=${name}`,
    ].map(labelSelector => session.host.list<Claim>(paths.claims(namespace), { labelSelector }, signal)),
  )
  return [...new Map(lists.flat().map(claim => [claim.metadata.name, claim])).values()]
}

/** What of the claims can be kept: those that are bound to a volume. `already`: each of them was, by this delete. Changes nothing. */
export async function planKeep(
  session: Session,
  namespace: string,
  name: string,
  trash: string,
  signal: AbortSignal,
): Promise<{ readonly kept: Kept; readonly already: boolean }> {
  const claims = await claimsOf(session, namespace, name, signal)
  let already = true
  const volumes = await Promise.all(
    claims.map(async (claim): Promise<KeptVolume | undefined> => {
      const { volumeName } = claim.spec
      const volume =
        volumeName === undefined
          ? undefined
          : await session.host.get<Volume>(paths.volume(volumeName), signal)
      if (volume === undefined || volumeName === undefined) return undefined
      if (volume.metadata.labels?.[marks.kept] !== trash) already = false
      const { accessModes, storageClassName, volumeMode, resources } = claim.spec
      return {
        volume: volumeName,
        policy:
          volume.metadata.annotations?.[`${marks.kept}-policy`] ??
          volume.spec.persistentVolumeReclaimPolicy ??
          'Delete',
        claim: {
          name: claim.metadata.name,
          labels: claim.metadata.labels ?? {},
          annotations: withoutSystem(claim.metadata.annotations ?? {}),
          spec: JSON.parse(
            JSON.stringify({ accessModes, storageClassName, volumeMode, resources, volumeName }),
          ) as { [key: string]: Json },
        },
      }
    }),
  )
  const kept = volumes.filter(volume => volume !== undefined)
  return { kept: { type: 'virtual-cluster', trash, namespace, name, volumes: kept }, already }
}

/** Makes the volumes outlive their claims, and reads that back. */
export async function retain(session: Session, kept: Kept, signal: AbortSignal): Promise<void> {
  await Promise.all(
    kept.volumes.map(async ({ volume, policy }) => {
      const changed = await session.host.patch<Volume>(
        paths.volume(volume),
        {
          metadata: {
            labels: { [marks.kept]: kept.trash },
            annotations: { [`${marks.kept}-policy`]: policy },
          },
          spec: { persistentVolumeReclaimPolicy: 'Retain' },
        },
        signal,
      )
      if (changed.spec.persistentVolumeReclaimPolicy !== 'Retain')
        throw new InfraError({
          kind: 'storage',
          code: 'volume-not-kept',
          message: `The volume ${volume} cannot be kept; nothing was deleted.`,
          why: 'its reclaim policy did not change',
        })
    }),
  )
}

/** Gives the kept volumes to claims of the old names. Called again, it finishes. */
export async function bringBack(session: Session, kept: Kept, signal: AbortSignal): Promise<void> {
  for (const entry of kept.volumes) {
    const volume = await session.host.get<Volume>(paths.volume(entry.volume), signal)
    if (volume === undefined)
      throw new InfraError({
        kind: 'storage',
        code: 'volume-gone',
        message: `The kept volume ${entry.volume} of ${kept.name} is gone; its data cannot come back.`,
      })
    const claim = await session.host.get<Claim>(paths.claims(kept.namespace, entry.claim.name), signal)
    if (claim === undefined) {
      await session.host.patch(
        paths.volume(entry.volume),
        {
          spec: {
            claimRef: {
              apiVersion: 'v1',
              kind: 'PersistentVolumeClaim',
              namespace: kept.namespace,
              name: entry.claim.name,
              uid: null,
              resourceVersion: null,
            },
          },
        },
        signal,
      )
      const { name, labels, annotations, spec } = entry.claim
      await session.host
        .create(
          paths.claims(kept.namespace),
          { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, labels, annotations }, spec },
          signal,
        )
        .catch(error => {
          if (!hasCode(error, 'host-object-exists')) throw error
        })
    } else if (claim.spec.volumeName !== entry.volume)
      throw new InfraError({
        kind: 'storage',
        code: 'claim-taken',
        message: `The claim ${entry.claim.name} in namespace ${kept.namespace} has another volume than the kept one.`,
      })
  }
}

/** Volumes that came back are as they were: their old policy, no mark. */
export async function releaseMarks(session: Session, kept: Kept, signal: AbortSignal): Promise<void> {
  await Promise.all(
    kept.volumes.map(({ volume, policy }) =>
      session.host.patch(
        paths.volume(volume),
        {
          metadata: { labels: { [marks.kept]: null }, annotations: { [`${marks.kept}-policy`]: null } },
          spec: { persistentVolumeReclaimPolicy: policy },
        },
        signal,
      ),
    ),
  )
}

/** How long the host is given to destroy a volume, milliseconds. */
const patience = 60_000

/** Destroys what a delete kept. A volume that is in use again, or that carries another mark, is left alone. */
export async function destroyKept(session: Session, kept: Kept, signal: AbortSignal): Promise<void> {
  await Promise.all(
    kept.volumes.map(async ({ volume: name, policy }) => {
      const path = paths.volume(name)
      const volume = await session.host.get<Volume>(path, signal)
      if (
        volume === undefined ||
        volume.metadata.labels?.[marks.kept] !== kept.trash ||
        volume.status?.phase === 'Bound'
      )
        return
      // With the policy Delete the host destroys what is behind a released volume; without it only the object can go.
      if (policy === 'Delete')
        await session.host.patch(path, { spec: { persistentVolumeReclaimPolicy: 'Delete' } }, signal)
      else await session.host.remove(path, signal)
      await waitGone(session, name, policy, signal)
    }),
  )
}

async function waitGone(session: Session, name: string, policy: string, signal: AbortSignal): Promise<void> {
  const { clock } = session.ports
  const began = clock.now()
  for (;;) {
    const volume = await session.host.get<Volume>(paths.volume(name), signal)
    if (volume === undefined) return
    // A volume that was given back but never taken is Available: the host deletes only released ones.
    if (policy === 'Delete' && volume.status?.phase === 'Available')
      await session.host.remove(paths.volume(name), signal)
    if (clock.now() - began > patience)
      throw new InfraError({
        kind: 'storage',
        code: 'volume-not-destroyed',
        message: `The kept volume ${name} is still there.`,
        why: volume.status?.message ?? `its phase is ${volume.status?.phase ?? 'unknown'}`,
      })
    await clock.sleep(500, signal)
  }
}

function withoutSystem(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(([name]) => !/(^|\.)(kubernetes|k8s)\.io\//.test(name)),
  )
}

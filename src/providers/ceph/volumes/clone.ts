/** Clones, which the manager makes in the background. */
import { InfraError } from '../../../model/error.js'
import type { Call } from '../../provider.js'
import { type Ceph, mgrData, tellMgr, tellPatiently } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { about, inGroup, type Place } from './place.js'

export interface Source extends Place {
  readonly snapshot: string
}

/** Starts a clone and waits for it. `place` may be the source itself, where that is retained. */
export async function cloneVolume(
  ceph: Ceph,
  source: Source,
  place: Place,
  dataPool: string | undefined,
  call: Call,
): Promise<void> {
  const command = about(source, 'fs subvolume snapshot clone', {
    snap_name: source.snapshot,
    target_sub_name: place.volume,
    ...(dataPool !== undefined && { pool_layout: dataPool }),
    ...(place.group !== undefined && { target_group_name: place.group }),
  })
  await tellPatiently(ceph, command, call)
  await awaitClone(ceph, place, call)
}

interface CloneJson {
  readonly status: {
    readonly state: string
    readonly progress_report?: { readonly 'percentage cloned'?: string; readonly 'amount cloned'?: string }
    readonly failure?: { readonly errno?: string; readonly error_msg?: string }
  }
}

/** Waits until a clone is complete. A failed one is taken away again. */
export async function awaitClone(ceph: Ceph, place: Place, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const command = { prefix: 'fs clone status', vol_name: place.filesystem, clone_name: place.volume }
  let told = ''
  for (let pause = 100; ; pause = Math.min(pause * 2, 1000)) {
    const { status } = await mgrData<CloneJson>(ceph, { ...command, ...inGroup(place.group) }, options)
    if (status.state === 'complete') return
    if (status.state === 'failed' || status.state === 'canceled') {
      await dropClone(ceph, place, options)
      throw failed(place, status)
    }
    const progress = [status.state, status.progress_report?.['percentage cloned']]
    const text = progress.filter(part => part !== undefined).join(', ')
    if (text !== told) call.progress(`cloning: ${text}`)
    told = text
    await ceph.clock.sleep(pause, call.signal)
  }
}

/** Takes a clone away that is not complete. Where it was to take the place of its own source, that is retained as it was. */
export async function dropClone(ceph: Ceph, place: Place, options: CallOptions): Promise<void> {
  const retain = ceph.connection.offers('fs subvolume rm', 'retain_snapshots')
  const how = { force: true, ...(retain && { retain_snapshots: true }) }
  await tellMgr(ceph, about(place, 'fs subvolume rm', how), options)
}

function failed(place: Place, status: CloneJson['status']): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'ceph-clone-failed',
    message: `cloning ${place.volume} ${status.state === 'failed' ? 'failed' : 'was cancelled'}`,
    ...(status.failure?.error_msg !== undefined && { why: status.failure.error_msg }),
    hint: 'See the manager’s log. What there was of the clone has been taken away.',
  })
}

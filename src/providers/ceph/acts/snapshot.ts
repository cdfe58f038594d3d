/** Snapshots of a volume as a series, of which only some are kept. */
import { InfraError } from '../../../model/error.js'
import { type Ceph, tellMgr } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { isErrno } from '../client/error.js'
import { snapshotNames } from '../volumes/kept.js'
import { about, type Place } from '../volumes/place.js'
import { volumeState } from '../volumes/read.js'
import { noVolume, type SnapshotView, snapshotViews } from './volumes.js'

export interface Retention {
  /** How many of the series are kept. */
  readonly keepLast?: number
  /** How long each is kept: `12h`, `7d`, `4w`. */
  readonly keepFor?: string
}

export interface SnapshotTaken {
  readonly created: string
  readonly removed: readonly string[]
  /** Would have been removed, but a clone still needs them. */
  readonly busy: readonly string[]
}

const hours: Readonly<Record<string, number>> = { h: 1, d: 24, w: 168 }

/** Milliseconds of `12h`, `7d`, `4w`. */
export function durationOf(text: string): number {
  const match = /^(\d+)([hdw])$/.exec(text)
  if (!match?.[1] || !match[2]) {
    throw new InfraError({
      kind: 'validation',
      code: 'invalid-duration',
      message: `“${text}” is no duration`,
      hint: 'Use hours, days or weeks: 12h, 7d, 4w.',
    })
  }
  return Number(match[1]) * (hours[match[2]] ?? 0) * 3_600_000
}

/** `nightly-20261121T084635Z` of a series and a time. */
export function snapshotName(series: string, now: number): string {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')
  return `${series}-${time}`
}

/** When a snapshot of the series was taken, by its name; undefined of any other name. */
export function timeOf(series: string, name: string): number | undefined {
  if (!name.startsWith(`${series}-`)) return undefined
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(name.slice(series.length + 1))
  if (!match) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

/** Names of a series that a retention lets go, the oldest first. A name that is not of the series never goes. */
export function expired(
  series: string,
  names: readonly string[],
  retention: Retention,
  now: number,
): string[] {
  const dated = names
    .map(name => ({ name, time: timeOf(series, name) }))
    .filter((one): one is { name: string; time: number } => one.time !== undefined)
    .sort((a, b) => a.time - b.time)
  const since =
    retention.keepFor === undefined ? Number.NEGATIVE_INFINITY : now - durationOf(retention.keepFor)
  const beyond = retention.keepLast === undefined ? 0 : Math.max(0, dated.length - retention.keepLast)
  return dated.filter((one, index) => index < beyond || one.time < since).map(one => one.name)
}

/** Takes the next snapshot of a series, and lets go what the retention does not keep. The new one is always kept. */
export async function snapshotVolume(
  ceph: Ceph,
  place: Place,
  series: string,
  retention: Retention,
  options: CallOptions,
): Promise<SnapshotTaken> {
  const state = await volumeState(ceph, place, options)
  if (state.is !== 'live') throw noVolume(place)
  const now = ceph.clock.now()
  const created = snapshotName(series, now)
  await tellMgr(ceph, about(place, 'fs subvolume snapshot create', { snap_name: created }), options)
  const views = await snapshotViews(ceph, place, options)
  if (!views.some(view => view.name === created))
    throw notSo(`took the snapshot ${created}, but it is not there`)
  const names = views.map(view => view.name)
  const going = expired(series, names, retention, now).filter(name => name !== created)
  const busy = views.filter(view => view.pendingClones && going.includes(view.name))
  const removed = going.filter(name => !busy.some(view => view.name === name))
  for (const name of removed) await removeSnapshot(ceph, place, name, options)
  const left = removed.length === 0 ? [] : await snapshotNames(ceph, place, options)
  const still = removed.filter(name => left.includes(name))
  if (still.length > 0) throw notSo(`removed the snapshot ${still.join(', ')}, but it is still there`)
  return { created, removed, busy: busy.map((view: SnapshotView) => view.name) }
}

async function removeSnapshot(ceph: Ceph, place: Place, name: string, options: CallOptions): Promise<void> {
  try {
    await tellMgr(ceph, about(place, 'fs subvolume snapshot rm', { snap_name: name }), options)
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown
  }
}

function notSo(what: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'not-so',
    message: `the manager reported that it ${what}`,
    hint: 'Look at the volume with `infra volume show`, and try again.',
  })
}

/** Acts on a virtual cluster as a journal tells them. */
import type { Attributes } from '../../../model/value.js'

/** Puts the end off. */
export interface ExtendAct {
  readonly verb: 'extend'
  readonly name: string
  readonly namespace: string
  /** The end before and after, UTC, ISO 8601. */
  readonly from: string
  readonly to: string
}

export interface BackupAct {
  readonly verb: 'backup'
  readonly name: string
  readonly namespace: string
  readonly address: string
  /** Names of the snapshot requests that were there before. */
  readonly before: readonly string[]
}

export interface RestoreAct {
  readonly verb: 'restore'
  readonly name: string
  readonly namespace: string
  readonly address: string
  /** The backup of what was in it before; absent where it was to go without one, and then there is no way back. */
  readonly kept?: string
}

export type ClusterAct = ExtendAct | BackupAct | RestoreAct

/** Makes the act durable before it begins. What it resolves to is called once it is known how the act ended. */
export type Begin = (act: ClusterAct) => Promise<() => void>

/** The act of a journal's record; undefined for what this version does not know. */
export function clusterAct(what: Attributes): ClusterAct | undefined {
  const { verb } = what
  const texts = { extend: ['from', 'to'], backup: ['address'], restore: ['address'] }[String(verb)]
  if (texts === undefined) return undefined
  const whole = ['name', 'namespace', ...texts].every(field => typeof what[field] === 'string')
  if (!whole || (verb === 'backup' && !isTexts(what.before))) return undefined
  if (what.kept !== undefined && typeof what.kept !== 'string') return undefined
  return what as unknown as ClusterAct
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(one => typeof one === 'string')
}

/** What was decided about one resource: plain data between deciding, protecting and making steps. */
import type { Address } from '../model/address.js'
import type { InfraError } from '../model/error.js'
import type { Hazard, Kind } from '../providers/kind.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import type { Restore } from './input.js'
import type { Change, Step } from './plan.js'

export type Decision =
  | { readonly action: 'none' }
  | { readonly action: 'unreadable'; readonly why: string }
  | { readonly action: 'refused'; readonly problems: readonly InfraError[] }
  | { readonly action: 'create' | 'delete' | 'forget' | 'no-op'; readonly cause?: string }
  | { readonly action: 'adopt'; readonly changes: readonly Change[]; readonly cause?: string }
  | {
      readonly action: 'update'
      readonly changes: readonly Change[]
      readonly hazards: readonly Hazard[]
      readonly restart: boolean
      readonly cause?: string
    }
  | {
      readonly action: 'replace'
      readonly changes: readonly Change[]
      readonly cause: string
      /** What is there is of no use to anybody. */
      readonly broken?: true
    }

/** A resource with what is to be done about it. */
export interface Decided {
  readonly address: Address
  readonly kind: Kind
  readonly desired: DesiredResource | undefined
  readonly record: ResourceRecord | undefined
  /** What is known of the object that is there: its record, or what was observed of one that has none. */
  readonly before: Step['before'] | undefined
  readonly restore: Restore | undefined
  readonly decision: Decision
  /** What a rollback cannot put back, in words. */
  readonly left: readonly string[]
}

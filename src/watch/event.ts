/** What a watch for drift tells, one object at a time. With `--json` each is a line. */
import type { ErrorDetails } from '../model/error.js'
import type { Json } from '../model/value.js'
import type { DriftCounts, DriftReport } from '../report/drift/model.js'

/** Something drifted, drifted further, or drifts no more. */
export interface DriftChange {
  readonly type: 'drift'
  readonly change: 'appeared' | 'changed' | 'gone'
  /** When it was read, ISO 8601. */
  readonly at: string
  readonly stack: string
  readonly rule: 'modified' | 'deleted' | 'unmanaged'
  /** `VirtualMachine/web`, or `Kind/name` of an object that nobody declared. */
  readonly resource: string
  readonly connection: string
  readonly path?: string
  /** As recorded, and as it is there; secrets are masked. */
  readonly from?: Json
  readonly to?: Json
  readonly sensitive?: true
  /** In words, without the resource. */
  readonly text: string
}

export type WatchEvent =
  | DriftChange
  /** Resources of a connection that cannot be read, for one reason; what they drifted by before is not forgotten. */
  | {
      readonly type: 'unreadable'
      readonly at: string
      readonly stack: string
      readonly connection: string
      readonly why: string
      readonly resources: readonly string[]
    }
  /** Resources that can be read again. */
  | {
      readonly type: 'readable'
      readonly at: string
      readonly stack: string
      readonly connection: string
      readonly resources: readonly string[]
    }
  /** What a system says of a resource beside, which is no drift: paused, inactive, waiting for a restart. Empty: no more. */
  | {
      readonly type: 'remark'
      readonly at: string
      readonly stack: string
      readonly resource: string
      readonly connection: string
      readonly text: string
    }
  /** How a connection is watched: by what the system tells as it happens, or by full scans alone. */
  | {
      readonly type: 'watching'
      readonly at: string
      readonly connection: string
      readonly how: 'events' | 'scans'
      /** It was blind before. */
      readonly again?: true
    }
  /** What happens is not heard of; full scans go on. */
  | {
      readonly type: 'blind'
      readonly at: string
      readonly connection: string
      readonly why: string
      readonly retryMilliseconds: number
    }
  /** Everything was looked at. */
  | {
      readonly type: 'scan'
      readonly at: string
      readonly stack: string
      readonly outcome: DriftReport['outcome']
      readonly counts: DriftCounts
      readonly milliseconds: number
    }
  /** A look failed; it is made again. */
  | {
      readonly type: 'failed'
      readonly at: string
      readonly errors: readonly ErrorDetails[]
      readonly retryMilliseconds: number
    }

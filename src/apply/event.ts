/** What an apply tells while it runs. Plain data: a terminal, a log and a server each make their own of it. */
import type { Address } from '../model/address.js'
import type { ErrorDetails } from '../model/error.js'
import type { Action, PlanMode } from '../planner/plan.js'

export type ApplyEvent = { readonly at: number } & (
  | {
      readonly type: 'plan-started'
      readonly mode: PlanMode
      readonly direction: 'forward' | 'back'
      readonly total: number
    }
  | {
      readonly type: 'step-started'
      readonly step: string
      readonly address: Address
      readonly action: Action
    }
  | {
      readonly type: 'step-progress'
      readonly step: string
      readonly address: Address
      readonly message: string
    }
  | {
      readonly type: 'step-done'
      readonly step: string
      readonly address: Address
      readonly action: Action
      readonly milliseconds: number
    }
  | {
      readonly type: 'step-failed'
      readonly step: string
      readonly address: Address
      readonly action: Action
      readonly milliseconds: number
      readonly error: ErrorDetails
    }
  | { readonly type: 'stopping'; readonly why: string }
  | {
      readonly type: 'plan-finished'
      readonly direction: 'forward' | 'back'
      readonly done: number
      readonly failed: number
      readonly skipped: number
      readonly milliseconds: number
    }
)

/** An event before it is stamped with its time. */
export type ApplyEventBody = ApplyEvent extends infer Event
  ? Event extends unknown
    ? Omit<Event, 'at'>
    : never
  : never

export type Report = (event: ApplyEventBody) => void

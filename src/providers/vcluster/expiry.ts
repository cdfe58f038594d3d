/** When a virtual cluster's time is up. No clock that is ahead, and no time zone, can make it die early. */
import { formatDuration } from './kinds/duration.js'

/** Two clocks, milliseconds since 1970: the host's, as its API server told it, and this machine's. */
export interface Clocks {
  readonly host: number | undefined
  readonly here: number
}

/** The moment that counts: the earlier of the two clocks, so that one that runs ahead does no harm. */
function safeNow(clocks: Clocks): number {
  return clocks.host === undefined ? clocks.here : Math.min(clocks.host, clocks.here)
}

/**
 * Milliseconds until the end; negative once it has passed. Undefined where the mark is missing or is no time in UTC: what
 * cannot be read is never taken for over.
 */
export function timeLeft(expiresAt: string | undefined, clocks: Clocks): number | undefined {
  if (expiresAt === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(expiresAt))
    return undefined
  const end = Date.parse(expiresAt)
  return Number.isNaN(end) ? undefined : end - safeNow(clocks)
}

/** `1h30m left`, `expired 5m ago`. */
export function leftInWords(left: number): string {
  return left > 0
    ? `${formatDuration(Math.ceil(left / 1000))} left`
    : `expired ${formatDuration(-left / 1000)} ago`
}

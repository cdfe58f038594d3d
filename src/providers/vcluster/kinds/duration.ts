/** Spans of time as people write them (`2h`, `1d12h`, `90m`) and their one canonical spelling. */

const seconds = { w: 604_800, d: 86_400, h: 3_600, m: 60, s: 1 } as const
type Unit = keyof typeof seconds

/** Weeks, days, hours, minutes, seconds; each at most once, in this order. */
export const durationPattern = /^(?=\d)(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$/

/** A hundred years: what is longer has no end that a date can tell. */
const longest = 36_500 * seconds.d

/** Seconds of a span, or undefined where the text is none, or more than a hundred years. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+)([wdhms])/g))
    total += Number(count) * seconds[unit as Unit]
  return total <= longest ? total : undefined
}

/** The canonical spelling: the largest units first, none that is zero. `90m` is `1h30m`; weeks are written as days. */
export function formatDuration(total: number): string {
  let rest = Math.max(0, Math.floor(total))
  let text = ''
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / seconds[unit])
    rest -= count * seconds[unit]
    if (count > 0) text += `${count}${unit}`
  }
  return text === '' ? '0s' : text
}

/** The canonical spelling of a text that is a span; any other text as it is. */
export function canonicalDuration(text: string): string {
  const total = parseDuration(text)
  return total === undefined ? text : formatDuration(total)
}

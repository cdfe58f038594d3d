/** Text for people: hostile characters made visible, measured and cut by the columns it takes on a terminal. */

const harmless = /^[\x20-\x7e]*$/

/**
 * Characters that move the cursor, end a line, or change how what follows is read: C0 and C1 controls, line separators,
 * zero-width and bidirectional marks, unpaired surrogates.
 */
const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The text on one line, with every character that cannot be seen written as an escape. */
export function visible(text: string): string {
  if (harmless.test(text)) return text
  return text.replace(hidden, character => {
    const point = character.codePointAt(0) ?? 0
    return named[character] ?? `\\u{${point.toString(16)}}`
  })
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const mark = /\p{M}/u

/** Columns that a visible text takes on a terminal. */
export function columns(text: string): number {
  if (harmless.test(text)) return text.length
  let count = 0
  for (const character of text) count += mark.test(character) ? 0 : wide.test(character) ? 2 : 1
  return count
}

/** The text in at most so many columns, its end cut off. */
export function cut(text: string, width: number): string {
  if (text.length <= width && columns(text) <= width) return text
  if (width <= 1) return width === 1 ? '…' : ''
  let taken = ''
  let count = 0
  for (const character of text) {
    count += columns(character)
    if (count > width - 1) break
    taken += character
  }
  return `${taken}…`
}

/** The text followed by spaces up to so many columns. */
export function pad(text: string, width: number): string {
  const missing = width - columns(text)
  return missing > 0 ? text + ' '.repeat(missing) : text
}

/** Lines of at most so many columns, broken at spaces; a word that is longer is broken anywhere. */
export function wrap(text: string, width: number): string[] {
  const room = Math.max(width, 10)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`
    if (columns(joined) <= room) {
      line = joined
      continue
    }
    if (line !== '') lines.push(line)
    line = word
    while (columns(line) > room) {
      const [head, rest] = split(line, room)
      lines.push(head)
      line = rest
    }
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line]
}

function split(text: string, width: number): [string, string] {
  let taken = ''
  let count = 0
  for (const character of text) {
    count += columns(character)
    if (count > width) break
    taken += character
  }
  return [taken, text.slice(taken.length)]
}

/** `1 VM`, `2 VMs`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** `340 ms`, `12.3 s`, `4 min 5 s`, `2 h 10 min`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(Math.round(seconds) / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) - minutes * 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `20 GiB`, `1.5 TiB`, `512 MiB`. */
export function gibibytes(amount: number): string {
  if (amount >= 1024) return `${short(amount / 1024)} TiB`
  if (amount >= 1) return `${short(amount)} GiB`
  return amount * 1024 >= 1 ? `${short(amount * 1024)} MiB` : `${Math.round(amount * 2 ** 30)} bytes`
}

function short(amount: number): string {
  return String(Math.round(amount * 100) / 100)
}

/** Fitting a report into a budget of bytes: what matters least is made shorter first. */

/** A part of the report. Nothing to tell: no forms. */
export interface Block {
  readonly name: string
  /** Forms of the same content, longest first; a shorter one says in `dropped` what it leaves out. */
  readonly forms: readonly { readonly text: () => string; readonly dropped?: string }[]
  /** Once the last form is too long: the same in about so many bytes, the middle left out. */
  shrink?(bytes: number): { readonly text: string; readonly dropped: string }
}

interface Fitted {
  readonly texts: readonly string[]
  /** What was left out, in words. */
  readonly dropped: readonly string[]
}

export const bytesOf = (text: string): number => Buffer.byteLength(text)

/** Room for the empty line after each block. */
const between = 2

/** One way of making a report shorter: the next form of a block, or its last form without its middle. */
export interface Shorter {
  readonly block: string
  readonly by: 'form' | 'middle'
}

export const shorterForm = (block: string): Shorter => ({ block, by: 'form' })
export const withoutMiddle = (block: string): Shorter => ({ block, by: 'middle' })

/** Chooses a form for every block so that all fit the budget, taking one shorter way after the other until they do. */
export function fitBlocks(blocks: readonly Block[], budget: number, ways: readonly Shorter[]): Fitted {
  const chosen = blocks.map(block => ({ block, form: 0, text: block.forms[0]?.text() ?? '' }))
  const byName = new Map(chosen.map(choice => [choice.block.name, choice]))
  const dropped = new Set<string>()
  let over = chosen.reduce((sum, { text }) => sum + bytesOf(text) + between, 0) - budget
  for (const way of ways) {
    if (over <= 0) break
    const choice = byName.get(way.block)
    if (!choice || choice.text === '') continue
    const length = bytesOf(choice.text)
    const shorter = way.by === 'form' ? nextForm(choice) : choice.block.shrink?.(Math.max(length - over, 0))
    if (!shorter || (way.by === 'middle' && bytesOf(shorter.text) >= length)) continue
    over += bytesOf(shorter.text) - length
    choice.text = shorter.text
    if (shorter.dropped !== undefined) dropped.add(shorter.dropped)
  }
  return { texts: chosen.map(choice => choice.text), dropped: [...dropped] }
}

function nextForm(choice: {
  readonly block: Block
  form: number
}): { text: string; dropped?: string } | undefined {
  const next = choice.block.forms[choice.form + 1]
  if (!next) return undefined
  choice.form += 1
  return { text: next.text(), ...(next.dropped !== undefined && { dropped: next.dropped }) }
}

/** The first and last lines that fit, with one between them that says how many are missing. */
export function cutMiddle(
  lines: readonly string[],
  bytes: number,
  missing: (count: number) => string,
): { readonly lines: readonly string[]; readonly left: number } {
  const sizes = lines.map(line => bytesOf(line) + 1)
  let room = bytes - bytesOf(missing(lines.length)) - 1
  let head = 0
  let tail = 0
  while (head + tail < lines.length) {
    const takeHead = head <= tail * 2
    const size = sizes[takeHead ? head : lines.length - 1 - tail] ?? 0
    if (size > room) break
    room -= size
    if (takeHead) head += 1
    else tail += 1
  }
  const left = lines.length - head - tail
  if (left === 0) return { lines, left }
  return { lines: [...lines.slice(0, head), missing(left), ...lines.slice(lines.length - tail)], left }
}

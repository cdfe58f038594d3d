/** What the driver needs of a real system: how to look at it by its own client, what to put there, and what to break. */
import type { Json } from '../../src/model/value.js'
import type { ResourceRecord } from '../../src/state/document.js'

/** One object of the system. */
export interface Thing {
  /** What the system knows it by for all its life, where it has such a thing: a UUID, a number. */
  readonly id: string
  /** What a stack declares of it. */
  readonly is: string
  /** What lies in it: the mark that the driver wrote, or nothing. */
  readonly data?: string
}

export interface Seen {
  readonly things: Readonly<Record<string, Thing>>
  /** Names of what deletes put aside. */
  readonly kept: readonly string[]
}

export interface CrashSystem {
  readonly name: string
  /** What can be killed in place of infra. */
  readonly daemons: readonly string[]
  /** How many stacks it has; 0 is the empty one. */
  readonly variants: number
  /** Text of a stack file. */
  stack(variant: number): string
  /** What a stack declares, by the names that `look` gives things. */
  expected(variant: number): Readonly<Record<string, string>>
  /** All that is there, by the system's own client. */
  look(): Promise<Seen>
  /** Writes a mark into whatever can hold one and has none; returns what was seen with the marks in it. */
  mark(seen: Seen, mark: () => string): Promise<Seen>
  /** The name that `look` gives what a record is of, with the id that the record has for it. */
  recorded(record: ResourceRecord): { readonly name: string; readonly id: string } | undefined
  /** What a token keeps, by the names that `look` gives it there and where it came from. */
  keptBy(token: Json): readonly { readonly name: string; readonly of: string }[]
  kill(daemon: string): Promise<void>
  start(daemon: string): Promise<void>
  clean(): Promise<void>
}

/** Writes a mark into each thing that can hold one and has none. */
export async function marked(
  seen: Seen,
  mark: () => string,
  write: (name: string, text: string) => Promise<void>,
): Promise<Seen> {
  const things = { ...seen.things }
  const bare = Object.entries(things).filter(([, { data }]) => data === '')
  await Promise.all(
    bare.map(async ([name, thing]) => {
      const text = mark()
      await write(name, text)
      things[name] = { ...thing, data: text }
    }),
  )
  return { ...seen, things }
}

/** Histories as data, and how they are drawn: stacks, what is done with them, and what goes wrong meanwhile. */
import fc from 'fast-check'
import type { DesiredResource } from '../../src/stack/desired.js'
import { desiredOf } from '../planner/fixtures.js'

/** A resource of a drawn stack. What it depends on are those before it in the alphabet that the stack has. */
export interface Piece {
  readonly letter: Letter
  readonly kind: 'Machine' | 'Store' | 'Deposit'
  /** Its name in the system below: the letter, or another one, which makes it another object. */
  readonly renamed: boolean
  readonly spec: { readonly [key: string]: string | number | readonly { id: string; length: number }[] }
  readonly below: readonly Letter[]
  readonly lifecycle: DesiredResource['lifecycle']
  readonly label: string
}

const letters = ['a', 'b', 'c', 'd', 'e'] as const
type Letter = (typeof letters)[number]

export type Operation =
  | { readonly do: 'apply'; readonly stack: readonly Piece[]; readonly restart: boolean }
  | { readonly do: 'destroy' }
  /** To before the n-th checkpoint, counted from the newest. */
  | { readonly do: 'rollback'; readonly back: number }
  | { readonly do: 'accept' }
  | { readonly do: 'prune'; readonly keep: number }
  | { readonly do: 'taint' | 'forget'; readonly which: number }

/** What a provider does instead of its work, at its n-th act (create, update, delete) or read of the process. */
export interface ProviderFault {
  readonly on: 'act' | 'read'
  readonly nth: number
  readonly does: 'fail' | 'fail-after' | 'half' | 'lie' | 'hang' | 'lost'
}

/** Somebody else, at the n-th call of a provider. */
export interface Outsider {
  readonly nth: number
  readonly does: 'change' | 'delete' | 'create'
  readonly letter: Letter
  readonly kind: Piece['kind']
}

/** What goes wrong while one process runs. */
export interface Trouble {
  readonly crashAt?: number
  /** A crash is a loss of power, not only of the process. */
  readonly power?: boolean
  readonly disk?: { readonly point: number; readonly code: 'EIO' | 'ENOSPC' }
  /** Room left on the disk, in bytes beyond what is used. */
  readonly room?: number
  readonly calls?: readonly ProviderFault[]
  readonly outsiders?: readonly Outsider[]
  /** The user stops it at the n-th act, or gives up at once. */
  readonly stop?: { readonly nth: number; readonly hard: boolean }
}

export type Choice = 'retry' | 'rollback' | 'stop'

export interface Round {
  readonly operation: Operation
  readonly trouble: Trouble
  readonly choices: readonly Choice[]
  /** Recoveries that meet trouble again, each of a process of its own. */
  readonly recoveries: readonly { readonly direction: Direction; readonly trouble: Trouble }[]
  /** Which way the last recovery goes, which meets none. */
  readonly last: Direction
}

export type Direction = 'forward' | 'back'

export interface History {
  readonly seed: number
  readonly parallelism: number
  readonly rounds: readonly Round[]
}

export function stackOf(pieces: readonly Piece[]): DesiredResource[] {
  const kinds = new Map(pieces.map(piece => [piece.letter, piece.kind]))
  return pieces.map(({ letter, kind, renamed, spec, below, lifecycle, label }) =>
    desiredOf(`${kind}/${letter}`, spec, {
      name: renamed ? `${letter}2` : letter,
      lifecycle,
      labels: { label },
      dependencies: below
        .filter(other => other < letter && kinds.has(other))
        .map(other => `${kinds.get(other)}/${other}`)
        .sort(),
    }),
  )
}

const spec: fc.Arbitrary<Piece['spec']> = fc.record(
  {
    size: fc.integer({ min: 1, max: 3 }),
    colour: fc.constantFrom('red', 'blue', 'green'),
    mode: fc.constantFrom('a', 'b'),
    shape: fc.constantFrom('flat', 'round'),
    parts: fc.uniqueArray(
      fc.record({ id: fc.constantFrom('p', 'q'), length: fc.integer({ min: 1, max: 2 }) }),
      { selector: part => part.id, maxLength: 2 },
    ),
  },
  { requiredKeys: ['colour'] },
) as fc.Arbitrary<Piece['spec']>

const seldom = (one: number): fc.Arbitrary<boolean> =>
  fc.oneof({ weight: one, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) })

/** The kind belongs to the letter mostly, so that stacks after one another speak of the same resources. */
const usual: Readonly<Record<Letter, Piece['kind']>> = {
  a: 'Store',
  b: 'Machine',
  c: 'Store',
  d: 'Machine',
  e: 'Deposit',
}

const piece = (letter: Letter): fc.Arbitrary<Piece> =>
  fc.record({
    letter: fc.constant(letter),
    kind: fc.constant(usual[letter]),
    renamed: seldom(6),
    spec,
    below: fc.subarray(letters.filter(other => other < letter)),
    lifecycle: fc.oneof(
      { weight: 6, arbitrary: fc.constant({}) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Piece['lifecycle']>(
          { retainOnDelete: true },
          { preventDestroy: true },
          { ignoreChanges: ['colour'] },
        ),
      },
      { weight: 1, arbitrary: fc.constant({ createBeforeDestroy: true }) },
    ),
    label: fc.constantFrom('x', 'y'),
  })

export const stack: fc.Arbitrary<Piece[]> = fc
  .subarray([...letters], { minLength: 0 })
  .chain(chosen => fc.tuple(...chosen.map(piece)))

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('apply' as const), stack, restart: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'destroy' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('rollback' as const), back: fc.integer({ min: 0, max: 2 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'accept' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('prune' as const), keep: fc.integer({ min: 0, max: 2 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('taint' as const, 'forget' as const),
      which: fc.integer({ min: 0, max: 4 }),
    }),
  },
)

export interface Allowed {
  /** Reads that lie: nobody can tell, so that less is promised. */
  readonly lies: boolean
  readonly outsiders: boolean
}

const trouble = ({ lies, outsiders }: Allowed): fc.Arbitrary<Trouble> => {
  const does = fc.constantFrom<ProviderFault['does']>('fail', 'fail-after', 'half', 'lie', 'hang', 'lost')
  const act = fc.record({ on: fc.constant('act' as const), nth: fc.integer({ min: 1, max: 8 }), does })
  const misread = fc.constantFrom<ProviderFault['does']>(
    'fail',
    'lost',
    'hang',
    ...(lies ? ['lie' as const] : []),
  )
  const read = fc.record({
    on: fc.constant('read' as const),
    nth: fc.integer({ min: 1, max: 40 }),
    does: misread,
  })
  const outsider = fc.record({
    nth: fc.integer({ min: 1, max: 20 }),
    does: fc.constantFrom('change' as const, 'delete' as const, 'create' as const),
    letter: fc.constantFrom(...letters),
    kind: fc.constantFrom('Machine' as const, 'Store' as const),
  })
  const calls = fc.array(fc.oneof({ weight: 3, arbitrary: act }, read), { maxLength: 3 })
  const one = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ crashAt: fc.integer({ min: 1, max: 250 }), power: fc.boolean() }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        disk: fc.record({
          point: fc.integer({ min: 1, max: 250 }),
          code: fc.constantFrom('EIO' as const, 'ENOSPC' as const),
        }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ room: fc.integer({ min: 0, max: 300_000 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        stop: fc.record({ nth: fc.integer({ min: 1, max: 6 }), hard: fc.boolean() }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({}) },
  )
  const strangers = outsiders
    ? fc.array(outsider, { minLength: 1, maxLength: 2 }).map(list => ({ outsiders: list }))
    : fc.constant({})
  return fc
    .tuple(one, calls, strangers)
    .map(([base, faults, others]) => ({ ...base, ...(faults.length > 0 && { calls: faults }), ...others }))
}

const direction = fc.constantFrom<Direction>('forward', 'back')

const round = (allowed: Allowed): fc.Arbitrary<Round> =>
  fc.record({
    operation,
    trouble: fc.oneof({ weight: 1, arbitrary: fc.constant({}) }, { weight: 3, arbitrary: trouble(allowed) }),
    choices: fc.array(fc.constantFrom<Choice>('retry', 'rollback', 'rollback', 'stop'), {
      minLength: 1,
      maxLength: 3,
    }),
    recoveries: fc.array(fc.record({ direction, trouble: trouble(allowed) }), { maxLength: 2 }),
    last: direction,
  })

export function histories(allowed: Allowed): fc.Arbitrary<History> {
  return fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    parallelism: fc.constantFrom(1, 2, 256),
    rounds: fc.array(round(allowed), { minLength: 1, maxLength: 4 }),
  })
}

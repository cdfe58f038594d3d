/** What the store tells people when it refuses. */
import { InfraError } from '../model/error.js'

interface Version {
  readonly lineage: string
  readonly serial: number
}

/** The error of a state whose file is broken; `whole` is the newest generation that is not. */
export function brokenState(path: string, why: string, whole: number | undefined): InfraError {
  const hint =
    whole === undefined
      ? 'No generation of it is whole either. Put a backup of the file back.'
      : `The last good one is serial ${whole}: \`infra state restore ${whole}\` goes back to it and keeps the broken file aside.`
  return new InfraError({
    kind: 'storage',
    code: 'state-broken',
    message: `the state in ${path} is broken`,
    why,
    hint,
  })
}

/** A state that was there: to take it for an empty one would make everything a second time. */
export function goneState(path: string, generations: readonly number[]): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'state-gone',
    message: `${path} is gone`,
    why: `there was one: generations ${generations.join(', ')} of it are kept`,
    hint: `\`infra state restore ${generations[0]}\` goes back to the newest. To begin anew, remove the whole folder.`,
  })
}

/** The error of a state that somebody else wrote since it was read. */
export function movedState(stored: Version | undefined, next: Version): InfraError {
  const why =
    stored === undefined
      ? `nothing is stored, and serial ${next.serial} was to be written`
      : stored.lineage === next.lineage
        ? `serial ${stored.serial} is stored, and serial ${next.serial} was to follow serial ${next.serial - 1}`
        : `lineage ${stored.lineage} is stored, and lineage ${next.lineage} was to be written`
  return new InfraError({
    kind: 'storage',
    code: 'state-moved',
    message: 'the state was written by somebody else in the meantime, and is left as it is',
    why,
    hint: 'Plan again from the state that is there now.',
  })
}

/** A document that the program made and that breaks the rules: it is not written. */
export function unfitState(fault: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'state-unfit',
    message: 'a state that breaks its own rules was to be written, and was not',
    why: fault,
    hint: 'This is a defect of infra; please report it. The state that is stored is whole.',
  })
}

/** The error of a generation that is not kept. */
export function noGeneration(serial: number, generations: readonly number[]): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'no-generation',
    message: `there is no state of serial ${serial}`,
    why: generations.length > 0 ? `kept are ${generations.join(', ')}` : 'no generation is kept',
    hint: '`infra state restore` lists what is kept.',
  })
}

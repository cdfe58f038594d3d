/**
 * The one family of errors that infra raises on purpose. A command prints every error of this family in full and nothing of
 * its stack; anything else that reaches a command is a bug and is reported as one.
 */

/**
 * What sort of thing went wrong. It decides the exit code, as Foundry's users script it:
 * 1 configuration, 2 validation, 3 connection, 4 operation, 5 storage.
 */
export type ErrorKind = 'configuration' | 'validation' | 'connection' | 'operation' | 'storage'

/** Exit code of a command that ended with an error of this kind. */
export const exitCodes: Readonly<Record<ErrorKind, number>> = {
  configuration: 1,
  validation: 2,
  connection: 3,
  operation: 4,
  storage: 5,
}

/** A place in a stack file, to be shown with the line itself and a mark below it. */
export interface SourcePlace {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1. */
  readonly column: number
  /** The line's own text, without its end. */
  readonly text?: string
  /** How many characters the mark spans; 1 by default. */
  readonly length?: number
}

export interface ErrorDetails {
  readonly kind: ErrorKind
  /** A stable name for scripts and tests, in kebab case: `unknown-field`, `lock-held`. */
  readonly code: string
  /** What happened, in one sentence, without the place. Never holds a secret. */
  readonly message: string
  /** Why, or what the system below said, in its own words. */
  readonly why?: string
  /** What the reader can do about it. */
  readonly hint?: string
  /** The resource it is about: `VirtualMachine/web`. */
  readonly address?: string
  readonly place?: SourcePlace
  readonly cause?: unknown
}

/** An expected failure: what happened, where, why and what to do. */
export class InfraError extends Error {
  readonly kind: ErrorKind
  readonly code: string
  readonly why: string | undefined
  readonly hint: string | undefined
  readonly address: string | undefined
  readonly place: SourcePlace | undefined

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'InfraError'
    this.kind = details.kind
    this.code = details.code
    this.why = details.why
    this.hint = details.hint
    this.address = details.address
    this.place = details.place
  }

  /** The same error, told of a resource. */
  at(address: string): InfraError {
    return new InfraError({ ...this.details(), address })
  }

  /** The same error, told of a place in a stack file. */
  in(place: SourcePlace): InfraError {
    return new InfraError({ ...this.details(), place })
  }

  /** The error as plain data, as `--json` prints it. */
  details(): ErrorDetails {
    const { kind, code, message, why, hint, address, place } = this
    return {
      kind,
      code,
      message,
      ...(why !== undefined && { why }),
      ...(hint !== undefined && { hint }),
      ...(address !== undefined && { address }),
      ...(place !== undefined && { place }),
    }
  }
}

/** Several errors found in one go: a stack's reader reports all that is wrong, not the first. */
export class InfraErrors extends Error {
  readonly errors: readonly InfraError[]

  constructor(errors: readonly InfraError[]) {
    super(errors.map(error => error.message).join('\n'))
    this.name = 'InfraErrors'
    this.errors = errors
  }
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

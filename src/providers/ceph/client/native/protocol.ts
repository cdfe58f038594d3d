/** What this process and the one that holds librados say to each other: JSON, lists of requests and lists of replies. */
import type { Json } from '../../../../model/value.js'

export interface OpenRequest {
  readonly conf?: string
  readonly keyring?: string
  readonly name: string
  readonly cluster: string
  readonly options: Readonly<Record<string, string>>
  readonly timeoutSeconds: number
}

export interface Request {
  readonly id: number
  /** `open`, `mon`, `mgr`, `close`, or the name of an operation on images. */
  readonly call: string
  readonly args: Json
}

export type Reply =
  | { readonly id: number; readonly value: Json }
  | { readonly id: number; readonly failure: Failure }
  | AuditLine

/** A line of the audit log, unasked. */
export interface AuditLine {
  readonly audit: string
  readonly level: 'info' | 'debug'
}

/** Why a call failed. `errno` is positive; `library` means that librados or librbd is not installed. */
export interface Failure {
  readonly errno: number
  readonly words: string
  readonly library?: true
}

/** A failure on its way to the reply. */
export class NativeFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.words)
    this.failure = failure
  }
}

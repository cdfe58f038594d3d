/**
 * What infra knows of a kind of resource without asking any system: its fields, their defaults and units, what must hold
 * between them, and how a change of each can be met. Pure data and pure functions: the planner, the stack reader, the
 * documentation and the embedded world all read it, and the provider that really serves the kind.
 */
import type { z } from 'zod'
import type { Attributes, Json } from '../model/value.js'

/** What a step may cost. Shown first in every plan; `apply` asks for leave for those that destroy. */
export const hazardNames = [
  'deletes-data',
  'irreversible',
  'restarts-vm',
  'stops-vm',
  'detaches-disk',
  'detaches-interface',
  'interrupts-service',
  'shrinks-data',
] as const

export type Hazard = (typeof hazardNames)[number]

/** How a changed attribute can be met; `refuse` is an error of the plan, with the reason. */
export type How = 'live' | 'restart' | 'replace' | 'refuse'

/**
 * How a change below a path is met. The first rule that matches wins; a change that no rule names is a replacement.
 * The kind's page in docs/ is made from these.
 */
export interface ChangeRule {
  /**
   * A path of the spec and all that is below it. `[]` stands for any element of a keyed list:
   * `dataDisks[].sizeGB`, `networkInterfaces[]`, `cloudInit`.
   */
  readonly path: string
  /** Only for a value that appears, disappears or changes. All three by default. */
  readonly op?: 'add' | 'remove' | 'change'
  /** A further condition on the values, and the same in words for the docs. */
  readonly when?: { readonly text: string; holds(from: Json | undefined, to: Json | undefined): boolean }
  readonly how: How
  /** Holds for what is asked for, and not for the way back of an apply that failed: that undoes what it did itself. */
  readonly forwardOnly?: true
  /** Why it cannot be live, or is refused. */
  readonly why?: string
  /** What to do about a refusal. */
  readonly hint?: string
  readonly hazards?: readonly Hazard[]
}

/** What a document says beside its spec, as far as a kind's own rules may look at it. */
export interface KindMeta {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A rule between fields that does not hold. */
export interface Problem {
  /** Where in the document, from its root: `['spec', 'dataDisks', 1, 'device']`. */
  readonly path: readonly (string | number)[]
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** How the delete of a resource is undone. */
export interface Deletion {
  readonly hazards: readonly Hazard[]
  /** `restore`: with its data. `recreate`: the same object anew; it held no data. `none`: it cannot be. */
  readonly undo: 'restore' | 'recreate' | 'none'
}

export interface Kind {
  /** The document's `kind`: `VirtualMachine`. */
  readonly kind: string
  /** The provider type that really serves it: `libvirt`. */
  readonly provider: string
  /** One line for docs and `infra schema`. */
  readonly summary: string
  /** The spec's schema: a strict object, every field with a `.describe()`. No transforms; defaults belong to `canonical`. */
  readonly schema: z.ZodType
  /** Lists whose elements have a name of their own: path of the list → field: `{ dataDisks: 'device' }`. */
  readonly keyedLists: Readonly<Record<string, string>>
  /** Paths (as in `ChangeRule.path`) whose values are secrets. */
  readonly sensitive: readonly string[]
  /** Fields of the spec that list YAML files of the stack: the stack reader puts `{file, content}` in each one's place. */
  readonly fileLists?: readonly string[]
  /** Files of the machine that runs infra that an object is made from; relative paths start from the stack's folder. */
  localFiles?(spec: Attributes): readonly string[]
  /** Observed attributes that others may refer to, each with a line for the docs: `{ addresses: '…' }`. */
  readonly facts: Readonly<Record<string, string>>
  /** What a plan tells of an object that is there, by its facts: until when it lives. */
  told?(facts: Attributes): string | undefined
  readonly changes: readonly ChangeRule[]
  /** A name that the system below accepts, as `metadata.name` is written there (Foundry lower-cases it). */
  objectName?(meta: KindMeta): string
  /**
   * The spec with every default filled in and every unit and spelling made canonical, so that equal meaning is equal data.
   * Values may be `Unresolved`; those pass through. Idempotent.
   */
  canonical(spec: Attributes, meta: KindMeta): Attributes
  /** Rules between fields, on a spec that fits the schema. Unresolved values are to be passed over. */
  check?(spec: Attributes, meta: KindMeta): readonly Problem[]
  /** Resources that the spec names without a reference (a pool by its name): a dependency if the stack has them. */
  implied?(spec: Attributes, meta: KindMeta): readonly { readonly kind: string; readonly name: string }[]
  /** What else `implied` may call it, where a spec that is not resolved yet tells: an image by `POOL:VOLUME`. */
  alsoCalled?(spec: Attributes): string | undefined
  /** The connection that the spec asks for, by name (`spec.host`); the provider's type by default. */
  connection?(spec: Attributes): string | undefined
  /** Whether the document lets an update restart the object now; otherwise what needs a restart waits for one. */
  restartAllowed?(spec: Attributes): boolean
  /** What deleting costs. */
  deletion(spec: Attributes): Deletion
  /** Whether it must be replaced, too, when a dependency of this kind is replaced. */
  replacedWith?(dependencyKind: string): boolean
}

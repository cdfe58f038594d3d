/** Acts that change what the stack declares: the next plan would undo them, unless the stack's file is changed, too. */
import { parseAddress } from '../../model/address.js'
import { InfraError } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import type { Machine } from '../../providers/libvirt/acts/machines.js'
import type { Session } from '../../session/session.js'
import type { DesiredResource } from '../../stack/desired.js'
import { type EditStep, editStackText, type StackEdit } from '../../stack/edit.js'
import { editStackFile } from './stack-file.js'

export interface Declared {
  /** As the canonical spec has it: `vcpus`, `dataDisks[vdb].sizeGB`. */
  readonly path: string
  readonly value: string | number
  /** Its default follows another value: it is written only where the document says it. */
  readonly follows?: true
}

/** The machine's document in the stack; undefined where the stack does not declare it. */
export function documentOf(
  session: Session | undefined,
  { host, name }: Pick<Machine['view'], 'host' | 'name'>,
): DesiredResource | undefined {
  return [...(session?.stack.resources.values() ?? [])].find(
    one => one.kind === 'VirtualMachine' && one.connection === host && one.name === name,
  )
}

/** What the next plan would undo, as a sentence; undefined where it would not, or where the file was changed. */
export async function settleDeclared(
  session: Session | undefined,
  machine: { readonly view: Pick<Machine['view'], 'host' | 'name'> },
  values: readonly Declared[],
  write: boolean,
  files: Ports['files'],
): Promise<string | undefined> {
  const document = documentOf(session, machine.view)
  if (document === undefined) {
    if (!write) return undefined
    throw new InfraError({
      kind: 'configuration',
      code: 'cannot-write',
      message: `${machine.view.name} was changed, and no document of the stack declares it that it could be written into`,
      hint: 'infra discover writes documents of what exists.',
    })
  }
  const differing = values.filter(one => declaredValue(document, one.path) !== one.value)
  if (differing.length === 0) return undefined
  if (!write) return noteOf(document, differing)
  const { file } = document.source
  const parts = parseAddress(document.address)
  if (parts === undefined || parts.key !== undefined) {
    throw new InfraError({
      kind: 'validation',
      code: 'cannot-write',
      address: document.address,
      message: 'it was changed, but not in the stack’s file: several machines are made from that document',
      hint: 'Change it by hand.',
    })
  }
  const edits = differing.map(
    (one): StackEdit => ({
      path: ['spec', ...stepsOf(one.path)],
      value: one.value,
      ...(one.follows && { onlyIfThere: true }),
    }),
  )
  await editStackFile(files, file, text => editStackText(text, parts, edits))
  return `Written into ${file}.`
}

function noteOf(document: DesiredResource, differing: readonly Declared[]): string | undefined {
  const told = differing.filter(one => !one.follows)
  const was = (one: Declared) => String(declaredValue(document, one.path) ?? 'its default')
  const sizes = told.filter(one => one.path.endsWith('.sizeGB'))
  const others = told.filter(one => !sizes.includes(one))
  const notes = [
    ...(others.length > 0
      ? [
          `The next plan would put ${others.map(one => `${one.path} back to ${was(one)}`).join(', ')}, as the stack declares it.`,
        ]
      : []),
    // a disk never shrinks: there is no way back
    ...(sizes.length > 0
      ? [
          `The stack declares ${sizes.map(one => `${one.path} ${was(one)}`).join(', ')}, and plans are refused until it is changed.`,
        ]
      : []),
  ]
  return notes.length === 0 ? undefined : `${notes.join(' ')} --write puts it into the stack, too.`
}

/** `dataDisks[vdb].sizeGB` as steps of an edit. */
function stepsOf(path: string): EditStep[] {
  return path.split('.').flatMap((part): EditStep[] => {
    const match = /^([^[]+)\[([^\]]+)\]$/.exec(part)
    return match?.[1] && match[2] ? [match[1], { device: match[2] }] : [part]
  })
}

function declaredValue(document: DesiredResource, path: string): unknown {
  return stepsOf(path).reduce<unknown>((value, step) => {
    if (typeof step === 'string') return (value as Record<string, unknown> | undefined)?.[step]
    const items = Array.isArray(value) ? (value as Record<string, unknown>[]) : []
    return items.find(item => item.device === step.device)
  }, document.spec)
}

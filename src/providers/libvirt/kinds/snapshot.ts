/** The kind Snapshot: a state of a virtual machine to go back to. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import type { Attributes } from '../../../model/value.js'
import type { ChangeRule, Kind, KindMeta, Problem } from '../../kind.js'
import { hostField } from './host-field.js'
import { nameProblems } from './object-name.js'
import { present, text } from './values.js'

const schema = once(() =>
  z.strictObject({
    host: hostField(),
    virtualMachine: z.string().min(1).describe('Name of the machine.'),
    description: z.string().max(4000).optional().describe('A description, kept in the snapshot.'),
    memory: z
      .boolean()
      .optional()
      .describe('With the memory of the running machine, not the disks alone. False by default.'),
    storage: z
      .enum(['external', 'internal'])
      .optional()
      .describe(
        'In overlay files beside the disks (`external`, the default), or inside the qcow2 files (`internal`; not with UEFI on most versions of libvirt).',
      ),
    quiesce: z
      .boolean()
      .optional()
      .describe(
        'Have the guest agent write out and freeze its file systems meanwhile. False by default; not with `memory`.',
      ),
  }),
)

const taken = 'a snapshot holds one moment'

const changes: readonly ChangeRule[] = [
  { path: 'description', how: 'live' },
  { path: 'quiesce', how: 'live', why: 'it counts when a snapshot is taken' },
  { path: 'virtualMachine', how: 'replace', why: taken, hazards: ['deletes-data'] },
  { path: 'memory', how: 'replace', why: taken, hazards: ['deletes-data'] },
  { path: 'storage', how: 'replace', why: taken, hazards: ['deletes-data'] },
  { path: 'host', how: 'replace', why: taken, hazards: ['deletes-data'] },
]

export const snapshot: Kind = {
  kind: 'Snapshot',
  provider: 'libvirt',
  summary: 'A snapshot of a virtual machine: its disks, or its disks and memory.',
  get schema() {
    return schema()
  },
  keyedLists: {},
  sensitive: [],
  facts: {
    createdAt: 'When it was taken, in ISO 8601.',
    state: 'What the machine did then: running, paused, shutoff.',
    parent: 'The snapshot before it.',
    current: 'Whether the machine goes on from it.',
  },
  changes,
  objectName: meta => meta.name,
  canonical,
  check,
  implied,
  connection: spec => text(spec.host),
  deletion: () => ({ hazards: ['deletes-data', 'irreversible'], undo: 'none' }),
  replacedWith: kind => kind === 'VirtualMachine',
}

function canonical(spec: Attributes): Attributes {
  return present(spec, {
    virtualMachine:
      typeof spec.virtualMachine === 'string' ? spec.virtualMachine.toLowerCase() : spec.virtualMachine,
    memory: spec.memory ?? false,
    storage: spec.storage ?? 'external',
    quiesce: spec.quiesce ?? false,
  })
}

function check(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems: Problem[] = [...nameProblems(meta.name, 'snapshot')]
  if (spec.memory === true && spec.quiesce === true) {
    problems.push({
      path: ['spec', 'quiesce'],
      code: 'quiesce-with-memory',
      message: 'A snapshot with memory cannot be quiesced',
      hint: 'Keep one of `memory` and `quiesce`.',
    })
  }
  return problems
}

function implied(spec: Attributes): { kind: string; name: string }[] {
  const machine = text(spec.virtualMachine)
  if (machine === undefined) return []
  const lower = machine.toLowerCase()
  return [machine, ...(lower === machine ? [] : [lower])].map(name => ({ kind: 'VirtualMachine', name }))
}

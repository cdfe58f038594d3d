// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import { describe, expect, test } from 'vitest'
import { editStackText, type StackEdit } from '../../src/stack/edit.js'

const text = `# the stack
kind: Stack
metadata: {name: s}
---
# the web machine
kind: VirtualMachine
metadata:
  name: web
spec:
  vcpus: 1   # one is enough
  memoryGiB: \${var.memory}
  bootDisk: {sizeGB: 10, image: x}   # small
  dataDisks:
    - device: vdb
      sizeGB: 5
    # the log
    - device: vdc
      sizeGB: 6
---
kind: VirtualMachine
metadata: {name: db}
spec:
  # how many
  vcpus: 1
  memoryGiB: 2
`

const web = { kind: 'VirtualMachine', name: 'web' }

describe('values of a stack’s file', () => {
  test.each<{ reason: string; edit: StackEdit; resource?: typeof web; changed: readonly [string, string] }>([
    {
      reason: 'a plain value, its comment kept',
      edit: { path: ['spec', 'vcpus'], value: 2 },
      changed: ['vcpus: 1   # one', 'vcpus: 2   # one'],
    },
    {
      reason: 'a value of a map on one line',
      edit: { path: ['spec', 'bootDisk', 'sizeGB'], value: 20 },
      changed: ['{sizeGB: 10,', '{sizeGB: 20,'],
    },
    {
      reason: 'a value of an element told by its key',
      edit: { path: ['spec', 'dataDisks', { device: 'vdc' }, 'sizeGB'], value: 7.5 },
      changed: ['sizeGB: 6', 'sizeGB: 7.5'],
    },
    {
      reason: 'a new value, on a line of its own',
      edit: { path: ['spec', 'powerState'], value: 'stopped' },
      changed: ['  vcpus: 1   # one', '  powerState: stopped\n  vcpus: 1   # one'],
    },
    {
      reason: 'a new value below a comment that stands above the first key',
      edit: { path: ['spec', 'powerState'], value: 'stopped' },
      resource: { kind: 'VirtualMachine', name: 'db' },
      changed: ['  memoryGiB: 2\n', '  powerState: stopped\n  memoryGiB: 2\n'],
    },
    {
      reason: 'a new value in a map on one line',
      edit: { path: ['spec', 'bootDisk', 'cache'], value: 'none' },
      changed: ['{sizeGB: 10,', '{cache: none, sizeGB: 10,'],
    },
    {
      reason: 'a new value in an element of a list',
      edit: { path: ['spec', 'dataDisks', { device: 'vdb' }, 'readOnly'], value: true },
      changed: ['- device: vdb\n', '- readOnly: true\n      device: vdb\n'],
    },
    {
      reason: 'nothing where a default follows by itself',
      edit: { path: ['spec', 'maxVcpus'], value: 2, onlyIfThere: true },
      changed: ['', ''],
    },
    {
      reason: 'the other document of that kind stays',
      edit: { path: ['spec', 'vcpus'], value: 3 },
      resource: { kind: 'VirtualMachine', name: 'db' },
      changed: ['  # how many\n  vcpus: 1', '  # how many\n  vcpus: 3'],
    },
  ])('$reason', ({ edit, resource = web, changed: [from, to] }) => {
    expect(editStackText(text, resource, [edit])).toBe(text.replace(from, to))
  })

  test('several at once', () => {
    const edits: StackEdit[] = [
      { path: ['spec', 'vcpus'], value: 4 },
      { path: ['spec', 'dataDisks', { device: 'vdb' }, 'sizeGB'], value: 50 },
    ]
    expect(editStackText(text, web, edits)).toBe(
      text.replace('vcpus: 1 ', 'vcpus: 4 ').replace('sizeGB: 5\n', 'sizeGB: 50\n'),
    )
  })

  test.each<{ reason: string; edit: StackEdit; resource?: typeof web; why: RegExp }>([
    {
      reason: 'a reference',
      edit: { path: ['spec', 'memoryGiB'], value: 4 },
      why: /is a reference: \$\{var\.memory\}/,
    },
    {
      reason: 'a disk that the document does not have',
      edit: { path: ['spec', 'dataDisks', { device: 'vdx' }, 'sizeGB'], value: 4 },
      why: /dataDisks\.vdx\.sizeGB is not in the document/,
    },
    {
      reason: 'a document that is not there',
      edit: { path: ['spec', 'vcpus'], value: 4 },
      resource: { kind: 'VirtualMachine', name: 'nope' },
      why: /not in the file/,
    },
    { reason: 'a map', edit: { path: ['spec', 'bootDisk'], value: 1 }, why: /no plain value/ },
  ])('$reason is refused, and nothing is changed', ({ edit, resource = web, why }) => {
    const error = (() => {
      try {
        return editStackText(text, resource, [edit])
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toMatchObject({ code: 'cannot-write', why: expect.stringMatching(why) })
  })
})

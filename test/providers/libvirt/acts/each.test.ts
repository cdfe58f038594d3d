import { expect, test } from 'vitest'
import { onEach } from '../../../../src/providers/libvirt/acts/each.js'
import type { Machine } from '../../../../src/providers/libvirt/acts/machines.js'

const machines = ['web', 'db'].map(name => ({ view: { name, host: 'near' } }) as unknown as Machine)
const call = { signal: new AbortController().signal, progress: () => undefined }

test('a file that fails one machine is told of it, and the ends of the others are not lost', async () => {
  const cause = Object.assign(new Error('EACCES: permission denied'), {
    code: 'EACCES',
    path: '/backups/web',
    syscall: 'mkdir',
  })
  const results = await onEach(machines, call, async ({ view }) => {
    if (view.name === 'web') throw cause
    return 'done'
  })
  expect(results).toMatchObject([
    { machine: { name: 'web' }, error: { code: 'file', why: 'Permission denied.' } },
    { machine: { name: 'db' }, done: 'done' },
  ])
})

test('what infra did not raise on purpose goes on, once all have come to an end', async () => {
  const ended: string[] = []
  const all = onEach(machines, call, async ({ view }) => {
    if (view.name === 'web') throw new TypeError('a defect')
    await Promise.resolve()
    ended.push(view.name)
  })
  await expect(all).rejects.toThrow('a defect')
  expect(ended).toEqual(['db'])
})

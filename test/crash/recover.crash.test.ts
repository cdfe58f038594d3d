/** A recovery of what neither the stack nor the state tells of: only the journal does. */
import { expect, test } from 'vitest'
import { desk } from '../acceptance/desk.js'
import { resource } from '../acceptance/documents.js'

const stack = (faults: readonly object[], ...resources: readonly object[]) =>
  [
    {
      apiVersion: 'infra/v1',
      kind: 'Stack',
      metadata: { name: 'shop' },
      spec: { providers: { libvirt: { type: 'embedded', faults } } },
    },
    ...resources,
  ]
    .map(document => `${JSON.stringify(document)}\n`)
    .join('---\n')

test.each([
  { way: '--forward', left: 'Volume/a' },
  { way: '--back', left: '' },
])('a rollback of an empty stack that was cut off is settled $way', async ({ way, left }) => {
  const here = await desk({ 'stack.yaml': stack([], resource('Volume', 'a', { size: '1GiB' })) })
  try {
    await here.ok('apply', '--yes')
    await here.write('stack.yaml', stack([]))
    await here.ok('apply', '--yes', '--allow', 'deletes-data')
    await here.write('stack.yaml', stack([{ call: 'create', address: 'Volume/a', does: 'crash-after' }]))
    expect((await here.infra('rollback', '--yes')).code).not.toBe(0)
    await here.write('stack.yaml', stack([]))
    await here.ok('recover', way, '--yes', '--allow', 'deletes-data')
    expect((await here.ok('state', 'ls')).includes('Volume/a')).toBe(left !== '')
  } finally {
    await here.clear()
  }
})

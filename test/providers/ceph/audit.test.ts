/** Hearing the log through a client that no monitor answers. */
import { afterEach, describe, expect, it } from 'vitest'
import { openCommand } from '../../../src/providers/ceph/client/command.js'
import { resolveAccess } from '../../../src/providers/ceph/client/settings.js'
import type { Wire } from '../../../src/providers/ceph/client/wire.js'

const listener = { heard: () => {}, lost: () => {} }

describe('a client that tells nothing', () => {
  let wire: Wire
  const open = (timeoutSeconds: number) => {
    const { PATH } = process.env
    const settings = { command: ['sh', '-c', 'exec sleep 600'], timeoutSeconds }
    wire = openCommand(resolveAccess(settings, '/', {}), { PATH })
  }
  afterEach(() => wire.close())

  it('is given up after the time that a command has', async () => {
    open(1)
    const { signal } = new AbortController()
    await expect(wire.audit(listener, { signal })).rejects.toMatchObject({
      code: 'ceph-no-answer',
      why: 'no answer after 1 s',
    })
  })

  it('ends with the signal', async () => {
    open(600)
    const abort = new AbortController()
    const hearing = expect(wire.audit(listener, { signal: abort.signal })).rejects.toThrow('enough')
    abort.abort(new Error('enough'))
    await hearing
  })
})

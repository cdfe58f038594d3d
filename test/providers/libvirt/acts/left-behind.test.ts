/** What could not be taken back is told with the error that led there, and never in its place. */
import { describe, expect, it } from 'vitest'
import { InfraError } from '../../../../src/model/error.js'
import { cleanUpAndThrow } from '../../../../src/providers/libvirt/acts/left-behind.js'

const first = new InfraError({ kind: 'operation', code: 'no-room', message: 'No room', why: 'ENOSPC' })
const fails = () => Promise.reject(new Error('the guest does not answer'))

describe('what was made in vain', () => {
  it('is taken back: the error is as it was', async () => {
    await expect(cleanUpAndThrow(first, 'x may be left', async () => undefined)).rejects.toBe(first)
  })

  it('is told where it stays', async () => {
    await expect(cleanUpAndThrow(first, 'x may be left', fails)).rejects.toMatchObject({
      ...{ code: 'no-room', message: 'No room' },
      why: 'ENOSPC\nx may be left: the guest does not answer',
    })
  })

  it('leaves what is no error of infra as it is', async () => {
    const other = new Error('a defect')
    await expect(cleanUpAndThrow(other, 'x may be left', fails)).rejects.toBe(other)
  })
})

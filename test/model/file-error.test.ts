import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fileError, plainCause } from '../../src/model/file-error.js'

const folder = mkdtempSync(join(tmpdir(), 'infra-file-error-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (thrown) {
    return thrown
  }
}

describe('an error of the file system', () => {
  it('names the path, why, and what to do', () => {
    const missing = join(folder, 'missing')
    expect(fileError(thrownBy(() => readFileSync(missing)))).toMatchObject({
      kind: 'storage',
      message: `${missing} cannot be opened`,
      why: 'There is no such file or folder.',
      hint: expect.any(String),
    })
    writeFileSync(join(folder, 'file'), '')
    expect(plainCause(thrownBy(() => readFileSync(join(folder, 'file', 'below'))))).toBe(
      'A part of the path is not a folder.',
    )
  })

  it('is told of a file that is open already, whose path the system does not tell', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    })
    expect(fileError(full)).toBeUndefined()
    expect(fileError(full, '/backups/vda.qcow2')).toMatchObject({
      message: '/backups/vda.qcow2 cannot be written',
      why: 'The disk is full.',
      hint: 'Make room on the disk that it is on.',
    })
  })

  it.each([
    ['a defect', new TypeError('x is not a function')],
    [
      'a program that is missing',
      Object.assign(new Error(), { code: 'ENOENT', path: 'helm', syscall: 'spawn helm' }),
    ],
    ['nothing', undefined],
  ])('is not %s', (_reason, thrown) => {
    expect(fileError(thrown)).toBeUndefined()
  })
})

import { afterEach, describe, expect, it, vi } from 'vitest'
import { begun, lastWords } from './begun.js'

const failure = Object.assign(new Error('Command failed: lab.sh up'), {
  stderr: '1\n2\n3\n4\n5\n6\nno socket\n',
})

describe('a lab that begins', () => {
  const printed = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  afterEach(() => printed.mockClear())

  it('is begun again where it failed, and that is printed', async () => {
    const begin = vi.fn(async () => 'up').mockRejectedValueOnce(failure)
    expect(await begun('Ceph', begin)).toBe('up')
    expect(printed.mock.calls).toEqual([['The lab of Ceph is begun again: 2\n3\n4\n5\n6\nno socket\n']])
  })

  it('fails where it fails twice', async () => {
    const begin = vi.fn(() => Promise.reject(failure))
    await expect(begun('Ceph', begin)).rejects.toBe(failure)
    expect(begin).toHaveBeenCalledTimes(2)
  })

  it('tells what there is where a script has said nothing', () => {
    expect(lastWords(new Error('no such file'))).toBe('Error: no such file')
  })
})

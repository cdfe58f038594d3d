/** What a volume may hold and still be nobody's. */
import { describe, expect, it } from 'vitest'
import { InfraError } from '../../../src/model/error.js'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import { isEmpty } from '../../../src/providers/ceph/volumes/empty.js'

const path = '/volumes/team/home'
const inner = '8e67e54d-3745-433e-8490-cbc4c4df50a3'
const place = { filesystem: 'files', group: 'team', volume: 'home' }
const options = { signal: new AbortController().signal }

/** A cluster whose file system has these folders. */
function holding(folders: Readonly<Record<string, readonly string[]>>): Ceph {
  const names = async (at: { readonly path: string }) => {
    const found = folders[at.path]
    if (!found) throw new InfraError({ kind: 'operation', code: 'ceph-needs-library', message: 'none' })
    return found
  }
  return { connection: { files: { names } } } as unknown as Ceph
}

const cases = [
  { reason: 'no byte in it', bytes: 0, folders: {}, empty: true },
  { reason: 'a note that was cut off', bytes: 9, folders: { [path]: ['.meta.tmp'] }, empty: true },
  {
    reason: 'a note, and the folder that its data was to go to',
    bytes: 9,
    folders: { [path]: ['.meta', '.meta.tmp', inner], [`${path}/${inner}`]: [] },
    empty: true,
  },
  {
    reason: 'data where data goes',
    bytes: 9,
    folders: { [path]: ['.meta', inner], [`${path}/${inner}`]: ['data'] },
    empty: false,
  },
  { reason: 'somebody’s file', bytes: 9, folders: { [path]: ['.meta', 'data'] }, empty: false },
  { reason: 'nobody can look', bytes: 9, folders: {}, empty: false },
  { reason: 'nobody can look into its folder', bytes: 9, folders: { [path]: [inner] }, empty: false },
]

describe('a volume is empty', () => {
  for (const { reason, bytes, folders, empty } of cases)
    it(`${empty ? 'with' : 'not with'} ${reason}`, async () => {
      expect(await isEmpty(holding(folders), place, { bytes_used: bytes, path }, options)).toBe(empty)
    })
})

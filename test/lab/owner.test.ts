/** A lab that another run has is told, and not taken away. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { isOwn, own } from './owner.js'

const folder = mkdtempSync(join(tmpdir(), 'infra-owner-'))
const other = spawn('sleep', ['600'], { cwd: '/' })
const gone = spawnSync('true').pid

afterAll(() => {
  other.kill()
  rmSync(folder, { recursive: true })
})

/** As the other process writes it down: when it began is the 22nd field of its status. */
const began = readFileSync(`/proc/${other.pid}/stat`, 'utf8').split(' ')[21]

it.each([
  { reason: 'nobody has it', owner: undefined, refused: false },
  { reason: 'its process is gone', owner: `${gone} 1`, refused: false },
  { reason: 'its process is gone, and another has its number', owner: `${other.pid} 1`, refused: false },
  { reason: 'another process has it', owner: `${other.pid} ${began}`, refused: true },
])('$reason', ({ owner, refused }) => {
  if (owner !== undefined) writeFileSync(join(folder, 'owner'), owner)
  const take = () => isOwn(folder)
  if (refused) expect(take).toThrow(`in use by the process ${other.pid} (in /): these tests run there`)
  else expect(take()).toBe(false)
})

it('who has it may come back to it', () => {
  own(folder)
  expect(isOwn(folder)).toBe(true)
})

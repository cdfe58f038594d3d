/** A lab that another run has is told, and not taken away. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { own, requireUnowned } from './owner.js'

const folder = mkdtempSync(join(tmpdir(), 'infra-owner-'))
const other = spawn('sleep', ['600'], { cwd: '/' })
const gone = spawnSync('true').pid

afterAll(() => {
  other.kill()
  rmSync(folder, { recursive: true })
})

it.each([
  { reason: 'nobody has it', pid: undefined, refused: false },
  { reason: 'its process is gone', pid: gone, refused: false },
  { reason: 'another process has it', pid: other.pid, refused: true },
])('$reason', ({ pid, refused }) => {
  if (pid !== undefined) writeFileSync(join(folder, 'owner'), String(pid))
  const take = () => requireUnowned(folder)
  if (refused) expect(take).toThrow(`in use by the process ${pid} (in /): these tests run there`)
  else expect(take).not.toThrow()
})

it('who has it may come back to it', () => {
  own(folder)
  expect(() => requireUnowned(folder)).not.toThrow()
})

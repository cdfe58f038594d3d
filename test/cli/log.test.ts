import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openLog } from '../../src/cli/log.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'infra-log-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const logTo = (target: string) =>
  openLog({ target, command: 'infra plan', pid: 7, secrets: () => ['hunter2'], now: () => 0 })

it('appends an object a line, without secrets', () => {
  const target = join(folder, 'log')
  const log = logTo(target)
  log('one')
  log('two', { token: 'a hunter2 b' })
  const lines = readFileSync(target, 'utf8').trimEnd().split('\n')
  expect(lines.map(line => JSON.parse(line).event)).toEqual(['one', 'two'])
  expect(lines.join()).not.toContain('hunter2')
})

it('that cannot be begun is an error', () => {
  expect(() => logTo(join(folder, 'missing', 'log'))('one')).toThrow('cannot be written')
})

it('that cannot go on is told once, and ends nothing', () => {
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const target = join(folder, 'log')
  const log = logTo(target)
  log('one')
  rmSync(target)
  mkdirSync(target)
  log('two')
  log('three')
  expect(told).toHaveBeenCalledOnce()
  expect(told.mock.calls[0]?.[0]).toContain('the log ends here')
})

/**
 * Each history that once lost something is run again. A new one is what a failing run of history.crash.test.ts prints as "made
 * small", with a reason that says what must hold.
 */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { History } from './draw.js'
import { runHistory } from './history.js'

interface Regression {
  readonly reason: string
  readonly history: History
}

const regressions: readonly Regression[] = JSON.parse(
  readFileSync(new URL('./regressions.json', import.meta.url), 'utf8'),
)

it.each(regressions)('$reason', async ({ history }) => {
  const { processes } = await runHistory(history)
  expect(processes).toBeGreaterThan(0)
})

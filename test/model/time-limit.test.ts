import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { timeLimit } from '../../src/model/time-limit.js'

test('a limit that only a combined signal knows of ends in time, garbage collected or not', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const outer = new AbortController()
  const limited = (() => AbortSignal.any([outer.signal, timeLimit(400)]))()
  let ended = false
  limited.addEventListener('abort', () => {
    ended = true
  })
  for (let turn = 0; turn < 3; turn += 1) {
    await sleep(30)
    collect()
  }
  await sleep(800)
  expect(ended).toBe(true)
})

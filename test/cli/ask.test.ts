import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ask } from '../../src/cli/ask.js'
import { failureChoice } from '../../src/cli/run-plan.js'

const never = new AbortController().signal

describe('a question', { timeout: 60_000 }, () => {
  test.each([
    { reason: 'an answer, trimmed, in lower case', types: ' Yes \n', answer: 'yes' },
    { reason: 'nothing but Enter', types: '\n', answer: '' },
    { reason: 'Ctrl-C', types: '\u0003', answer: undefined },
    { reason: 'Ctrl-D', types: '\u0004', answer: undefined },
  ])('gets $reason', async ({ types, answer }) => {
    const input = new PassThrough()
    const output = Object.assign(new PassThrough(), { isTTY: true })
    output.resume()
    const asked = ask('? ', never, { input, output })
    input.write(types)
    expect(await asked).toBe(answer)
  })

  test('gets no answer of an input that ends, and of one that is aborted', async () => {
    const ended = new PassThrough()
    ended.end()
    expect(await ask('? ', never, { input: ended, output: new PassThrough() })).toBeUndefined()
    const aborted = AbortSignal.abort()
    const streams = { input: new PassThrough(), output: new PassThrough() }
    expect(await ask('? ', aborted, streams)).toBeUndefined()
  })
})

test.each([
  { answer: 'r', choice: 'retry' },
  { answer: 'b', choice: 'rollback' },
  { answer: 'roll back', choice: 'rollback' },
  { answer: 'keep', choice: 'stop' },
  { answer: '', choice: undefined },
  { answer: 'x', choice: undefined },
  { answer: undefined, choice: 'stop' },
])('after a failure $answer means $choice', ({ answer, choice }) => {
  expect(failureChoice(answer)).toBe(choice)
})

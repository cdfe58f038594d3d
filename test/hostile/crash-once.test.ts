/** What once ended in a crash, as small as it could be made. */
import { describe, expect, it } from 'vitest'
import { errorsOf, load } from '../stack/stacks.js'

describe('a stack', () => {
  const volume = (kind: string, metadata: string) =>
    `apiVersion: infra/v1\nkind: ${kind}\nmetadata: ${metadata}\nspec: {size: 1GiB}\n`
  it.each([
    { reason: 'a kind that cannot be told in words', text: volume('{toString: 1}', '{name: a}') },
    { reason: 'a name that cannot be told in words', text: volume('Volume', '{name: {toString: 1}}') },
    {
      reason: 'an object’s name that cannot be told',
      text: volume('Volume', '{name: a, objectName: {"toString": 1}}'),
    },
    { reason: 'a list as a kind', text: volume('[[]]', '{name: a}') },
  ])('with $reason is refused', async ({ text }) => {
    const errors = await errorsOf(load(text))
    expect(errors.length).toBeGreaterThan(0)
    expect(errors.map(error => error.code)).not.toContain('unexpected')
  })
})

import { expect, it } from 'vitest'
import { once } from '../../src/model/once.js'

it('makes nothing before it is asked for, and then the same for all', () => {
  let made = 0
  const value = once(() => {
    made += 1
    return undefined
  })
  expect(made).toBe(0)
  expect([value(), value()]).toEqual([undefined, undefined])
  expect(made).toBe(1)
})

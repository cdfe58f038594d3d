/** The process that holds librados, after it has died. */
import { describe, expect, it } from 'vitest'
import { renewed } from '../../../src/providers/ceph/client/renewed.js'

const { signal } = new AbortController()

function processes() {
  const begun: { alive: boolean }[] = []
  let fails = 0
  const host = renewed(async () => {
    await Promise.resolve()
    if (fails-- > 0) throw new Error('cannot be begun')
    const one = { alive: true }
    begun.push(one)
    return one
  })
  const failNext = () => {
    fails = 1
  }
  return { host, begun, failNext }
}

describe('a process that is begun anew', () => {
  it('is one for many that ask, from the beginning, and once it has died', async () => {
    const { host, begun } = processes()
    const ask = () => Promise.all([host.get(signal), host.get(signal), host.get(signal)])
    expect(new Set(await ask()).size).toBe(1)
    for (const one of begun) one.alive = false
    expect(new Set(await ask())).toEqual(new Set([begun[1]]))
    expect(begun).toHaveLength(2)
    expect(await host.last()).toBe(begun[1])
  })

  it('is tried again by the next that asks where it could not be begun', async () => {
    const { host, begun, failNext } = processes()
    failNext()
    await expect(host.get(signal)).rejects.toThrow('cannot be begun')
    expect(await host.last()).toBeUndefined()
    expect(await host.get(signal)).toBe(begun[0])
  })
})

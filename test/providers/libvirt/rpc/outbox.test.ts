import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { outbox } from '../../../../src/providers/libvirt/rpc/outbox.js'

function collecting() {
  const writes: string[] = []
  const send = outbox((bytes, done) => {
    writes.push(bytes.toString())
    done()
  })
  return { writes, send: (text: string) => send(Buffer.from(text)) }
}

describe('what is sent', () => {
  it('in one turn goes out together, in its order', async () => {
    const { writes, send } = collecting()
    const all = Promise.all(['a', 'b', 'c'].map(send))
    expect(writes).toEqual([])
    await all
    expect(writes).toEqual(['abc'])
    await send('d')
    expect(writes).toEqual(['abc', 'd'])
  })

  it('in a long turn goes out in parts, the first before the turn ends, and nothing twice', async () => {
    const { writes, send } = collecting()
    const texts = Array.from({ length: 50 }, (_, index) => `${index};`.padEnd(2_000, '.'))
    const all = Promise.all(texts.map(send))
    expect(writes.length).toBeGreaterThan(1)
    await all
    await turn()
    expect(writes.join('')).toBe(texts.join(''))
  })

  it('and cannot be written rejects for those who wait, and hurts nobody else', async () => {
    const send = outbox((_, done) => done(new Error('gone')))
    void send(Buffer.from('a'))
    await expect(send(Buffer.from('b'))).rejects.toThrow('gone')
    await expect(send(Buffer.alloc(100_000))).rejects.toThrow('gone')
  })
})

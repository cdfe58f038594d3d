/** A connection that is out of reach: what goes through it is unreadable, and nothing counts as done. */
import { expect, it } from 'vitest'
import { InfraError } from '../../src/model/error.js'
import { nodePorts } from '../../src/model/node-ports.js'
import type { ProviderType } from '../../src/providers/provider.js'
import { type ConnectInput, connect } from '../../src/session/connect.js'

const away = new InfraError({ kind: 'connection', code: 'away', message: 'it does not answer' })
const type = {
  type: 'far',
  settings: { safeParse: () => ({ success: true }) },
  open: () => Promise.reject(away),
} as unknown as ProviderType
const target = { address: 'Volume/data', kind: 'Volume', name: 'data', spec: {} }

async function provider() {
  const input: ConnectInput = {
    connections: [{ name: 'x', type: 'far', settings: {} }],
    types: new Map([['far', () => Promise.resolve(type)]]),
    ...{ folder: '/', stateFolder: '/', ports: nodePorts, signal: new AbortController().signal },
  }
  const { providers } = await connect(input)
  const found = providers.get('x')
  if (!found) throw new Error('it is not there')
  return found
}

it('what is behind it is unreadable, with why', async () => {
  const seen = await (await provider()).observe([target], new AbortController().signal)
  expect(seen.get('Volume/data')).toEqual({ status: 'unreadable', why: 'it does not answer' })
})

// Every verb that changes something, or looks for what to change: one that is missing would count as done
it.each(['create', 'update', 'delete', 'discard', 'unmanaged'] as const)(
  '%s fails with what is wrong',
  async verb => {
    const work = (await provider())[verb] as unknown as () => Promise<unknown>
    await expect(work()).rejects.toBe(away)
  },
)

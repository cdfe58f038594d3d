/** Where the key of a client goes while the client is deleted, on a monitor of the test's own. */
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/model/value.js'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import type { CallOptions, CephCommand } from '../../../src/providers/ceph/client/connection.js'
import { CephError } from '../../../src/providers/ceph/client/error.js'
import { clients } from '../../../src/providers/ceph/clients/index.js'
import { aCall } from './harness.js'

/** A monitor with clients and a store of keys. It ends the connection instead of answering a command that `broken` names. */
function monitor() {
  const entities = new Map<string, { key: string; caps: Record<string, string> }>()
  const store = new Map<string, string>()
  const told: string[] = []
  let keys = 0
  let broken: string | undefined
  const entry = (entity: string) => ({ entity, ...entities.get(entity) })
  const missing = (prefix: string) => new CephError(prefix, 2, 'not there')
  const run = ({ prefix, entity, key, caps }: CephCommand, input: string): Json => {
    const [name, at] = [String(entity), String(key)]
    switch (prefix) {
      case 'auth get':
        if (!entities.has(name)) throw missing(prefix)
        return [entry(name)]
      case 'auth ls':
        return { auth_dump: [...entities.keys()].map(entry) }
      case 'auth get-or-create':
      case 'auth caps': {
        const words = (caps as readonly string[]).map(String)
        const said = words.flatMap((word, n) => (n % 2 === 0 ? [[word, words[n + 1] ?? '']] : []))
        const known = entities.get(name)?.key ?? `key-${++keys}==`
        entities.set(name, { key: known, caps: Object.fromEntries(said) })
        return ''
      }
      case 'auth import': {
        const imported = /^\[(.+)\]\n\tkey = (\S+)\n/.exec(input)
        const told = [...input.matchAll(/\tcaps (\w+) = "(.*)"\n/g)].map(([, daemon, cap]) => [daemon, cap])
        entities.set(imported?.[1] ?? '', { key: imported?.[2] ?? '', caps: Object.fromEntries(told) })
        return ''
      }
      case 'auth rm':
        entities.delete(name)
        return ''
      case 'config-key ls':
        return [...store.keys()]
      case 'config-key set':
        store.set(at, input)
        return ''
      case 'config-key rm':
        store.delete(at)
        return ''
      default:
        throw new CephError(prefix, 22, 'no such command')
    }
  }
  const mon = async (command: CephCommand, { input = '' }: CallOptions) => {
    told.push(JSON.stringify(command))
    if (command.prefix === broken) throw new CephError(command.prefix, 107, 'lost')
    if (command.prefix === 'config-key get') {
      const found = store.get(String(command.key))
      if (found === undefined) throw missing(command.prefix)
      return { output: found, status: '' }
    }
    return { output: JSON.stringify(run(command, input)), status: '' }
  }
  return {
    ceph: { connection: { mon } } as unknown as Ceph,
    store,
    /** Every command as it was given, without the data that went with it. */
    told,
    keyOf: (name: string) => entities.get(`client.${name}`)?.key,
    rotate: (name: string) => {
      const known = entities.get(`client.${name}`)
      if (known) known.key = `key-${++keys}==`
    },
    breakAt(prefix?: string) {
      broken = prefix
    },
  }
}

const caps = { mon: 'allow r', osd: 'allow rw pool="a b"' }
const target = (name: string) => ({ address: `CephClient/${name}`, kind: 'CephClient', name, spec: { caps } })
const common = { identity: { uuid: 'u' }, owner: { lineage: 'l', address: 'CephClient/app' }, labels: {} }

function subject(at: ReturnType<typeof monitor>, name = 'app') {
  return {
    create: (restore?: Json) =>
      clients.create(
        at.ceph,
        { ...target(name), ...common, ...(restore !== undefined && { restore }) },
        aCall().call,
      ),
    async remove(trash: string): Promise<Json> {
      const { call, kept } = aCall()
      await clients.delete(at.ceph, { ...target(name), ...common, trash }, call)
      return kept.at(-1) ?? null
    },
    discard: (token: Json) => clients.discard?.(at.ceph, token as never, new AbortController().signal),
    observe: async () =>
      (await clients.observe(at.ceph, [target(name)], new AbortController().signal)).get(
        `CephClient/${name}`,
      ),
  }
}

describe('the key of a client', () => {
  it('is a fact of the client, the new one once it was rotated', async () => {
    const at = monitor()
    const app = subject(at)
    await app.create()
    expect(await app.observe()).toMatchObject({ facts: { entity: 'client.app', key: at.keyOf('app') } })
    at.rotate('app')
    expect(await app.observe()).toMatchObject({ facts: { key: 'key-2==' }, spec: { caps } })
  })

  it('is kept by the monitors while the client is deleted, comes back with it, and leaves no copy', async () => {
    const at = monitor()
    const app = subject(at)
    await app.create()
    const key = at.keyOf('app') ?? ''
    const token = await app.remove('t1')
    expect(at.keyOf('app')).toBeUndefined()
    expect([...at.store.values()].join()).toContain(`\tkey = ${key}\n`)
    await app.create(token)
    expect(at.keyOf('app')).toBe(key)
    expect(await app.observe()).toMatchObject({ spec: { caps } })
    expect(at.store.size).toBe(0)
    // What is given as an argument is in the monitors' audit log
    expect(JSON.stringify([token, at.told])).not.toContain(key)
  })

  const cuts: readonly { readonly reason: string; readonly at: string }[] = [
    { reason: 'before its copy is made', at: 'config-key set' },
    { reason: 'before old copies are looked for', at: 'config-key ls' },
    { reason: 'before the client goes', at: 'auth rm' },
  ]
  for (const { reason, at: prefix } of cuts) {
    it(`has one copy where a delete was cut off ${reason}, and another followed`, async () => {
      const at = monitor()
      const app = subject(at)
      await app.create()
      const key = at.keyOf('app')
      at.breakAt(prefix)
      await expect(app.remove('t1')).rejects.toThrow()
      at.breakAt()
      const token = await app.remove('t2')
      expect([...at.store.keys()]).toEqual(['infra/kept/t2/client.app'])
      await app.create(token)
      expect([at.keyOf('app'), at.store.size]).toEqual([key, 0])
    })
  }

  it('comes back where the return was cut off, and leaves no copy', async () => {
    const at = monitor()
    const app = subject(at)
    await app.create()
    const key = at.keyOf('app')
    const token = await app.remove('t1')
    at.breakAt('config-key ls')
    await expect(app.create(token)).rejects.toThrow()
    at.breakAt()
    await app.create(token)
    expect([at.keyOf('app'), at.store.size]).toEqual([key, 0])
  })

  it('comes back with what is declared where it could do something else when it went, and that was cut off', async () => {
    const at = monitor()
    const app = subject(at)
    const { signal } = new AbortController()
    await app.create()
    const more = { prefix: 'auth caps', entity: 'client.app', caps: ['mon', 'allow *'] }
    await at.ceph.connection.mon(more, { signal })
    const token = await app.remove('t1')
    at.breakAt('auth caps')
    await expect(app.create(token)).rejects.toThrow()
    at.breakAt()
    await app.create(token)
    expect(await app.observe()).toMatchObject({ spec: { caps } })
  })

  it('of an earlier client of the name is left to its own checkpoint, and so is that of another', async () => {
    const at = monitor()
    const [app, other] = [subject(at), subject(at, 'other')]
    await app.create()
    await other.create()
    const earlier = await app.remove('t1')
    await app.create()
    at.rotate('app')
    await other.remove('t2')
    const later = await app.remove('t3')
    expect([...at.store.keys()].sort()).toEqual([
      'infra/kept/t1/client.app',
      'infra/kept/t2/client.other',
      'infra/kept/t3/client.app',
    ])
    await app.create(later)
    expect([...at.store.keys()].sort()).toEqual(['infra/kept/t1/client.app', 'infra/kept/t2/client.other'])
    await app.remove('t4')
    await app.create(earlier)
    expect(at.keyOf('app')).toBe('key-1==')
    await app.discard(earlier)
    expect(at.store.has('infra/kept/t1/client.app')).toBe(false)
  })
})

/** Emptying the trash of a pool that does not answer for its volumes: its files go, or it is told; never neither. */
import { expect, it } from 'vitest'
import { InfraError } from '../../../src/model/error.js'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { procedures } from '../../../src/providers/libvirt/rpc/procedures/index.js'
import { empty } from '../../../src/providers/libvirt/trash.js'

const stopped = new InfraError({ kind: 'operation', code: 'libvirt', message: 'the pool is not active' })

function hostWith(type: string) {
  const removed: string[] = []
  const call = async (procedure: unknown) => {
    if (procedure === procedures.pools.lookupByName) return { name: 'p', uuid: 'u' }
    if (procedure === procedures.pools.xml) return `<pool type='${type}'><name>p</name></pool>`
    throw stopped
  }
  const files = { remove: async (path: string) => void removed.push(path) }
  return { host: { client: { call }, files } as unknown as Host, removed }
}

const kept = [{ pool: 'p', name: 'd', path: '/pool/d', trash: 'infra-trash.x.d' }]
const { signal } = new AbortController()

it('removes the files of a folder whose pool is stopped', async () => {
  const { host, removed } = hostWith('dir')
  await empty(host, kept, signal)
  expect(removed).toEqual(['/pool/infra-trash.x.d'])
})

it.each(['logical', 'rbd'])('fails for a pool of type %s that is stopped: it is still there', async type => {
  const { host, removed } = hostWith(type)
  await expect(empty(host, kept, signal)).rejects.toBe(stopped)
  expect(removed).toEqual([])
})

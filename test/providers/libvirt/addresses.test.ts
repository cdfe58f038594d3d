/** Where a running guest's addresses come from: its agent first, then leases, its own document, and the host's neighbours. */
import { describe, expect, it } from 'vitest'
import { AddressBook, type Guest } from '../../../src/providers/libvirt/addresses.js'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { LibvirtError, libvirtCodes } from '../../../src/providers/libvirt/rpc/errors.js'
import { addressSources } from '../../../src/providers/libvirt/rpc/flags.js'
import type { Procedure } from '../../../src/providers/libvirt/rpc/procedure.js'

const signal = new AbortController().signal
const domain = { name: 'web', uuid: 'web', id: 7 }
const mac = '52:54:00:00:00:01'

/** What each place tells; one that is left out fails. */
interface Told {
  readonly agent?: readonly string[]
  readonly hostname?: string
  readonly leases?: readonly { readonly mac: string; readonly address: string; readonly hostname?: string }[]
  readonly neighbours?: readonly string[]
}

function hostOf({ agent, hostname, leases, neighbours }: Told): Host {
  const fail = (name: string) => new LibvirtError(name, libvirtCodes.INTERNAL_ERROR, 10, 'it does not tell')
  const call = async (
    { name }: Procedure<unknown, unknown>,
    { source }: { readonly source?: number } = {},
  ) => {
    switch (name) {
      case 'domainInterfaceAddresses': {
        const found = source === addressSources.agent ? agent : neighbours
        if (found === undefined) throw fail(name)
        return [{ name: 'eth0', mac, addresses: found.map(address => ({ type: 0, address, prefix: 24 })) }]
      }
      case 'networkLookupByName':
        return { name: 'lab', uuid: 'lab' }
      case 'networkGetDHCPLeases':
        if (leases === undefined) throw new LibvirtError(name, libvirtCodes.OPERATION_INVALID, 19, 'inactive')
        return leases
      default:
        if (hostname === undefined) throw fail(name)
        return JSON.stringify({ return: { 'host-name': hostname } })
    }
  }
  return { client: { call } } as unknown as Host
}

const guest: Guest = { agent: true, macs: [mac], networks: ['lab'], fixed: [] }
const lease = { mac, address: '10.0.0.7', hostname: 'leased' }

describe('the addresses of a running guest', () => {
  it.each<{
    readonly reason: string
    readonly told: Told
    readonly guest?: Partial<Guest>
    readonly addresses: readonly string[]
    readonly hostname?: string
  }>([
    {
      reason: 'are its agent’s, but for loopback and link-local ones',
      told: { agent: ['127.0.0.1', '10.0.0.5', 'fe80::1', 'fd00::5'], hostname: 'web', leases: [lease] },
      addresses: ['10.0.0.5', 'fd00::5'],
      hostname: 'web',
    },
    {
      reason: 'are those leased to its own interfaces, where its agent knows none yet',
      told: { agent: ['127.0.0.1'], hostname: 'web', leases: [{ mac: 'other', address: '10.0.0.9' }, lease] },
      addresses: ['10.0.0.7'],
      hostname: 'web',
    },
    {
      reason: 'are those leased where its agent fails',
      told: { leases: [lease] },
      addresses: ['10.0.0.7'],
      hostname: 'leased',
    },
    {
      reason: 'are leases before those that its document gives it',
      told: { leases: [lease] },
      guest: { fixed: ['10.0.0.8', '10.0.0.7'] },
      addresses: ['10.0.0.7', '10.0.0.8'],
      hostname: 'leased',
    },
    {
      reason: 'are its document’s, where nobody else knows any',
      told: { neighbours: ['10.0.0.6'] },
      guest: { agent: false, fixed: ['10.0.0.8'] },
      addresses: ['10.0.0.8'],
    },
    {
      reason: 'are what the host’s neighbours tell, at last',
      told: { neighbours: ['10.0.0.6', '10.0.0.6', 'fe80::6'] },
      guest: { agent: false },
      addresses: ['10.0.0.6'],
    },
    { reason: 'are none, and no error, where nobody knows', told: {}, addresses: [] },
  ])('$reason', async ({ told, guest: differs, addresses, hostname }) => {
    const found = await new AddressBook(hostOf(told), signal).of(domain, { ...guest, ...differs })
    expect(found).toEqual({ addresses, hostname })
  })
})

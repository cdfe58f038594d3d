/** What may be in use is not deleted: a machine that cannot be read is no machine that uses nothing. */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { type LibvirtCode, LibvirtError, libvirtCodes } from '../../../src/providers/libvirt/rpc/errors.js'
import { domainXmlFlags } from '../../../src/providers/libvirt/rpc/flags.js'
import type { Procedure } from '../../../src/providers/libvirt/rpc/procedure.js'
import { Usage } from '../../../src/providers/libvirt/usage.js'

const signal = new AbortController().signal
const volume = { pool: 'vms', name: 'data', path: '/vms/data' }
const xmlWith = (source: string) =>
  `<domain type='qemu'><name>web</name><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>${source}<target dev='vdb' bus='virtio'/></disk></devices></domain>`

/** A host with one machine of this XML, or one of which libvirt says so when it is asked for it. It may run with other XML. */
function hostWith(machine: string | LibvirtCode, running?: string): Host {
  const call = async ({ name }: Procedure<unknown, unknown>, { flags }: { readonly flags: number }) => {
    if (name === 'connectListAllDomains') return [{ name: 'web', uuid: 'web', id: running ? 7 : -1 }]
    if (name === 'connectListAllStoragePools') return []
    if (running !== undefined && (flags & domainXmlFlags.inactive) === 0) return running
    if (machine.startsWith('<')) return machine
    throw new LibvirtError(name, libvirtCodes[machine as LibvirtCode], 10, 'permission denied')
  }
  return { client: { call }, ports: { clock: { now: () => 0 } } } as unknown as Host
}

describe('a volume that is to go', () => {
  it.each<{ reason: string; machine: string; running?: string; code: string | undefined }>([
    { reason: 'nobody has it', machine: xmlWith("<source file='/vms/other'/>"), code: undefined },
    { reason: 'a machine has it', machine: xmlWith("<source file='/vms/data'/>"), code: 'volume-in-use' },
    {
      reason: 'a machine has it as it runs, and not from its next start on',
      machine: xmlWith("<source file='/vms/other'/>"),
      running: xmlWith("<source file='/vms/data'/>"),
      code: 'volume-in-use',
    },
    {
      reason: 'a machine that runs without it has it from its next start on',
      machine: xmlWith("<source file='/vms/data'/>"),
      running: xmlWith("<source file='/vms/other'/>"),
      code: 'volume-in-use',
    },
    { reason: 'the machine has gone meanwhile', machine: 'NO_DOMAIN', code: undefined },
    { reason: 'the machine may not be read', machine: 'ACCESS_DENIED', code: 'volume-use-unknown' },
    { reason: 'libvirt fails in reading it', machine: 'INTERNAL_ERROR', code: 'volume-use-unknown' },
  ])('$reason', async ({ machine, running, code }) => {
    const refusal = new Usage().refuse(hostWith(machine, running), volume, signal)
    if (code === undefined) return expect(refusal).resolves.toBeUndefined()
    await expect(refusal).rejects.toMatchObject({ code })
    if (code === 'volume-use-unknown')
      await expect(refusal).rejects.toMatchObject({ why: 'web: permission denied' })
  })
})

/** What a machine names is looked for where it is needed, and no further. */
import { describe, expect, it } from 'vitest'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { findParts } from '../../../src/providers/libvirt/machine-input.js'
import { LibvirtError, libvirtCodes } from '../../../src/providers/libvirt/rpc/errors.js'
import type { Procedure } from '../../../src/providers/libvirt/rpc/procedure.js'

/** A host whose pools are there, and empty. */
function emptyPools(): Host {
  const answers: Readonly<Record<string, unknown>> = {
    storagePoolLookupByName: { name: 'any', uuid: 'u' },
    storagePoolGetInfo: { state: 2 },
    storagePoolGetXMLDesc: '<pool type="dir"><name>any</name><target><path>/any</path></target></pool>',
    storagePoolListAllVolumes: [],
  }
  const call = async ({ name }: Procedure<unknown, unknown>) => {
    if (name in answers) return answers[name]
    throw new LibvirtError(name, libvirtCodes.NO_STORAGE_VOL, 18, 'no')
  }
  return { client: { call } } as unknown as Host
}

describe('the image of a machine', () => {
  const spec = { storagePool: 'vms', bootDisk: { sizeGB: 1, image: 'images:gone.qcow2' } }
  const { signal } = new AbortController()

  it('must be there where its boot disk is made', async () => {
    await expect(findParts(emptyPools(), spec, signal)).rejects.toMatchObject({ code: 'no-volume' })
  })

  it('may be gone where the machine is changed: it has outlived it', async () => {
    expect(await findParts(emptyPools(), spec, signal, { image: false })).toMatchObject({
      folder: '/any',
      image: undefined,
    })
  })
})

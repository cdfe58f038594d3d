/** The systems of the driver, by name: each a lab of its own, and another one by hand than in the tests. */
import { cephLab, cephLabMissing } from '../lab/ceph.js'
import { libvirtLab } from '../lab/libvirt.js'
import { cephSystem } from './ceph-system.js'
import { libvirtSystem } from './libvirt-system.js'
import type { CrashSystem } from './system.js'

type Found = CrashSystem | { readonly skip: string }

export async function killedLibvirt(by: 'test' | 'hand'): Promise<Found> {
  const lab = await libvirtLab({ own: by === 'test' ? 61 : 62 })
  return 'skip' in lab ? lab : libvirtSystem(lab)
}

export async function killedCeph(by: 'test' | 'hand'): Promise<Found> {
  const skip = await cephLabMissing()
  if (skip !== undefined) return { skip }
  const at = by === 'test' ? { name: 'killed', port: 19_000 } : { name: 'killed-long', port: 19_300 }
  return cephSystem(await cephLab({ ...at, mdss: 0, store: 'bluestore' }))
}

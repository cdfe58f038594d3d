import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bootVolume,
  dataVolume,
  defaultPools,
  ignitionVolume,
  macOfIpv4,
  macOfName,
  seedVolume,
  tapOfIpv4,
  tapOfName,
} from '../../../src/providers/libvirt/names.js'

const name = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/)

describe('names', () => {
  it.each([
    ['10.55.22.22', 'be:ef:0a:37:16:16', 'vm0a371616'],
    ['192.168.1.100', 'be:ef:c0:a8:01:64', 'vmc0a80164'],
    ['10.250.250.10', 'be:ef:0a:fa:fa:0a', 'vm0afafa0a'],
    ['10.250.250.10/24', 'be:ef:0a:fa:fa:0a', 'vm0afafa0a'],
    ['0.0.0.0', 'be:ef:00:00:00:00', 'vm00000000'],
    ['255.255.255.255', 'be:ef:ff:ff:ff:ff', 'vmffffffff'],
  ])('are Foundry’s for %s', (ip, mac, tap) => {
    expect(macOfIpv4(ip)).toBe(mac)
    expect(tapOfIpv4(ip)).toBe(tap)
  })

  it.each(['fd00::5/64', '10.0.0', '10.0.0.256', '', 'web'])('are none for %j', ip => {
    expect(macOfIpv4(ip)).toBeUndefined()
    expect(tapOfIpv4(ip)).toBeUndefined()
  })

  it('are Foundry’s for volumes and pools', () => {
    expect([
      bootVolume('my-vm'),
      dataVolume('my-vm', 'vdb'),
      seedVolume('my-vm'),
      ignitionVolume('my-vm'),
    ]).toEqual(['my-vm_boot', 'my-vm_data-vdb', 'my-vm_cloudinit', 'my-vm_ignition'])
    expect(defaultPools).toEqual({
      'foundry-images': '/var/lib/libvirt/images/foundry/images',
      'foundry-vms': '/var/lib/libvirt/images/foundry/vms',
    })
  })

  it('stay the same for interfaces without an IPv4 address', () => {
    expect([macOfName('web', 'eth0'), tapOfName('web', 'eth0')]).toEqual([
      macOfName('web', 'eth0'),
      tapOfName('web', 'eth0'),
    ])
    // Written down, so that a change of the rule, which would change every such machine, is seen.
    expect(macOfName('web', 'eth0')).toBe('4a:28:d4:29:90:32')
    expect(tapOfName('web', 'eth0')).toBe('vn47a602efde')
  })

  it('are addresses that a network takes and no one else has', () => {
    fc.assert(
      fc.property(name, name, fc.ipV4(), (machine, item, ip) => {
        const mac = macOfName(machine, item)
        const first = Number.parseInt(mac.slice(0, 2), 16)
        expect(mac).toMatch(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/)
        expect(first & 3).toBe(2)
        expect(mac).not.toBe(macOfIpv4(ip))
        expect(tapOfName(machine, item)).toMatch(/^vn[0-9a-f]{10}$/)
        expect(tapOfName(machine, item)).not.toBe(tapOfIpv4(ip))
      }),
    )
  })
})

/** The network interfaces of a virtual machine. */
import { z } from 'zod'
import { once } from '../../../../model/once.js'

const rate = once(() =>
  z.strictObject({
    averageKiB: z.number().int().positive().describe('Average in KiB a second.'),
    peakKiB: z.number().int().positive().optional().describe('Peak in KiB a second.'),
    burstKiB: z.number().int().positive().optional().describe('KiB that may go at the peak.'),
  }),
)

export const networkInterface = once(() =>
  z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_.-]{0,30}$/, 'must be 1 to 31 lower-case letters, digits or any of _.-')
      .optional()
      .describe(
        'What the stack calls it. By default `eth0`, `eth1`, … by its place in the list; name them to insert one in the middle.',
      ),
    ip: z
      .string()
      .min(1)
      .optional()
      .describe('Its static address in CIDR notation: `10.55.22.22/24`, `fd00::22/64`. This or `dhcp`.'),
    addresses: z
      .array(z.string().min(1))
      .optional()
      .describe('Further static addresses in CIDR notation, of either family.'),
    gateway: z
      .string()
      .min(1)
      .optional()
      .describe('Gateway of the default route, of the same family as `ip`.'),
    gateway6: z.string().min(1).optional().describe('Gateway of the IPv6 default route, where `ip` is IPv4.'),
    dnsServers: z.array(z.string().min(1)).optional().describe('Name servers.'),
    searchDomains: z
      .array(z.string().min(1))
      .optional()
      .describe('Domains that short names are looked up in.'),
    dhcp: z.boolean().optional().describe('Address by DHCP. False by default. This or `ip`.'),
    dhcp6: z
      .boolean()
      .optional()
      .describe('IPv6 address by DHCPv6, beside router advertisements. False by default.'),
    defaultRoute: z
      .boolean()
      .optional()
      .describe(
        'The default route goes through it. True for the first interface by default, false for the others.',
      ),
    bridge: z
      .string()
      .min(1)
      .max(15)
      .optional()
      .describe('Bridge of the host that it is plugged into. One of `bridge`, `network`, `ethernet`.'),
    network: z
      .string()
      .min(1)
      .optional()
      .describe('Network of libvirt that it is plugged into. One of `bridge`, `network`, `ethernet`.'),
    ethernet: z
      .boolean()
      .optional()
      .describe(
        'True: only a tap device, to be routed by the host (BGP). One of `bridge`, `network`, `ethernet`.',
      ),
    pxeBoot: z
      .boolean()
      .optional()
      .describe(
        'Boots from the network through it first, then from the boot disk, as later documents of Foundry have it: short for `bootOrder: [INTERFACE, vda]`.',
      ),
    mac: z
      .string()
      .regex(/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/, 'must be six pairs of hexadecimal digits with colons')
      .optional()
      .describe(
        'MAC address. By default from the IPv4 address (`be:ef:` and its octets), else from the names of machine and interface.',
      ),
    tap: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,15}$/, 'must be 1 to 15 letters, digits or any of _.-')
      .optional()
      .describe(
        'Tap device on the host. By default `vm` and the IPv4 address in hexadecimal, else from the names.',
      ),
    model: z
      .enum(['virtio', 'e1000e', 'e1000', 'rtl8139'])
      .optional()
      .describe('Device model. `virtio` by default.'),
    mtu: z
      .number()
      .int()
      .min(68)
      .max(65535)
      .optional()
      .describe('MTU of the tap and, by virtio, of the guest.'),
    vlan: z
      .number()
      .int()
      .min(1)
      .max(4094)
      .optional()
      .describe('VLAN tag, on bridges that know VLANs (Open vSwitch).'),
    link: z.enum(['up', 'down']).optional().describe('Whether the cable is plugged in. `up` by default.'),
    filter: z.string().min(1).optional().describe('A network filter of libvirt: `clean-traffic`.'),
    bandwidth: z
      .strictObject({
        inbound: rate().optional().describe('To the guest.'),
        outbound: rate().optional().describe('From the guest.'),
      })
      .optional()
      .describe('Limits of its speed.'),
  }),
)
